"""What a board shows, as a few vectors. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.pooling import unit

MOST_THEMES = 8
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """vector: float32 [dim], unit length. pins: how many it stands for."""

    vector: Vector
    pins: int


def themes(vectors: Sequence[Vector]) -> list[Theme]:
    """What these vectors (float32 [dim], unit length; one a pin) have in common: at most MOST_THEMES, of most pins first.

    The pair that is cheapest to merge is merged until so few are left. Source: Ward, "Hierarchical Grouping to Optimize an
    Objective Function", JASA 1963.
    """
    means = [vector.astype(np.float64) for vector in vectors]
    counts = [1] * len(means)
    while len(means) > MOST_THEMES:
        i, j = _cheapest(np.stack(means), np.array(counts, dtype=np.float64))
        means[i] = (counts[i] * means[i] + counts[j] * means[j]) / (counts[i] + counts[j])
        counts[i] += counts[j]
        del means[j], counts[j]
    order = sorted(range(len(means)), key=lambda n: -counts[n])
    found = [Theme(unit(means[n].astype(np.float32)), counts[n]) for n in order]
    return [theme for theme in found if theme.vector.any()]


def _cheapest(means: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[int, int]:
    """The pair whose merging adds least to the squares of distances to means: i < j."""
    squares = (means**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * means @ means.T, 0.0)
    cost = apart * counts[:, None] * counts[None, :] / (counts[:, None] + counts[None, :])
    cost[np.tril_indices(len(means))] = np.inf
    i, j = divmod(int(np.argmin(cost)), len(means))
    return i, j
