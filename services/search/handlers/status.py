"""How much there is to search."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.encoder.port import EncoderSpace
from nungil.vector_index.port import VectorIndex
from services.search import store


@dataclass(frozen=True)
class Status:
    """Rows in the index, and items known."""

    index: VectorIndex
    engine: Engine
    space: EncoderSpace

    def __call__(self) -> tuple[int, int, str]:
        with reading(self.engine) as connection:
            items = store.count_items(connection)
        return self.index.count(), items, self.space.name
