"""Answering words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.vector_index.port import Match, row_id
from services.search import titles
from services.search.core import Conditions, CropQuery, Found, FoundRows
from services.search.errors import InvalidQuery
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import WhatPasses
from services.search.passing import Stands
from services.search.wire import Understood

AT_MOST = 10_000  # pairs of picture and item that are looked at


@dataclass(frozen=True)
class FindByWords:
    """What passes without looking like anything: items whose titles say the words best first, then the newest; after the items, the
    newest pictures of none. Scores are 0: nothing was compared. Blocking: call it in a thread."""

    engine: Engine
    passing: WhatPasses
    denied: DeniedPictures

    def __call__(self, query: CropQuery, understood: Understood | None) -> FoundRows:
        """All of them. Raises InvalidQuery where neither words nor filters nor chips say what is looked for."""
        conditions = query.conditions
        if not conditions.selective:
            raise InvalidQuery("say what to look for: give a picture, words that name something, filters or chips")
        stands, complete = self.passing.all(conditions, at_most=AT_MOST, ordered=True)
        denied = self.denied.among(stands)
        stands = {media_id: items for media_id, items in stands.items() if media_id not in denied}
        ranked = None if understood is None else understood.ranked
        alone = sorted(
            (media_id for media_id, items in stands.items() if not items), reverse=True
        )  # ids grow with time
        found = [*self._items(conditions, stands, ranked), *(_found(media_id, None) for media_id in alone)]
        return FoundRows(found, partial=not complete)

    def _items(self, conditions: Conditions, stands: Stands, ranked: Sequence[str] | None) -> list[Found]:
        pictures: dict[str, list[str]] = {}
        for media_id, items in stands.items():
            for item_id in items:
                pictures.setdefault(item_id, []).append(media_id)
        with reading(self.engine) as connection:
            order = ranked if ranked is not None else titles.newest(connection, conditions.tenant, list(pictures))
            first = titles.first_pictures(connection, conditions.tenant, pictures)
        return [_found(first[item_id], item_id) for item_id in order if item_id in first]


def _found(media_id: str, item_id: str | None) -> Found:
    return Found(Match(row_id(media_id, 0), media_id, owner="", score=0.0), item_id)
