"""Watches: kept in memory, matched with what comes and with what is there already, told once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.message import DecodeError
from sqlalchemy import Engine

from nungil.database.open import hold, reading
from nungil.event_log.port import EventLog
from nungil.object_store import keys
from nungil.object_store.errors import InvalidKey, ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import Features, decode_features
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.runtime import metrics
from nungil.runtime.clock import Clock
from nungil.vector_index.port import CATALOGUE
from services.search import store, watch_rows
from services.search.core import Conditions, Filters, ItemRow
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import FindRows
from services.search.watch_wire import watch_matched
from services.search.watches import Key, Vectors, Watch, Watches, WatchMatch, matches_of, waiting_for

logger = logging.getLogger(__name__)

LOOKED_FOR = 20  # what is there already: so many of it are told of a new watch


@dataclass(frozen=True)
class StoredPictures:
    """What embed found in pictures that stay."""

    objects: ObjectStore
    space: str

    def of(self, tenant: str, media_id: str) -> Features | None:
        """None where there is nothing in this encoder space, or not yet. Raises ObjectStoreAway."""
        try:
            features = decode_features(self.objects.get(keys.features_key(tenant, media_id, self.space)))
        except (ObjectNotFound, InvalidKey):
            return None
        except (DecodeError, ValueError) as error:  # of one picture: the others are matched
            logger.error("the features of picture %s cannot be read: %s", media_id, error)
            return None
        return features if (features.tenant, features.media_id) == (tenant, media_id) else None


@dataclass(frozen=True)
class TellMatches:
    """Publishes each match once, whoever finds it and however often.

    The event is durable before the note that it was told, and both lie in one transaction that holds the watch: a process that
    dies between them tells it again, under the same event id.
    """

    engine: Engine
    log: EventLog
    clock: Clock

    def __call__(self, found: Sequence[WatchMatch]) -> list[WatchMatch]:
        """Those that were told now."""
        if not found:
            return []
        with reading(self.engine) as connection:
            new = watch_rows.untold(connection, found)
        if not new:
            return []
        with self.engine.begin() as connection:
            hold(connection, *(_held(match.watch.key) for match in new))
            new = watch_rows.untold(connection, new)
            if new:
                self.log.append([watch_matched(match, self.clock()) for match in new])
                watch_rows.add_told(connection, new)
        metrics.SEARCH_WATCH_MATCHES.add(len(new))
        return new


@dataclass(frozen=True)
class MatchItems:
    """Matches items that changed, and those whose pictures can be found now, with the watches of their tenant."""

    watches: Watches
    pictures: StoredPictures
    engine: Engine
    denied: DeniedPictures
    tell: TellMatches
    clock: Clock
    cut: float  # the least cosine that is a match

    def __call__(self, items: Iterable[tuple[str, str]], media: Iterable[tuple[str, str]]) -> list[WatchMatch]:
        """items, media: tenant and id, once what they brought is in search's copy. Answers what was told."""
        found: list[WatchMatch] = []
        of_items, of_media = _by_tenant(items), _by_tenant(media)
        for tenant in sorted({*of_items, *of_media}):
            if self.watches.of(tenant) is not None:
                rows = self._rows(tenant, of_items.get(tenant, []), of_media.get(tenant, []))
                found += [match for item in rows for match in self._of_item(item)]
        return self.tell(found)

    def _rows(self, tenant: str, item_ids: Sequence[str], media_ids: Sequence[str]) -> Sequence[ItemRow]:
        with reading(self.engine) as connection:
            shown = store.items_of(connection, tenant, media_ids, Filters(), now_ms=self.clock())
            ids = dict.fromkeys([*item_ids, *(id_ for of_picture in shown.values() for id_ in of_picture)])
            return list(store.load_items(connection, tenant, list(ids), Filters(), now_ms=self.clock()).values())

    def _of_item(self, item: ItemRow) -> list[WatchMatch]:
        watched = self.watches.of(item.tenant)
        if watched is None:
            return []
        places = waiting_for(watched, item, self.clock())
        if not len(places):
            return []
        denied = self.denied.among(item.media_ids)
        shown = {id_: self._vectors(item.tenant, id_) for id_ in item.media_ids if id_ not in denied}
        return matches_of(watched, places, item.item_id, shown, cut=self.cut)

    def _vectors(self, tenant: str, media_id: str) -> Vectors:
        features = self.pictures.of(tenant, media_id)
        if features is None or features.owner != CATALOGUE or not features.regions:
            return np.zeros((0, 0), dtype=np.float32)  # not embedded yet: media.embedded brings it here again
        return np.stack([region.vector for region in features.regions])


@dataclass
class KeepWatches:
    """Keeps every watch with the vector of its crop. Belongs to one thread; `watches` is what others read.

    `begin` and `end` only note; `settle` does the work, and can be called again where something was away.
    """

    watches: Watches
    pictures: StoredPictures
    engine: Engine
    find: FindRows
    tell: TellMatches
    cut: float
    _unpooled: dict[Key, Watch] = field(default_factory=dict)
    _unlooked: dict[Key, tuple[Watch, Vectors]] = field(default_factory=dict)
    _ended: set[Key] = field(default_factory=set)
    _looked: set[Key] | None = None  # before this process began; asked once

    @property
    def waits(self) -> bool:
        """Whether the picture of a watch has no features here, so that it is worth looking again later."""
        return bool(self._unpooled)

    def begin(self, watch: Watch) -> None:
        """A watch that began, or is told again."""
        self._unpooled[watch.key] = watch

    def end(self, key: Key) -> None:
        """A watch that ended."""
        self.watches.end(key)
        self._unpooled.pop(key, None)
        self._unlooked.pop(key, None)
        self._ended.add(key)

    def settle(self) -> None:
        """Raises DependencyAway; what is left is done at the next call."""
        if self._looked is None:
            with reading(self.engine) as connection:
                self._looked = watch_rows.looked(connection)
            metrics.SEARCH_WATCHES.ask(lambda: len(self.watches))
        if self._ended:
            with self.engine.begin() as connection:
                hold(connection, *(_held(key) for key in self._ended))
                watch_rows.forget(connection, self._ended)
            self._ended.clear()
        self._pool(self._looked)
        self._looked = set()

    def look_through(self) -> None:
        """What the catalogue has already for the watches that are new. Raises DependencyAway as `settle`."""
        for key, (watch, vector) in list(self._unlooked.items()):
            found = self.find(vector, Conditions(watch.tenant, filters=watch.filters), wanted=LOOKED_FOR).found
            good = [
                WatchMatch(watch, one.item_id, one.match.media_id, one.match.score)
                for one in found
                if one.item_id is not None and one.match.score >= self.cut
            ]
            self.tell(good)
            with self.engine.begin() as connection:
                hold(connection, _held(key))
                watch_rows.add_looked(connection, key)
            del self._unlooked[key]

    def _pool(self, looked: Collection[Key]) -> None:
        """A watch that begins now is looked for by every process: another may have applied an item before it knew the watch."""
        for key, watch in list(self._unpooled.items()):
            features = self.pictures.of(watch.tenant, watch.media_id)
            if features is None:
                continue
            vector = unit(pool_box(summed_area(features.map), watch.box))
            self.watches.put(watch, vector)  # first, so that what comes during the look is matched
            if key not in looked:
                self._unlooked[key] = (watch, vector)
            del self._unpooled[key]


def _by_tenant(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for tenant, id_ in dict.fromkeys(pairs):
        ids[tenant].append(id_)
    return ids


def _held(key: Key) -> str:
    return f"watch/{key[0]}/{key[1]}"
