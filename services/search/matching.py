"""How well a hit agrees with the question, cell by cell, and which part of it matched. Pure functions.

The pooled vector forgets where things are; the maps do not. A cell of the question is answered by the best cell of the hit
(after Sivic and Zisserman, "Video Google", ICCV 2003: agreement of parts), and a part by its best window (Lampert et al.,
"Beyond sliding windows", CVPR 2008). What the likeliest hits have in common speaks for others that have it too (after Chum et
al., "Total recall: automatic query expansion", ICCV 2007), here among the hits at hand, so that nothing is searched again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.features import Features
from nungil.pictures.pooling import unit
from nungil.pictures.windows import Doubles, Floats, Side, pair_sums, side_of, spans_of, sums

# Chosen on the fitted halves (bench/halves.py); neighbouring values do about as well there.
CELLS_SHARE = 0.5  # of the likeness, the rest is the cosine
LABELS_GAIN = 0.15  # what full agreement of the labels adds
COMPANY = 4  # so many of the likeliest hits speak for those that are like them,
HITS_EACH = 7  # at most one of so many, as few hits are mostly wrong ones
COMPANY_GAIN = 0.3  # what being just like them adds
AREA_BONUS = 0.075  # of the logarithm of a window's area: against tiny windows
_SIDES = (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)  # of the picture's: the windows that are looked at
_OVERHEAD_BYTES = 500


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a picture looks like, cell by cell.

    cells: float16 [rows * columns, dim], not normalised. labels: ids; label_map: float16 [labels, rows * columns].
    """

    cells: NDArray[np.float16]
    labels: tuple[str, ...]
    label_map: NDArray[np.float16]
    rows: int
    columns: int

    @property
    def size_bytes(self) -> int:
        return self.cells.nbytes + self.label_map.nbytes + 80 * len(self.labels) + _OVERHEAD_BYTES

    def labels_in(self, box: Box) -> dict[str, float]:
        """The probability of each label under the box."""
        covered = _covered(box, self.rows, self.columns)
        mean = self.label_map.astype(np.float32) @ (covered / covered.sum())
        return dict(zip(self.labels, np.clip(mean, 0.0, None).tolist(), strict=True))

    def vector_in(self, box: Box) -> Floats:
        """What is under the box: float32 [dim], unit length."""
        return unit(_covered(box, self.rows, self.columns) @ self.cells.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The part that is asked for. cells: float32 [n, dim], unit length; weights: float32 [n], their sum is 1."""

    cells: Floats
    weights: Floats
    labels: Mapping[str, float]


def look_of(features: Features) -> Look:
    """What embed found, for matching."""
    rows, columns, dim = features.map.shape
    return Look(
        features.map.reshape(-1, dim).astype(np.float16),
        tuple(label.id for label in features.labels[: len(features.label_map)]),
        features.label_map.reshape(len(features.label_map), rows * columns).astype(np.float16),
        rows,
        columns,
    )


def asked_of(look: Look, box: Box) -> Asked:
    """The part of a picture under a box within it. A cell counts by how much of it lies under the box, and by its length."""
    covered = _covered(box, look.rows, look.columns)
    under = covered > 0
    cells = look.cells[under].astype(np.float32)
    weights = covered[under] * np.linalg.norm(cells, axis=1)
    total = float(weights.sum())
    weights = weights / total if total > 0 else np.full(len(cells), 1 / len(cells), dtype=np.float32)
    return Asked(unit(cells), weights.astype(np.float32), look.labels_in(box))


def cells_agree(asked: Asked, looks: Sequence[Look]) -> Floats:
    """Of each picture: the mean, over the cells asked for, of the best cosine with any of its cells; float32 [looks], -1 to 1."""
    if not looks:
        return np.zeros(0, dtype=np.float32)
    cells = unit(np.stack([look.cells for look in looks]).astype(np.float32))
    n, each, dim = cells.shape
    best = (asked.cells @ cells.reshape(-1, dim).T).reshape(-1, n, each).max(axis=2)
    agree: Floats = asked.weights @ best
    return agree


def labels_agree(asked: Mapping[str, float], found: Mapping[str, float]) -> float:
    """Bhattacharyya's coefficient of two sets of probabilities: 0 where they share no label, 1 where they are the same."""
    return float(sum((p * found[label]) ** 0.5 for label, p in asked.items() if label in found))


def likeness(cosine: Floats, cells: Floats, labels: Floats, parts: Floats) -> Floats:
    """What hits are ordered by: float32 [hits], from their three agreements with the question and from the company they keep.

    parts: float32 [hits, dim], the part of each that matched, unit length; zeros where it is not known.
    """
    alone: Floats = (1 - CELLS_SHARE) * cosine + CELLS_SHARE * cells + LABELS_GAIN * labels
    best = np.argsort(-alone, kind="stable")[: min(COMPANY, len(alone) // HITS_EACH)]
    if not len(best):
        return alone
    trusted = np.clip(alone[best], 1e-6, None)
    alike: Floats = alone + COMPANY_GAIN * (parts @ (trusted @ parts[best] / trusted.sum()))
    return alike


def best_box(vector: Floats, look: Look) -> Box:
    """The window of a picture that is most like `vector` (unit length), with AREA_BONUS for larger ones; the first of equals."""
    windows = _windows(look.rows, look.columns)
    cells = look.cells.astype(np.float32)
    squared = pair_sums(windows.down.pairs, windows.across.pairs, cells @ cells.T)
    along = (cells @ vector).reshape(look.rows, look.columns, 1)
    alike = sums(windows.down.members, windows.across.members, along)[..., 0]
    scores = alike / np.sqrt(np.maximum(squared, 1e-12)) + windows.bonus
    down, across = np.unravel_index(int(scores.argmax()), scores.shape)
    (top, bottom), (left, right) = windows.down.spans[down].tolist(), windows.across.spans[across].tolist()
    return Box(
        left / look.columns, top / look.rows, (right - left) / look.columns, (bottom - top) / look.rows
    )  # the windows' sides are cells


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """bonus: [spans down, spans across]."""

    down: Side
    across: Side
    bonus: Doubles


@lru_cache(maxsize=4)
def _windows(rows: int, columns: int) -> _Windows:
    down, across = (side_of(spans_of(n, _lengths(n).__contains__), n) for n in (rows, columns))
    area = np.outer(np.diff(down.spans), np.diff(across.spans)) / (rows * columns)
    return _Windows(down, across, AREA_BONUS * np.log(area))


def _lengths(cells: int) -> list[int]:
    return sorted({max(1, round(side * cells)) for side in _SIDES})


@lru_cache(maxsize=256)  # of a hit's part both the labels and the vector are asked for, and of most hits the whole
def _covered(box: Box, rows: int, columns: int) -> Floats:
    """How much of each cell lies under the box: float32 [rows * columns], read-only."""
    down = _overlaps(box.y * rows, (box.y + box.height) * rows, rows)
    across = _overlaps(box.x * columns, (box.x + box.width) * columns, columns)
    covered = np.outer(down, across).ravel().astype(np.float32)
    covered.flags.writeable = False
    return covered


def _overlaps(begin: float, end: float, n: int) -> NDArray[np.float64]:
    at = np.arange(n)
    covered: NDArray[np.float64] = np.clip(np.minimum(at + 1, end) - np.maximum(at, begin), 0.0, 1.0)
    return covered
