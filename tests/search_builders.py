"""Pictures, items and a wired search for the tests of search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray
from real_servers import service_database_url
from sqlalchemy import Engine

from nungil.api.common.v1.common_pb2 import Name
from nungil.api.ingest.v1.events_pb2 import ItemChanged, MediaChanged
from nungil.api.ingest.v1.items_pb2 import Item, Offer
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.encoder.port import EncoderSpace
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.features import Features, FoundRegion, encode_features
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import CATALOGUE, IndexRow, VectorIndex, row_id
from services.search.consumer import ReadDeletions, ReadItems, ReadPictures
from services.search.core import CropQuery
from services.search.features import FeatureMaps
from services.search.fresh import FreshRows
from services.search.handlers.candidates import FindCandidates
from services.search.handlers.choosing import ChooseChips
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.facts import ApplyFacts
from services.search.handlers.finding import FindRows, WhatPasses
from services.search.handlers.freshness import KeepFresh
from services.search.handlers.items import ApplyItems
from services.search.handlers.pools import GatherPool
from services.search.handlers.ranking import RankHits
from services.search.handlers.status import Status
from services.search.handlers.texts import FindByWords
from services.search.handlers.words import ReadWords
from services.search.held import HeldRows
from services.search.judging import Judge
from services.search.passing import labels_by_interest
from services.search.text_tower import TextTower
from services.search.vocabularies import Vocabularies
from services.search.wire import Answer

TENANT = "shop"
MINA = "p-mina"
JUNO = "p-juno"
SPACE = EncoderSpace("tiny-8-v1", dim=8, rows=4, columns=4, input_px=32)
LEFT = Box(0.0, 0.0, 0.5, 1.0)
RIGHT = Box(0.5, 0.0, 0.5, 1.0)
NOW_MS = 1_800_000_000_000
_READERS = ThreadPoolExecutor(2, "looks")


def look(*leading: float) -> NDArray[np.float32]:
    """How a thing looks: a direction of the space."""
    vector = np.zeros(SPACE.dim, dtype=np.float32)
    vector[: len(leading)] = leading
    return unit(vector)


DOG = look(1)
SOFA = look(0, 1)
LAMP = look(0, 0, 1)


def like(thing: NDArray[np.float32], cosine: float) -> NDArray[np.float32]:
    """Something whose cosine with `thing` is `cosine`; the rest of it is like nothing else here."""
    other = np.zeros(SPACE.dim, dtype=np.float32)
    other[-1] = 1.0
    return (cosine * thing + float(np.sqrt(1 - cosine**2)) * other).astype(np.float32)


def a_picture(
    media_id: str = "m-1",
    shows: NDArray[np.float32] | Mapping[Box, NDArray[np.float32]] = DOG,
    *,
    owner: str = CATALOGUE,
    tenant: str = TENANT,
) -> Features:
    """A picture of one thing, or of several, each in its part: region 0 is the whole, 1 and on the parts."""
    parts = dict(shows) if isinstance(shows, Mapping) else {}
    map_ = np.zeros((SPACE.rows, SPACE.columns, SPACE.dim), dtype=np.float32)
    if not isinstance(shows, Mapping):
        map_[:] = shows
    for box, thing in parts.items():
        rows = slice(round(box.y * SPACE.rows), round((box.y + box.height) * SPACE.rows))
        columns = slice(round(box.x * SPACE.columns), round((box.x + box.width) * SPACE.columns))
        map_[rows, columns] = thing
    table = summed_area(map_)
    regions = tuple(FoundRegion(n, box, unit(pool_box(table, box))) for n, box in enumerate((WHOLE, *parts)))
    labels = np.zeros((0, SPACE.rows, SPACE.columns), dtype=np.float32)
    return Features(tenant, media_id, owner, SPACE.name, 1, 640, 480, map_, regions, (), labels)


def an_offer(offer_id: str = "o-1", **of: object) -> Offer:
    """In stock in Korea at 12,900 won."""
    given: dict[str, object] = {
        "shop": "Nun",
        "market": "KR",
        "currency": "KRW",
        "price_minor": 12_900,
        "in_stock": True,
    }
    return Offer(offer_id=offer_id, **{**given, **of})  # type: ignore[arg-type]


def an_item(item_id: str, *media_ids: str, offers: Sequence[Offer] = (), category: str = "sofas", **of: object) -> Item:
    """An item shown by pictures."""
    title = Name(ko=f"물건 {item_id}", en=f"thing {item_id}")
    given: dict[str, object] = {"title": title, "brand": "Gil", "category": category, "offers": offers}
    return Item(item_id=item_id, media_ids=media_ids, **{**given, **of})  # type: ignore[arg-type]


def item_changed(item: Item, tenant: str = TENANT) -> NewRecord:
    """An item that was put."""
    event = ItemChanged(event_id=f"e-{item.item_id}", tenant=tenant, item=item, occurred_at_ms=NOW_MS)
    return NewRecord(topics.ITEM_CHANGED, f"{tenant}/{item.item_id}", event.SerializeToString())


def item_deleted(item_id: str, tenant: str = TENANT) -> NewRecord:
    """A tombstone."""
    return NewRecord(topics.ITEM_CHANGED, f"{tenant}/{item_id}", None)


def media_changed(media_id: str, change: int = MediaChanged.CHANGE_DELETED, tenant: str = TENANT) -> NewRecord:
    """A picture that was uploaded, or deleted."""
    event = MediaChanged(
        event_id=f"e-{media_id}",
        tenant=tenant,
        media_id=media_id,
        change=MediaChanged.Change.ValueType(change),
        version=2,
    )
    return NewRecord(topics.MEDIA_CHANGED, media_id, event.SerializeToString())


def delivered(*records: NewRecord) -> list[Record]:
    """Records as a subscription gives them."""
    return [Record(r.topic, 0, n, r.key, r.value, r.headers, NOW_MS) for n, r in enumerate(records)]


def a_query(media_id: str = "query", **of: object) -> CropQuery:
    """Mina asks for the whole picture `query`."""
    given: dict[str, object] = {"tenant": TENANT, "person_id": MINA, "media_id": media_id}
    return CropQuery(**{**given, **of})  # type: ignore[arg-type]


@dataclass
class Search:
    """A search over embedded ports, with what a test needs to fill it."""

    log: EventLog
    objects: ObjectStore
    index: VectorIndex
    engine: Engine
    now: list[int] = field(default_factory=lambda: [NOW_MS])
    exact_limit: int = 2_500
    exact_most: int = 20_000
    fresh_pictures: int = 100
    cache_bytes: int = 8 * 1024 * 1024
    tower: TextTower | None = None
    stop: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.maps = FeatureMaps(self.objects, SPACE.name, lambda: self.now[0], self.cache_bytes)
        self.denied = DeniedPictures(1_000)
        self.read = ReadItems(ApplyItems(self.engine))
        self.deletions = ReadDeletions(self.log, self.denied, self.maps, self.stop)
        self.status = Status(self.index, self.engine, SPACE)
        clock = lambda: self.now[0]  # noqa: E731
        self.held = HeldRows(self.index, clock, self.cache_bytes)
        self.fresh = FreshRows(clock, keep_ms=60_000, max_pictures=self.fresh_pictures)
        self.keep_fresh = KeepFresh(self.objects, SPACE.name, self.fresh, self.held)
        self.facts = ApplyFacts(self.engine, self.objects, SPACE.name)
        self.read_pictures = ReadPictures(self.facts, SPACE.name)
        self.passing = WhatPasses(self.engine, labels_by_interest(load_taxonomy()), clock)
        self.find = FindRows(
            self.index, self.passing, self.held, self.fresh, self.denied, self.exact_limit, self.exact_most
        )
        self.words = ReadWords(self.engine, Vocabularies(self.engine, clock), self.tower)
        by_words = FindByWords(self.engine, self.passing, self.denied, self.find)
        choose = ChooseChips(self.engine, clock)
        rank = RankHits(self.maps, self.engine, Judge(0.5), _READERS, clock)
        self.handler = SearchByCrop(
            self.maps, self.find, self.engine, self.denied, self._note, clock, self.words, by_words, choose, rank
        )
        self.gather = GatherPool(self.find, pool_rows=4_000)
        self.candidates = FindCandidates(self.handler, self.gather, self.passing, SPACE)

    def _note(self, record: NewRecord) -> None:
        self.log.append([record])

    def put(self, *pictures: Features) -> None:
        """What embed does with a picture."""
        for picture in pictures:
            self.store(picture)
            self.index.upsert(
                [
                    IndexRow(row_id(picture.media_id, r.n), r.vector, picture.tenant, picture.owner, picture.media_id)
                    for r in picture.regions
                ]
            )
        self.index.flush()

    def store(self, picture: Features) -> None:
        """The features alone, as before the index has its rows."""
        self.objects.put(keys.features_key(picture.tenant, picture.media_id, SPACE.name), encode_features(picture))

    def put_transient(self, picture: Features) -> None:
        """What embed does with a picture that is only searched with."""
        key = keys.transient_features_key(picture.tenant, picture.media_id, SPACE.name)
        self.objects.put(key, encode_features(picture))

    def items(self, *items: Item) -> None:
        assert self.read(delivered(*(item_changed(item) for item in items))) == []

    def __call__(self, **of: object) -> Answer:
        return self.handler(a_query(**of))  # type: ignore[arg-type]

    def found(self, **of: object) -> list[str]:
        """The pictures of the hits, best first."""
        return [hit.media_id for hit in self(**of).hits]

    def activities(self) -> list[UserActivity]:
        with self.log.tail([topics.USER_ACTIVITY], since="start") as tail:
            return [UserActivity.FromString(r.value or b"") for r in tail.poll(max_records=100, timeout_s=0)]

    def like(self, **changed: object) -> Search:
        """The same stores under other settings."""
        return replace(self, **changed)  # type: ignore[arg-type]


@contextmanager
def a_search(tmp_path: Path) -> Iterator[Search]:
    """Everything embedded, nothing in it."""
    database = service_database_url(tmp_path, "search")
    upgrade("search", database)
    with (
        open_event_log(f"sqlite://{tmp_path}/log.db") as log,
        open_object_store(f"file://{tmp_path}/objects") as objects,
        open_vector_index("exact://", SPACE) as index,
        open_database(database) as engine,
    ):
        yield Search(log, objects, index, engine)
