"""What a board shows, for finding more like it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.pictures.pooling import pool_box, summed_area, unit
from services.profile.boards import Pin
from services.profile.errors import BoardShowsNothing
from services.profile.handlers.boards import found
from services.profile.journal import FeatureObjects
from services.profile.store import boards_rows
from services.profile.themes import Theme, Vector, themes

_PINS_READ = 64  # the first on the board: more would say little more, and each is a read of the object store
_READERS = 8


@dataclass(frozen=True, slots=True)
class Described:
    """encoder_space: of the themes' vectors. pins: all of the board."""

    encoder_space: str
    themes: Sequence[Theme]
    pins: Sequence[Pin]


@dataclass(frozen=True)
class Describe:
    """The part of each pin's picture that was saved, pooled from its map; what is alike becomes one theme."""

    engine: Engine
    features: FeatureObjects

    def __call__(self, tenant: str, person_id: str, board_id: str) -> Described:
        """Of a board that is the person's own, or that they keep. Raises NoSuchBoard, BoardShowsNothing."""
        with reading(self.engine) as c:
            board = found(boards_rows.find_visible(c, tenant, person_id, board_id), board_id)
            pins = boards_rows.pins_of(c, board)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="boards") as readers:
            vectors = list(readers.map(lambda pin: self._vector(tenant, pin), pins[:_PINS_READ]))
        seen = themes([vector for vector in vectors if vector is not None])
        if not seen:
            raise BoardShowsNothing
        return Described(self.features.encoder_space, seen, pins)

    def _vector(self, tenant: str, pin: Pin) -> Vector | None:
        """None where the picture has no features of this encoder (any more), or shows nothing at all there."""
        features = self.features.kept(tenant, pin.media_id)
        if features is None:
            return None
        vector = unit(pool_box(summed_area(features.map), pin.box))
        return vector if np.any(vector) else None
