"""How much a window of a feature map looks like one thing: a logistic regression over a few numbers, fitted an encoder space.

After Alexe et al., "Measuring the objectness of image windows", PAMI 2012: what is inside against what surrounds it. Every
number of every window is a sum over cells or over pairs of them, so all windows are measured at once (nungil/pictures/windows.py).
The numbers that were fitted: bench/calibrate.py. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.pooling import unit
from nungil.pictures.windows import Doubles, Floats, Side, pair_sums, pairs, side_of, spans_of, sums, wider

SMALLEST = 0.02  # of the picture: two cells of a hundred
LARGEST = 0.85  # of the picture: that is the whole again
_BANDS = np.log([0.03, 0.09, 0.27])  # of the area: what speaks for a small thing is not what speaks for a large one
_BAND_WIDTH = 0.55


@dataclass(frozen=True, slots=True)
class Objectness:
    """What was fitted. cells: float32 [dim], and cell_offset: how much of a cell, by its direction, lies on a thing.

    weights: float32 [bands * numbers + bands], on standardised numbers (means, scales: [numbers]) and the bands themselves;
    offset: added. cut: a window that scores less is no thing; in logits.
    """

    cells: Floats
    cell_offset: float
    means: Floats
    scales: Floats
    weights: Floats
    offset: float
    cut: float


def objectness_from(json: Mapping[str, Any]) -> Objectness:
    """From a calibration file's section `regions`. Raises KeyError or ValueError where it is none."""
    cells, means, scales, weights = (
        np.asarray(json[name], dtype=np.float32) for name in ("cells", "means", "scales", "weights")
    )
    offset, cut = float(json["offset"]), float(json["cut"])
    return Objectness(cells, float(json["cell_offset"]), means, scales, weights, offset, cut)


@dataclass(frozen=True, slots=True, eq=False)
class Surrounded:
    """The spans of a side, and the same with one more at either end. mixed: pairs of one of the span and one of the wider."""

    inside: Side
    wider: Side
    mixed: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Rectangles of cells of a map. edges: int [n, 4], top, bottom, left, right. at: which span down and which across each is.

    count, rim: float32 [n], how many cells lie in it, and around it. shape, bands: float32 [n, ...].
    """

    edges: NDArray[np.int64]
    at: tuple[NDArray[np.int64], NDArray[np.int64]]
    down: Surrounded
    across: Surrounded
    count: Floats
    rim: Floats
    shape: Floats
    bands: Floats
    rows: int
    columns: int

    def box(self, n: int) -> Box:
        """As fractions of the picture."""
        top, bottom, left, right = (int(edge) for edge in self.edges[n])
        return Box(left / self.columns, top / self.rows, (right - left) / self.columns, (bottom - top) / self.rows)

    def sums(self, map_: Floats) -> tuple[Floats, Floats]:
        """Over the cells inside each window, and over those around it: float32 [n, k]. map_: float32 [rows, columns, k]."""
        down, across = self.down, self.across
        inside = sums(down.inside.members, across.inside.members, map_)[self.at]
        return inside, sums(down.wider.members, across.wider.members, map_)[self.at] - inside

    def pair_sums(self, gram: Floats) -> tuple[Doubles, Doubles, Doubles]:
        """Over pairs of cells, float64 [n]: both inside, one inside and one around, both around. gram: float32 [cells, cells], symmetric."""
        down, across = self.down, self.across
        inside = pair_sums(down.inside.pairs, across.inside.pairs, gram)[self.at]
        mixed = pair_sums(down.mixed, across.mixed, gram)[self.at]
        wider = pair_sums(down.wider.pairs, across.wider.pairs, gram)[self.at]
        return inside, mixed - inside, wider - 2 * mixed + inside


@lru_cache(maxsize=4)
def windows_of(rows: int, columns: int) -> Windows:
    """The windows of a map of this size, between SMALLEST and LARGEST; kept, since a service sees one size."""
    sides = _surrounded(rows), _surrounded(columns)
    down, across = (side.inside.spans for side in sides)
    share = np.outer(np.diff(down), np.diff(across)) / (rows * columns)
    of_down, of_across = np.nonzero((share >= SMALLEST - 1e-9) & (share <= LARGEST))
    edges = np.concatenate([down[of_down], across[of_across]], axis=1)
    count = (edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2])
    taller, broader = (np.diff(side.wider.spans)[of, 0] for side, of in zip(sides, (of_down, of_across), strict=True))
    height, width = (edges[:, 1] - edges[:, 0]) / rows, (edges[:, 3] - edges[:, 2]) / columns
    middle, centre = (edges[:, 0] + edges[:, 1]) / (2 * rows), (edges[:, 2] + edges[:, 3]) / (2 * columns)
    touched = (edges[:, 0] == 0) * 1.0 + (edges[:, 1] == rows) + (edges[:, 2] == 0) + (edges[:, 3] == columns)
    aspect, area = np.log(height / width), np.log(height * width)
    shape = np.stack(
        [area, area**2, aspect, np.abs(aspect), touched, np.abs(centre - 0.5), middle, (middle - 0.5) ** 2], axis=1
    ).astype(np.float32)
    member = np.exp(-0.5 * ((area[:, None] - _BANDS) / _BAND_WIDTH) ** 2)
    return Windows(
        edges,
        (of_down, of_across),
        *sides,
        count.astype(np.float32),
        np.maximum(taller * broader - count, 1).astype(np.float32),
        shape,
        (member / member.sum(axis=1, keepdims=True)).astype(np.float32),
        rows,
        columns,
    )


def numbers_of(map_: Floats, label_map: Floats, cells: Floats, cell_offset: float) -> Floats:
    """What speaks for each window of `windows_of`, float32 [windows, numbers].

    map_: float32 [rows, columns, dim]; label_map: float32 [labels, rows, columns], probabilities.
    """
    windows = windows_of(*map_.shape[:2])
    direction = unit(map_)
    thing = np.clip(direction @ cells + np.float32(cell_offset), 0.0, None)
    [covered], [beside] = (summed.T for summed in windows.sums(thing[..., None]))
    mean = covered / windows.count
    own = np.stack([mean, mean - beside / windows.rim, covered / max(float(thing.sum()), 1e-6)], axis=1)
    named = _named(np.moveaxis(label_map, 0, -1), windows)
    return np.concatenate([own, _likeness(direction, windows), windows.shape, named], axis=1, dtype=np.float32)


def scores_of(numbers: Floats, windows: Windows, fitted: Objectness) -> Floats:
    """Logits, float32 [windows]."""
    standard = (numbers - fitted.means) / fitted.scales
    of_bands = fitted.weights[-windows.bands.shape[1] :]
    of_numbers = fitted.weights[: -len(of_bands)].reshape(len(of_bands), -1)
    scores: Floats = ((standard @ of_numbers.T + of_bands) * windows.bands).sum(axis=1) + np.float32(fitted.offset)
    return scores  # by_band's numbers times the weights, without making them


def by_band(standard: Floats, bands: Floats) -> Floats:
    """Each number once for each band, weighted by how much the window belongs to it; then the bands: [n, bands * numbers + bands]."""
    return np.concatenate([standard * bands[:, k : k + 1] for k in range(bands.shape[1])] + [bands], axis=1)


def apart(scores: Floats, windows: Windows, *, cut: float, same: float, at_most: int) -> list[int]:
    """The best windows that reach `cut`, best first, none overlapping a better one by more than `same`."""
    top, bottom, left, right = windows.edges.T
    area = (bottom - top) * (right - left)
    left_over = scores.copy()
    kept: list[int] = []
    while len(kept) < at_most and left_over[n := int(left_over.argmax())] >= cut:
        kept.append(n)
        high = np.minimum(bottom, bottom[n]) - np.maximum(top, top[n])
        wide = np.minimum(right, right[n]) - np.maximum(left, left[n])
        shared = np.clip(high, 0, None) * np.clip(wide, 0, None)
        left_over[shared > same * (area + area[n] - shared)] = -np.inf
    return kept


def _likeness(direction: Floats, windows: Windows) -> NDArray[np.float64]:
    """Of each window: how alike its cells are, and the cosines of their sum with what surrounds them and with the whole."""
    flat = direction.reshape(-1, direction.shape[-1])
    gram = flat @ flat.T
    inside, mixed, around = windows.pair_sums(gram)
    own, rim = (np.sqrt(np.maximum(squared, 1e-9)) for squared in (inside, around))
    with_all, _ = windows.sums(gram.sum(axis=0).reshape(*direction.shape[:2], 1))
    whole = np.sqrt(max(float(gram.sum()), 1e-9))
    return np.stack([own / windows.count, mixed / (own * rim), with_all[:, 0] / (own * whole)], axis=1)


def _named(labels: Floats, windows: Windows) -> Floats:
    """Of each window: how surely one label names it, and how much surer than around it; and their roots. labels: [rows, columns, labels]."""
    inside, around = windows.sums(labels)
    inside = inside / windows.count[:, None]
    sure = np.maximum(inside.max(axis=1), 0.0)
    surer = np.maximum((inside - around / windows.rim[:, None]).max(axis=1), 0.0)
    return np.stack([sure, np.sqrt(sure), surer, np.sqrt(surer)], axis=1)


def _surrounded(n: int) -> Surrounded:
    spans = spans_of(n)
    inside, around = side_of(spans, n), side_of(wider(spans, n), n)
    return Surrounded(inside, around, pairs(inside.members, around.members))
