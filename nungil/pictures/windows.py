"""Sums over every window of a map at once.

A window is a span of rows times a span of columns, and which cells lie in it is the Kronecker product of which rows and which
columns do. So a sum over its cells is two small products (a rows' side, then a columns'), and a sum over pairs of cells, one of
each of two windows, is the same with pairs of rows and pairs of columns: (A x B) vec(X) = vec(A X B^T). Over all windows
of 10 x 10 cells that is a hundredth of the work of a product with a matrix of windows by cells. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Spans = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Spans of the rows, or of the columns, of a map: int [spans, 2]; with their members and pairs."""

    spans: Spans
    members: Floats
    pairs: Doubles


def side_of(spans: Spans, n: int) -> Side:
    """Spans of `n` rows or columns."""
    inside = members(spans, n)
    return Side(spans, inside, pairs(inside, inside))


def spans_of(n: int, wanted: Callable[[int], bool] = lambda length: True) -> Spans:
    """Begin and end of each span of `n` of a wanted length: int [spans, 2], by where they begin."""
    return np.array([(a, b) for a in range(n) for b in range(a + 1, n + 1) if wanted(b - a)])


def wider(spans: Spans, n: int) -> Spans:
    """Each with one more at either side, where there is one."""
    return np.stack([np.maximum(spans[:, 0] - 1, 0), np.minimum(spans[:, 1] + 1, n)], axis=1)


def members(spans: Spans, n: int) -> Floats:
    """Which of `n` lie in each: float32 [spans, n], of 0 and 1."""
    at = np.arange(n)
    return ((at >= spans[:, 0:1]) & (at < spans[:, 1:2])).astype(np.float32)


def pairs(first: Floats, second: Floats) -> Doubles:
    """Which pairs lie in each, one of a span of `first` and one of the same of `second`: float64 [spans, n * n]."""
    return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1).astype(np.float64)


def sums(down: Floats, across: Floats, map_: Floats) -> Floats:
    """Of each window: float32 [spans down, spans across, k]. map_: float32 [rows, columns, k]; down, across: members."""
    rows, columns, k = map_.shape
    summed: Floats = across @ (down @ map_.reshape(rows, columns * k)).reshape(len(down), columns, k)
    return summed


def pair_sums(down: Doubles, across: Doubles, gram: NDArray[Any]) -> Doubles:
    """Of each window: float64 [spans down, spans across]. gram: [cells, cells], row by row; down, across: pairs."""
    rows, columns = (round(pairs_.shape[1] ** 0.5) for pairs_ in (down, across))
    by_pairs = gram.reshape(rows, columns, rows, columns).transpose(0, 2, 1, 3).reshape(rows**2, columns**2)
    summed: Doubles = down @ by_pairs.astype(np.float64) @ across.T
    return summed
