"""What a session gathers its candidates with: windows over the opened picture, and its regions. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.pooling import pool_box, unit
from services.search.features import FeatureMap

# Side of the squares, as a share of the picture's, and how many lie beside each other: 4 + 4 + 9 and the whole.
_SQUARES = ((0.7, 2), (0.5, 2), (0.3, 3))


def windows() -> tuple[Box, ...]:
    """The whole picture, then squares of 70, 50 and 30 % that cover it evenly: 18 in all."""
    return (WHOLE, *(box for side, across in _SQUARES for box in _evenly(side, across)))


def vectors_of(feature_map: FeatureMap) -> NDArray[np.float32]:
    """float32 [n, dim], unit length: of the windows and of the picture's regions. A part that is nothing is left out."""
    pooled = [pool_box(feature_map.table, box) for box in windows()]
    regions = [region.vector for n, region in sorted(feature_map.regions.items()) if n]
    vectors = unit(np.stack([*pooled, *regions]))
    return np.ascontiguousarray(vectors[np.linalg.norm(vectors, axis=1) > 0])


def _evenly(side: float, across: int) -> Iterator[Box]:
    for row in range(across):
        for column in range(across):
            yield Box(column * (1 - side) / (across - 1), row * (1 - side) / (across - 1), side, side)
