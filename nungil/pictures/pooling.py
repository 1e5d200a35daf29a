"""One pooling for embed, search and profile: the area-weighted mean of a map under a fractional box.

A summed-area table (Crow, "Summed-area tables for texture mapping", SIGGRAPH 1984) of a map that is constant within a
cell is bilinear within a cell, so four interpolated reads give the exact integral.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box

Map = NDArray[np.float32]
Table = NDArray[np.float64]


def summed_area(map_: Map) -> Table:
    """[rows, columns, dim] -> float64 [rows + 1, columns + 1, dim]: the integral from the top left corner."""
    rows, columns, dim = map_.shape
    table = np.zeros((rows + 1, columns + 1, dim), dtype=np.float64)
    table[1:, 1:] = map_.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    return table


def pool_box(table: Table, box: Box) -> NDArray[np.float32]:
    """The mean of the map under `box`, float32 [dim], not normalised.

    table: as `summed_area` gives it. box: within the picture (`boxes.clip`), of a size above zero.
    """
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    top, bottom = box.y * rows, (box.y + box.height) * rows
    left, right = box.x * columns, (box.x + box.width) * columns
    total = (
        _read(table, bottom, right) - _read(table, top, right) - _read(table, bottom, left) + _read(table, top, left)
    )
    mean: NDArray[np.float32] = (total / ((bottom - top) * (right - left))).astype(np.float32)
    return mean


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scaled to unit length along the last axis; a zero vector stays zero."""
    norm = np.linalg.norm(vector, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vector / np.where(norm > 0, norm, 1.0)).astype(np.float32)
    return scaled


def _read(table: Table, row: float, column: float) -> NDArray[np.float64]:
    i = min(int(row), table.shape[0] - 2)
    j = min(int(column), table.shape[1] - 2)
    v, u = row - i, column - j
    read: NDArray[np.float64] = (1 - v) * ((1 - u) * table[i, j] + u * table[i, j + 1]) + v * (
        (1 - u) * table[i + 1, j] + u * table[i + 1, j + 1]
    )
    return read
