"""An order in which neither one shop nor the same picture again fills the page. Pure.

Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) with two steps instead of a slope: what is nearly the same as
something above it, and what comes from a shop that has its share already, waits for what is a little less alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NEARLY_THE_SAME = 0.98  # cosine of two whole pictures
A_PICTURE = 2  # near-duplicates that wait for nobody
AGAIN = 0.05  # of likeness: what each further one waits for
A_SHOP = 3  # hits of one shop that wait for nobody
CROWDED = 0.02  # of likeness: what each further one waits for


def diverse(likeness: Floats, vectors: Floats, shops: Sequence[str]) -> list[int]:
    """The order to show hits in: every hit once. The likeliest is always first; of equals, the earlier.

    likeness: float32 [hits]. vectors: float32 [hits, dim], unit length, of whole pictures. shops: the only shop that sells
    it, empty where there is none or several.
    """
    alike = vectors @ vectors.T >= NEARLY_THE_SAME
    above = np.zeros(len(likeness), dtype=np.int64)
    left, sold = list(range(len(likeness))), Counter[str]()
    order: list[int] = []
    while left:
        again = np.maximum(above[left] + 1 - A_PICTURE, 0)
        crowd = np.array([max(0, sold[shops[n]] + 1 - A_SHOP) if shops[n] else 0 for n in left])
        chosen = left.pop(int(np.argmax(likeness[left] - AGAIN * again - CROWDED * crowd)))
        order.append(chosen)
        above += alike[chosen]
        sold[shops[chosen]] += 1
    return order
