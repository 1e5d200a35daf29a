"""Answering words alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime.errors import DependencyAway
from nungil.vector_index.port import Match, row_id
from services.search import titles
from services.search.core import Conditions, CropQuery, Found
from services.search.errors import InvalidQuery
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import FindRows, WhatPasses
from services.search.passing import Stands
from services.search.wire import Understood

logger = logging.getLogger(__name__)

AT_MOST = 10_000  # pairs of picture and item that are looked at


@dataclass(frozen=True, slots=True)
class ByWords:
    """said: what titles say or what was named, its scores 0, as nothing was compared. alike: behind it, what pictures show, by their
    likeness to the words, which is no likeness to a picture."""

    said: Sequence[Found]
    alike: Sequence[Found] = ()
    partial: bool = False


@dataclass(frozen=True)
class FindByWords:
    """What passes without looking like a picture: items whose titles say the words best first, then the newest; after the items, the
    newest pictures of none. Where the words have a vector, what looks like them comes behind. Blocking: call it in a thread."""

    engine: Engine
    passing: WhatPasses
    denied: DeniedPictures
    find: FindRows

    def __call__(self, query: CropQuery, understood: Understood | None, *, wanted: int) -> ByWords:
        """`wanted` or more where there are so many. Raises InvalidQuery where neither words nor filters nor chips say what is looked
        for, and VectorIndexAway where titles say nothing."""
        ranked = None if understood is None else understood.ranked
        if understood is None or understood.look is None:
            return self._said(query.conditions, ranked)
        said = self._said(replace(query.conditions, items=frozenset(ranked or ())), ranked)
        if len(said.said) >= wanted:
            return said
        try:
            alike = self.find(understood.look, query.conditions, wanted=wanted + len(said.said))
        except DependencyAway as error:
            if not said.said:
                raise
            logger.warning("titles alone answer words: %s", error)
            return replace(said, partial=True)
        told = {found.what for found in said.said}
        behind = [found for found in alike.found if found.what not in told]
        return ByWords(said.said, behind, said.partial or alike.partial)

    def _said(self, conditions: Conditions, ranked: Sequence[str] | None) -> ByWords:
        if not conditions.selective:
            raise InvalidQuery("say what to look for: give a picture, words that name something, filters or chips")
        stands, complete = self.passing.all(conditions, at_most=AT_MOST, ordered=True)
        denied = self.denied.among(stands)
        stands = {media_id: items for media_id, items in stands.items() if media_id not in denied}
        alone = sorted(
            (media_id for media_id, items in stands.items() if not items), reverse=True
        )  # ids grow with time
        found = [*self._items(conditions, stands, ranked), *(_found(media_id, None) for media_id in alone)]
        return ByWords(found, partial=not complete)

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
