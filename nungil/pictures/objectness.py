"""How much a window of a feature map looks like one thing: a logistic regression over a few numbers, fitted an encoder space.

After Alexe et al., "Measuring the objectness of image windows", PAMI 2012: what is inside against what surrounds it. Every
number of every window is a sum over cells, so all windows are measured at once by products with the windows' indicators.
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

Floats = NDArray[np.float32]

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


@dataclass(frozen=True, slots=True)
class Windows:
    """Every rectangle of cells of a map. edges: int [n, 4], top, bottom, left, right; inside, around: float32 [n, cells]."""

    edges: NDArray[np.int64]
    inside: Floats
    around: Floats
    shape: Floats
    bands: Floats
    rows: int
    columns: int

    def box(self, n: int) -> Box:
        """As fractions of the picture."""
        top, bottom, left, right = (int(edge) for edge in self.edges[n])
        return Box(left / self.columns, top / self.rows, (right - left) / self.columns, (bottom - top) / self.rows)


@lru_cache(maxsize=4)
def windows_of(rows: int, columns: int) -> Windows:
    """The windows of a map of this size, between SMALLEST and LARGEST; kept, since a service sees one size."""
    spans = [[(a, b) for a in range(n) for b in range(a + 1, n + 1)] for n in (rows, columns)]
    edges = np.array([(top, bottom, left, right) for top, bottom in spans[0] for left, right in spans[1]])
    share = (edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2]) / (rows * columns)
    edges = edges[(share >= SMALLEST - 1e-9) & (share <= LARGEST)]
    wider = np.stack(
        [
            np.maximum(edges[:, 0] - 1, 0),
            np.minimum(edges[:, 1] + 1, rows),
            np.maximum(edges[:, 2] - 1, 0),
            np.minimum(edges[:, 3] + 1, columns),
        ],
        axis=1,
    )
    inside = _indicators(edges, rows, columns)
    around = _indicators(wider, rows, columns) - inside
    height, width = (edges[:, 1] - edges[:, 0]) / rows, (edges[:, 3] - edges[:, 2]) / columns
    middle, across = (edges[:, 0] + edges[:, 1]) / (2 * rows), (edges[:, 2] + edges[:, 3]) / (2 * columns)
    touched = (edges[:, 0] == 0) * 1.0 + (edges[:, 1] == rows) + (edges[:, 2] == 0) + (edges[:, 3] == columns)
    aspect, area = np.log(height / width), np.log(height * width)
    shape = np.stack(
        [area, area**2, aspect, np.abs(aspect), touched, np.abs(across - 0.5), middle, (middle - 0.5) ** 2], axis=1
    ).astype(np.float32)
    member = np.exp(-0.5 * ((area[:, None] - _BANDS) / _BAND_WIDTH) ** 2)
    bands = (member / member.sum(axis=1, keepdims=True)).astype(np.float32)
    return Windows(edges, inside, around, shape, bands, rows, columns)


def numbers_of(map_: Floats, label_map: Floats, cells: Floats, cell_offset: float) -> Floats:
    """What speaks for each window of `windows_of`, float32 [windows, numbers].

    map_: float32 [rows, columns, dim]; label_map: float32 [labels, rows, columns], probabilities.
    """
    windows = windows_of(*map_.shape[:2])
    count = windows.inside.sum(axis=1)
    rim = np.maximum(windows.around.sum(axis=1), 1.0)
    direction = unit(map_.reshape(-1, map_.shape[-1]))
    thing = np.clip(direction @ cells + np.float32(cell_offset), 0.0, None)
    covered = windows.inside @ thing
    mean = covered / count
    own = np.stack([mean, mean - (windows.around @ thing) / rim, covered / max(float(thing.sum()), 1e-6)], axis=1)
    named = _named(label_map.reshape(len(label_map), -1), windows, count, rim)
    return np.concatenate([own, _likeness(direction, windows, count), windows.shape, named], axis=1, dtype=np.float32)


def scores_of(numbers: Floats, windows: Windows, fitted: Objectness) -> Floats:
    """Logits, float32 [windows]."""
    standard = (numbers - fitted.means) / fitted.scales
    return by_band(standard, windows.bands) @ fitted.weights + np.float32(fitted.offset)


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


def _likeness(direction: Floats, windows: Windows, count: Floats) -> Floats:
    """Of each window: how alike its cells are, and the cosines of their sum with what surrounds them and with the whole."""
    gram = direction @ direction.T
    within = windows.inside @ gram
    own = np.sqrt(np.maximum((within * windows.inside).sum(axis=1), 1e-9))
    rim = np.sqrt(np.maximum(((windows.around @ gram) * windows.around).sum(axis=1), 1e-9))
    whole = np.sqrt(max(float(gram.sum()), 1e-9))
    return np.stack(
        [
            own / count,
            (within * windows.around).sum(axis=1) / (own * rim),
            within.sum(axis=1) / (own * whole),
        ],
        axis=1,
    )


def _named(labels: Floats, windows: Windows, count: Floats, rim: Floats) -> Floats:
    """Of each window: how surely one label names it, and how much surer than around it; and their roots. labels: [labels, cells]."""
    inside = (windows.inside @ labels.T) / count[:, None]
    sure = inside.max(axis=1)
    surer = np.maximum((inside - (windows.around @ labels.T) / rim[:, None]).max(axis=1), 0.0)
    return np.stack([sure, np.sqrt(np.maximum(sure, 0.0)), surer, np.sqrt(surer)], axis=1)


def _indicators(edges: NDArray[np.int64], rows: int, columns: int) -> Floats:
    """Which cells lie in each rectangle, float32 [n, rows * columns]."""
    row, column = np.arange(rows), np.arange(columns)
    down = (row >= edges[:, 0:1]) & (row < edges[:, 1:2])
    across = (column >= edges[:, 2:3]) & (column < edges[:, 3:4])
    return (down[:, :, None] & across[:, None, :]).reshape(len(edges), -1).astype(np.float32)
