"""The last things that a person pointed at, and those that they want to see no more: short rings with their vectors. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.pooling import unit

SESSION_KEPT = 8
NEGATIVES_KEPT = 16


@dataclass(frozen=True, slots=True)
class Pointed:
    """A part of a picture. vector: a byte a number, as `clusters.coarse` makes it. interests: that it speaks for."""

    media_id: str
    box: Box
    kind: int
    at_ms: int
    interests: tuple[str, ...]
    vector: bytes

    def direction(self) -> NDArray[np.float32]:
        """float32 [dim], unit length."""
        return unit(np.frombuffer(self.vector, dtype=np.int8).astype(np.float32))


def remembered(ring: tuple[Pointed, ...], newest: Pointed, most: int) -> tuple[Pointed, ...]:
    """Newest first; the same part once; `most` at most."""
    return (newest, *(p for p in ring if (p.media_id, p.box) != (newest.media_id, newest.box)))[:most]


def without_picture(ring: tuple[Pointed, ...], media_id: str) -> tuple[Pointed, ...]:
    """All but what points at this picture."""
    if all(pointed.media_id != media_id for pointed in ring):
        return ring
    return tuple(pointed for pointed in ring if pointed.media_id != media_id)
