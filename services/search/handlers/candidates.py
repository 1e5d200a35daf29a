"""Finding what may be recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nungil.database.open import reading
from nungil.encoder.port import EncoderSpace
from nungil.vector_index.port import Match, row_id
from services.search import store
from services.search.candidates import Asked, By, Candidate, Candidates, Thing, Vector
from services.search.core import Conditions, CropQuery, Filters, Found, ItemRow
from services.search.handlers.blending import rows_of
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.finding import WhatPasses
from services.search.handlers.pools import GatherPool
from services.search.held import PictureRows
from services.search.passing import Passing
from services.search.planning import ROWS_A_HIT
from services.search.wire import Hit

_MOST_ROWS = 1_000  # near each vector


@dataclass(frozen=True)
class FindCandidates:
    """Items under conditions that hold within the search, so that many that were seen cost no page. Blocking: call it in a thread.

    All vectors are answered from one pool, gathered in one request: what passes is read once, however many they are.
    """

    search: SearchByCrop
    gather: GatherPool
    passing: WhatPasses
    space: EncoderSpace

    def __call__(self, asked: Asked) -> Candidates:
        """Raises InvalidQuery, and VectorIndexAway where there are vectors."""
        query, understood = self.search.words(asked.query)
        if understood is not None and understood.look is not None:  # which orders what is found: it is no condition
            query = replace(query, items=frozenset(understood.ranked or ()))
        conditions = replace(query.conditions, without_items=asked.without_items | self._shown_by(asked))
        near, partial = self._near(asked.ways, conditions)
        found = [near[n] if n in near else self._listed(way, conditions) for n, way in enumerate(asked.ways)]
        flat = list({(each.match.id, each.item_id): each for some in found for each in some}.values())
        kinds, hits = self._shown(query, flat, bare=asked.bare)
        vectors = self._vectors(asked, found, conditions)
        return Candidates(
            [
                [
                    Candidate(each, kinds[each.item_id or ""], vectors.get(each.match.media_id), hits.get(each.what))
                    for each in some
                    if each.item_id in kinds and (asked.bare or each.what in hits)
                ]
                for some in found
            ],
            partial,
        )

    def _shown_by(self, asked: Asked) -> frozenset[str]:
        """The items that any of the unwanted pictures shows."""
        if not asked.without_media:
            return frozenset()
        with reading(self.search.engine) as connection:
            ids = sorted(asked.without_media)
            items = store.items_of(connection, asked.query.tenant, ids, Filters(), now_ms=self.passing.clock())
        return frozenset(item_id for of_picture in items.values() for item_id in of_picture)

    def _near(self, ways: Sequence[By], conditions: Conditions) -> tuple[dict[int, list[Found]], bool]:
        """By the number of the way."""
        asked = {n: (way.vector, way.limit) for n, way in enumerate(ways) if way.vector is not None}
        if not asked:
            return {}, False
        rows_each = min(ROWS_A_HIT * max(limit for _, limit in asked.values()), _MOST_ROWS)
        vectors = np.stack([vector for vector, _ in asked.values()])
        gathered = self.gather(vectors, conditions, rows_each=rows_each, without=())
        denied = self.search.denied.among(gathered.pool.media_ids)
        near = {n: gathered.pool.best(vector, limit, without=denied) for n, (vector, limit) in asked.items()}
        return {
            n: [each for each in of if each.match.media_id not in denied] for n, of in near.items()
        }, gathered.partial

    def _listed(self, way: By, conditions: Conditions) -> list[Found]:
        if way.things is not None:
            return self._named(way.things[: way.limit], conditions)
        narrow = (*conditions.narrow, way.label) if way.label is not None else conditions.narrow
        narrowed = replace(conditions, narrow=narrow)
        with reading(self.search.engine) as connection:
            passing = Passing(narrowed, self.passing.labels_of, self.passing.clock())
            pairs = passing.newest(connection, way.limit)
        denied = self.search.denied.among([media_id for _, media_id in pairs])
        return [_found(Thing(item_id, media_id)) for item_id, media_id in pairs if media_id not in denied]

    def _named(self, things: Sequence[Thing], conditions: Conditions) -> list[Found]:
        chosen = frozenset(thing.item_id for thing in things)
        if conditions.items is not None:
            chosen &= conditions.items
        if not chosen:
            return []
        stands, _ = self.passing.all(replace(conditions, items=chosen), at_most=50 * len(chosen), ordered=True)
        denied = self.search.denied.among(stands)
        passed = {item_id for media_id, items in stands.items() if media_id not in denied for item_id in items}
        with reading(self.search.engine) as connection:
            items = store.load_items(
                connection, conditions.tenant, sorted(passed), conditions.filters, now_ms=self.passing.clock()
            )
        shown = (_as_shown(thing, items, denied) for thing in things)
        return list({each.item_id: each for each in shown if each is not None}.values())

    def _shown(
        self, query: CropQuery, found: Sequence[Found], *, bare: bool
    ) -> tuple[Mapping[str, int], Mapping[tuple[str, str], Hit]]:
        """Kinds by item id, and hits by what they stand for where they are wanted."""
        if bare:
            with reading(self.search.engine) as connection:
                ids = [each.item_id for each in found if each.item_id is not None]
                return store.kinds(connection, query.tenant, ids), {}
        hits = {("item", hit.item.item_id): hit for hit in self.search.hydrate(query, found) if hit.item is not None}
        return {item_id: hit.item.kind for (_, item_id), hit in hits.items() if hit.item is not None}, hits

    def _vectors(self, asked: Asked, found: Sequence[Sequence[Found]], conditions: Conditions) -> dict[str, Vector]:
        """Of the pictures that were not named, by media id."""
        compared = [some for way, some in zip(asked.ways, found, strict=True) if way.things is None]
        media_ids = {each.match.media_id for some in compared for each in some}
        if not media_ids:
            return {}
        return {id_: _whole(rows) for id_, rows in rows_of(self.search.find, conditions, media_ids).items()}


def _whole(rows: PictureRows) -> Vector:
    whole = row_id(rows.media_id, 0)
    vector: Vector = rows.vectors[rows.ids.index(whole) if whole in rows.ids else 0]
    return vector


def _found(thing: Thing) -> Found:
    match = Match(row_id(thing.media_id, thing.region), thing.media_id, owner="", score=0.0)
    return Found(match, thing.item_id)


def _as_shown(thing: Thing, items: Mapping[str, ItemRow], denied: set[str]) -> Found | None:
    """By the picture that was named, or by the item's first; None where it does not pass."""
    item = items.get(thing.item_id)
    pictures = [] if item is None else [media_id for media_id in item.media_ids if media_id not in denied]
    if not pictures:
        return None
    return _found(thing if thing.media_id in pictures else Thing(thing.item_id, pictures[0]))
