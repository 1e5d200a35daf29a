"""Ingest with real embedded ports and a clock that a test turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from picture_builders import a_picture
from real_servers import service_database_url
from sqlalchemy import Engine

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import events_pb2 as embed_events_pb2
from nungil.api.ingest.v1 import events_pb2
from nungil.database.migrations import upgrade
from nungil.database.open import open_database, reading
from nungil.encoder.open import space_of
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.cleaning import clean
from nungil.pictures.features import Features, FoundColour, FoundLabel, FoundRegion, encode_features
from nungil.runtime.clock import now_ms
from nungil.taxonomy.taxonomy import Name, load_taxonomy
from services.ingest.catalogue import Item, Offer
from services.ingest.consumer import EmbeddedReader
from services.ingest.core import Caller, Upload
from services.ingest.handlers.imports import Imports
from services.ingest.handlers.items import Items
from services.ingest.handlers.outcomes import Outcomes
from services.ingest.handlers.pictures import Pictures, Put
from services.ingest.handlers.sweeps import Expired, Orphans, Sweep
from services.ingest.store import OUTBOX

MINA = Caller("acme", "p-mina")
JUN = Caller("acme", "p-jun")
NOBODY = Caller("acme", "")
STRANGER = Caller("globex", "p-mina")
SPACE = space_of("tiny://64").name
TRANSIENT_MS = 900_000
ORPHAN_AGE_MS = 86_400_000

PERSONAL = int(common_pb2.PURPOSE_PERSONAL)
CATALOGUE = int(common_pb2.PURPOSE_CATALOGUE)
SEARCH = int(common_pb2.PURPOSE_SEARCH)
UPLOAD = int(common_pb2.SOURCE_UPLOAD)
Embedded = embed_events_pb2.MediaEmbedded


@dataclass
class TurnedClock:
    """Starts now, since ids carry the time at which they are given."""

    ms: int = field(default_factory=now_ms)

    def __call__(self) -> int:
        return self.ms


@dataclass
class Ingest:
    """The use cases over a database and a folder of their own."""

    folder: Path
    engine: Engine
    objects: ObjectStore
    clock: TurnedClock
    pictures: Pictures
    items: Items
    imports: Imports
    expired: Expired
    orphans: Orphans
    read_embedded: EmbeddedReader

    def outbox(self) -> list[tuple[str, str, bytes | None]]:
        """Topic, key and value of what waits to be published."""
        with reading(self.engine) as connection:
            return [(r.topic, r.key, r.value) for r in connection.execute(OUTBOX.select().order_by(OUTBOX.c.id))]

    def media_events(self) -> list[events_pb2.MediaChanged]:
        return [
            events_pb2.MediaChanged.FromString(value or b"")
            for topic, _, value in self.outbox()
            if topic == topics.MEDIA_CHANGED
        ]

    def stored(self) -> list[str]:
        """Every key of the object store."""
        return list(self.objects.list(""))

    def put(self, caller: Caller = MINA, data: bytes | None = None, **rest: object) -> Put:
        """An upload, personal unless said."""
        return self.pictures.put(caller, an_upload(data, **rest))

    def embedded(self, put: Put, **rest: object) -> None:
        """Tells ingest that this picture was embedded."""
        self.read_embedded([a_record(an_embedded(put, **rest))])

    def swept(self, sweep: Sweep) -> int:
        """One sweep, to its end."""
        return sweep.once(threading.Event())

    def run_imports(self) -> None:
        """Applies every import that was begun, to its end."""
        while self.imports.apply_next(threading.Event()):
            pass


@contextmanager
def an_ingest(folder: Path) -> Iterator[Ingest]:
    """A fresh one in `folder`, or the one that was there."""
    url = service_database_url(folder, "ingest")
    upgrade("ingest", url)
    clock, written, begun = TurnedClock(), threading.Event(), threading.Event()
    with ExitStack() as stack:
        engine = stack.enter_context(open_database(url))
        objects = stack.enter_context(open_object_store(f"file://{folder}/objects"))
        yield Ingest(
            folder=folder,
            engine=engine,
            objects=objects,
            clock=clock,
            pictures=Pictures(
                engine, objects, clock, SPACE, TRANSIENT_MS, clean, threading.BoundedSemaphore(2), written
            ),
            items=Items(engine, clock, written),
            imports=Imports(engine, clock, begun, written),
            expired=Expired(engine, objects, clock, TRANSIENT_MS),
            orphans=Orphans(engine, objects, clock, ORPHAN_AGE_MS),
            read_embedded=EmbeddedReader(Outcomes(engine, objects)),
        )


def an_upload(data: bytes | None = None, *, purpose: int = PERSONAL, source: int = UPLOAD, **rest: object) -> Upload:
    """A painted picture, given."""
    return Upload(a_picture() if data is None else data, purpose=purpose, source=source, **rest)  # type: ignore[arg-type]


def an_item(item_id: str = "i-1", *, media_ids: Sequence[str], **rest: object) -> Item:
    """An item with one offer."""
    given: dict[str, object] = {
        "title": Name(ko="의자", en="chair"),
        "brand": "",
        "category": "home/chair",
        "offers": (an_offer(),),
    }
    return Item(item_id=item_id, media_ids=tuple(media_ids), **(given | rest))  # type: ignore[arg-type]


def an_offer(**rest: object) -> Offer:
    """12,900 won at a shop in Korea."""
    given: dict[str, object] = {
        "offer_id": "",
        "shop": "Haneul Mart",
        "url": "https://shop.example/chair",
        "market": "KR",
        "currency": "KRW",
        "price_minor": 12900,
        "in_stock": True,
    }
    return Offer(**(given | rest))  # type: ignore[arg-type]


def an_embedded(put: Put, *, version: int = 1, outcome: int = Embedded.OUTCOME_EMBEDDED, **rest: object) -> Embedded:
    """What embed says of a picture."""
    media = put.media
    return Embedded(
        event_id="e-1",
        tenant=media.tenant,
        media_id=media.media_id,
        version=version,
        outcome=outcome,
        **rest,  # type: ignore[arg-type]
    )


def a_record(event: Embedded | bytes, *, offset: int = 0) -> Record:
    """An event as the log delivers it."""
    value = event if isinstance(event, bytes) else event.SerializeToString()
    return Record(topics.MEDIA_EMBEDDED, 0, offset, "key", value, {}, 0)


def some_features(put: Put) -> bytes:
    """The features object of a picture, as embed writes it: a whole, and a region that has a name."""
    label = next(iter(load_taxonomy().labels))
    colour = next(iter(load_taxonomy().colours))
    vector = np.eye(1, 64, dtype=np.float32)[0]
    found = FoundLabel(label, 0.75)
    return encode_features(
        Features(
            tenant=put.media.tenant,
            media_id=put.media.media_id,
            owner=put.media.owner,
            encoder_space=SPACE,
            version=1,
            width_px=put.media.width_px,
            height_px=put.media.height_px,
            map=np.ones((8, 8, 64), dtype=np.float32),
            regions=(
                FoundRegion(0, WHOLE, vector),
                FoundRegion(1, Box(0.25, 0.25, 0.5, 0.5), vector, (found,)),
            ),
            labels=(found,),
            label_map=np.ones((1, 8, 8), dtype=np.float32),
            colours=(FoundColour(colour, 0xC82828, 0.5),),
        )
    )


def features_key_of(put: Put) -> str:
    """Where embed writes them."""
    transient = put.media.purpose == SEARCH
    key = keys.transient_features_key if transient else keys.features_key
    return key(put.media.tenant, put.media.media_id, SPACE)
