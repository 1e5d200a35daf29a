"""What a picture says of a person's interests, and which part of it says so. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box, clip
from nungil.pictures.features import Features
from nungil.pictures.pooling import pool_box, summed_area
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import Finding, Labels

FINDINGS_KEPT = 12
LABELS_KEPT = 3
NOISE = 0.02  # of a cell: less is a thousand labels sharing what nobody knows
AREA_POWER = 0.5  # how much of a small part's sureness counts: 1, by its share of the picture; 0, all of it
SMALLEST_CELLS = 2  # a part's width and height
SMALLEST_PROBABILITY = 0.005  # of a label that is shown as a reason

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """How features become findings: bench/interests.py measures it.

    In each cell the probabilities of labels that speak for one interest are added up before anything is cut off: a dog
    of uncertain breed has many small ones. The part of the picture that speaks most for an interest is the rectangle of
    cells with the largest mean x area ^ AREA_POWER; where that is under `floor`, it is no interest.
    """

    taxonomy: Taxonomy
    floor: float

    def __call__(self, features: Features, box: Box | None) -> tuple[Finding, ...]:
        """What the picture, or the part of it under `box`, says: surest first, FINDINGS_KEPT at most.

        A finding's score is the mean probability of its interest in its part. What a person points at is all that
        counts, so under a box the mean alone has to reach the floor. Raises InvalidBox.
        """
        label_map = np.where(features.label_map < NOISE, 0.0, features.label_map).astype(np.float32)
        names = [label.id for label in features.labels]
        found = self._under(label_map, names, clip(box)[0]) if box else self._anywhere(label_map, names)
        return tuple(sorted(found, key=lambda f: (-f.score, f.interest))[:FINDINGS_KEPT])

    def _anywhere(self, label_map: Map, names: list[str]) -> Iterator[Finding]:
        for interest, strengths in self._spoken(names).items():
            tables = summed_area(_interest_map(label_map, strengths)[..., None])
            box, mean, reached = _strongest_part(tables[..., 0])
            if reached >= self.floor:
                yield Finding(interest, round(mean, 4), box, _labels(label_map, names, strengths, box))

    def _under(self, label_map: Map, names: list[str], box: Box) -> Iterator[Finding]:
        for interest, strengths in self._spoken(names).items():
            mean = float(pool_box(summed_area(_interest_map(label_map, strengths)[..., None]), box)[0])
            if mean >= self.floor:
                labels = _labels(label_map, names, strengths, box)
                yield Finding(interest, round(min(mean, 1.0), 4), _rounded(box), labels)

    def _spoken(self, names: list[str]) -> dict[str, NDArray[np.float32]]:
        """Interest -> how strongly each of the labels speaks for it, float32 [labels]."""
        spoken: dict[str, NDArray[np.float32]] = {}
        for i, name in enumerate(names):
            if name in self.taxonomy.labels:
                for interest, strength in self.taxonomy.interests_of(name).items():
                    spoken.setdefault(interest, np.zeros(len(names), np.float32))[i] = strength
        return spoken


def _interest_map(label_map: Map, strengths: NDArray[np.float32]) -> Map:
    """float32 [rows, columns]: the probability of an interest in each cell."""
    summed: Map = np.minimum(np.tensordot(strengths, label_map, axes=1), 1.0).astype(np.float32)
    return summed


def _strongest_part(table: NDArray[np.float64]) -> tuple[Box, float, float]:
    """The rectangle of cells with the largest mean x area ^ AREA_POWER, its mean, and that product."""
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    top, left, bottom, right = _rectangles(rows, columns)
    total = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    cells = (bottom - top) * (right - left)
    mean = total / cells
    # Rounded, so that among equals the first is taken on every machine: rectangles are listed largest first.
    reached = np.round(mean * (cells / (rows * columns)) ** AREA_POWER, 6)
    best = int(np.argmax(reached))
    x, y = int(left[best]) / columns, int(top[best]) / rows
    box = Box(x, y, int(right[best]) / columns - x, int(bottom[best]) / rows - y)
    return _rounded(box), min(float(mean[best]), 1.0), float(reached[best])


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


def _labels(label_map: Map, names: list[str], strengths: NDArray[np.float32], box: Box) -> Labels:
    """What speaks for an interest in a part: label and probability, best first, LABELS_KEPT at most."""
    pooled = pool_box(summed_area(np.moveaxis(label_map, 0, -1)), box)
    spoken = [(names[i], round(float(pooled[i]), 4), float(pooled[i] * strengths[i])) for i in strengths.nonzero()[0]]
    spoken.sort(key=lambda label: (-label[2], label[0]))
    return tuple((name, p) for name, p, _ in spoken[:LABELS_KEPT] if p >= SMALLEST_PROBABILITY)


def _rounded(box: Box) -> Box:
    """To four digits, and still within the picture."""
    x, y = round(box.x, 4), round(box.y, 4)
    right, bottom = round(box.x + box.width, 4), round(box.y + box.height, 4)
    return Box(x, y, round(right - x, 4), round(bottom - y, 4))
