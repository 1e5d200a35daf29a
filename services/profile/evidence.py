"""What a picture says of a person's interests, and which part of it says so. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import WHOLE, Box, clip
from nungil.pictures.features import Features
from nungil.pictures.palettes import palettes_shown
from nungil.pictures.pooling import Table, pool_box, summed_area
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import Finding, Labels

FINDINGS_KEPT = 12
LABELS_KEPT = 3
NOISE = 0.02  # of a cell: less is a thousand labels sharing what nobody knows
AREA_POWER = 0.5  # how much of a small part's sureness counts: 1, by its share of the picture; 0, all of it
SMALLEST_CELLS = 2  # a part's width and height
_ROUNDING = 1e-5  # more than all rounding below
SMALLEST_PROBABILITY = 0.005  # of a label that is shown as a reason


@dataclass(frozen=True, slots=True)
class Reading:
    """How features become findings: bench/interests.py measures it.

    In each cell the probabilities of labels that speak for one interest are added up before anything is cut off: a dog
    of uncertain breed has many small ones. The part of the picture that speaks most for an interest is the rectangle of
    cells with the largest mean x area ^ AREA_POWER; where that is under `floor`, it is no interest.
    The colours of a whole picture may speak for a palette, which has no labels and a floor of its own.
    """

    taxonomy: Taxonomy
    floor: float

    def __call__(self, features: Features, box: Box | None) -> tuple[Finding, ...]:
        """What the picture, or the part of it under `box`, says: surest first, FINDINGS_KEPT at most; then its colours.

        A finding's score is the mean probability of its interest in its part. What a person points at is all that
        counts, so under a box the mean alone has to reach the floor. Raises InvalidBox.
        """
        label_map = np.where(features.label_map < NOISE, 0.0, features.label_map).astype(np.float32)
        interests, strengths = self._spoken([label.id for label in features.labels])
        summed = np.minimum(np.tensordot(strengths, label_map, axes=1), 1.0)  # [interests, rows, columns]
        can = np.flatnonzero(
            summed.max(axis=(1, 2), initial=0.0) >= self.floor - _ROUNDING
        )  # no mean is above its cells
        interests, strengths, summed = [interests[i] for i in can], strengths[can], summed[can]
        table = summed_area(np.moveaxis(summed, 0, -1).astype(np.float32))
        parts, means, reached = _strongest_parts(table) if box is None else _only_part(table, clip(box)[0])
        labels = summed_area(np.moveaxis(label_map, 0, -1))
        found = [
            Finding(
                interests[i],
                round(min(float(means[i]), 1.0), 4),
                _rounded(parts[i]),
                _best(features, pool_box(labels, parts[i]), strengths[i]),
            )
            for i in np.flatnonzero(reached >= self.floor)
        ]
        kept = sorted(found, key=lambda f: (-f.score, f.interest))[:FINDINGS_KEPT]
        return (*kept, *(self._of_colours(features, {f.interest for f in kept}) if box is None else ()))

    def _of_colours(self, features: Features, told: Collection[str]) -> Iterator[Finding]:
        """What the palettes of the whole picture say, where it is not told already. Nothing for what lies above them: every
        picture has colours, so that would say nothing of a person, and more than all else."""
        for palette, strength in palettes_shown(features.colours, self.taxonomy.palettes.values()):
            if palette not in told:
                yield Finding(palette, round(self.taxonomy.weighed(palette, strength), 4), WHOLE, ())

    def _spoken(self, labels: Sequence[str]) -> tuple[list[str], NDArray[np.float32]]:
        """The interests that any of these labels speaks for, and how strongly each does: float32 [interests, labels]."""
        known = self.taxonomy.labels
        spoken = [self.taxonomy.interests_of(label) if label in known else {} for label in labels]
        interests = sorted(set().union(*spoken))
        row_of = {interest: row for row, interest in enumerate(interests)}
        strengths = np.zeros((len(interests), len(labels)), dtype=np.float32)
        for column, of_label in enumerate(spoken):
            for interest, strength in of_label.items():
                strengths[row_of[interest], column] = strength
        return interests, strengths


def _strongest_parts(table: Table) -> tuple[list[Box], NDArray[np.float64], NDArray[np.float64]]:
    """For each interest the rectangle of cells with the largest mean x area ^ AREA_POWER, its mean, and that product.

    table: as `summed_area` gives it, float64 [rows + 1, columns + 1, interests].
    """
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    top, left, bottom, right = _rectangles(rows, columns)
    total = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    cells = ((bottom - top) * (right - left))[:, None]
    mean = total / cells
    # Rounded, so that among equals the first is taken on every machine: rectangles are listed largest first.
    reached = np.round(mean * (cells / (rows * columns)) ** AREA_POWER, 6)
    best = np.argmax(reached, axis=0)
    each = np.arange(table.shape[2])
    boxes = [
        Box(
            float(left[b] / columns),
            float(top[b] / rows),
            float((right[b] - left[b]) / columns),
            float((bottom[b] - top[b]) / rows),
        )
        for b in best
    ]
    return boxes, mean[best, each], reached[best, each]


def _only_part(table: Table, box: Box) -> tuple[list[Box], NDArray[np.float64], NDArray[np.float64]]:
    """As `_strongest_parts` where `box` is all that counts: the mean is what is reached."""
    means = pool_box(table, box).astype(np.float64)
    return [box] * len(means), means, means


@cache
def _rectangles(rows: int, columns: int) -> tuple[NDArray[np.int64], ...]:
    """Every rectangle of cells, largest first: top, left, bottom, right, int64 [n] each."""
    found = [
        (top, left, bottom, right)
        for top in range(rows)
        for bottom in range(top + min(SMALLEST_CELLS, rows), rows + 1)
        for left in range(columns)
        for right in range(left + min(SMALLEST_CELLS, columns), columns + 1)
    ]
    found.sort(key=lambda r: (-(r[2] - r[0]) * (r[3] - r[1]), r))
    return tuple(np.array(found, dtype=np.int64).T)


def _best(features: Features, probabilities: NDArray[np.float32], strengths: NDArray[np.float32]) -> Labels:
    """What speaks for an interest in a part: label and probability, best first, LABELS_KEPT at most."""
    order = sorted(np.flatnonzero(strengths), key=lambda i: (-float(probabilities[i] * strengths[i]), i))
    best = ((features.labels[i].id, round(float(probabilities[i]), 4)) for i in order[:LABELS_KEPT])
    return tuple((name, p) for name, p in best if p >= SMALLEST_PROBABILITY)


def _rounded(box: Box) -> Box:
    """To four digits, and still within the picture."""
    x, y = round(box.x, 4), round(box.y, 4)
    right, bottom = round(box.x + box.width, 4), round(box.y + box.height, 4)
    return Box(x, y, round(right - x, 4), round(bottom - y, 4))
