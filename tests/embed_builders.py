"""An embed service on embedded adapters in one folder, with events for it."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.object_store.keys import features_key, rendition_key
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.decode import decode_at_least
from nungil.pictures.features import Features, decode_features
from nungil.runtime.errors import Rejected
from nungil.runtime.ids import new_event_id
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import IndexRow, VectorIndex
from services.embed.consumer import MediaChangedReader
from services.embed.device import open_device
from services.embed.handlers import EmbedUploads, EncodePicture, Encoding, RemoveDeleted, Tombstones

TENANT, OWNER = "local", "p-1"
DOG, MOUNTAIN = (205, 133, 63), (60, 140, 70)  # as tiny:// names colours
UPLOADED, DELETED = MediaChanged.CHANGE_UPLOADED, MediaChanged.CHANGE_DELETED
_offsets = itertools.count()


def a_picture(
    *, of: tuple[int, int, int] = MOUNTAIN, with_: tuple[int, int, int] | None = None, size_px: int = 128
) -> NDArray[np.uint8]:
    """One colour; with another one in its lower right quarter."""
    pixels = np.full((size_px, size_px, 3), of, dtype=np.uint8)
    if with_:
        pixels[size_px // 2 :, size_px // 2 :] = with_
    return pixels


def a_jpeg(pixels: NDArray[np.uint8] | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(a_picture() if pixels is None else pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def a_change(
    media_id: str,
    change: MediaChanged.Change.ValueType = UPLOADED,
    *,
    version: int = 1,
    tenant: str = TENANT,
    owner: str = OWNER,
    headers: dict[str, str] | None = None,
    owner_erased: bool = False,
) -> Record:
    event = MediaChanged(
        event_id=new_event_id(),
        tenant=tenant,
        media_id=media_id,
        change=change,
        version=version,
        owner=owner,
        purpose=common_pb2.PURPOSE_PERSONAL,
        source=common_pb2.SOURCE_CHAT,
        object_key=rendition_key(tenant, media_id),
        occurred_at_ms=1,
        owner_erased=owner_erased,
    )
    return a_record(media_id, event.SerializeToString(), headers)


def a_record(key: str, value: bytes | None, headers: dict[str, str] | None = None) -> Record:
    return Record(topics.MEDIA_CHANGED, 0, next(_offsets), key, value, headers or {}, 1)


@dataclass
class AnEmbed:
    """The use cases over real adapters, and what they have done so far."""

    folder: Path
    log: EventLog
    objects: ObjectStore
    index: VectorIndex
    encoder: Encoder
    read: MediaChangedReader
    encode: EncodePicture

    def stored(self, media_id: str, pixels: NDArray[np.uint8] | None = None, *, tenant: str = TENANT) -> str:
        """A rendition, as ingest leaves it."""
        self.objects.put(rendition_key(tenant, media_id), a_jpeg(pixels))
        return media_id

    def handle(self, *records: Record) -> list[tuple[Record, Rejected]]:
        return self.read(records)

    def rows(self, *media_ids: str, tenant: str = TENANT) -> list[IndexRow]:
        return self.index.fetch(media_ids, tenant=tenant)

    def features(self, media_id: str, *, tenant: str = TENANT) -> Features:
        return decode_features(self.objects.get(features_key(tenant, media_id, self.encoder.space.name)))

    def records(self) -> Sequence[Record]:
        """All of media.embedded, from its start."""
        found: list[Record] = []
        with self.log.tail([topics.MEDIA_EMBEDDED], since="start") as tail:
            while more := tail.poll(max_records=1000, timeout_s=0.1):
                found += more
        return found

    def events(self) -> list[MediaEmbedded]:
        return [MediaEmbedded.FromString(record.value or b"") for record in self.records()]

    def outcomes(self, media_id: str) -> list[str]:
        names = [MediaEmbedded.Outcome.Name(e.outcome) for e in self.events() if e.media_id == media_id]
        return [name.removeprefix("OUTCOME_").lower() for name in names]


@contextmanager
def an_embed(folder: Path, *, batch_pictures: int = 4) -> Iterator[AnEmbed]:
    taxonomy = load_taxonomy()
    with ExitStack() as stack:
        log = stack.enter_context(open_event_log(f"sqlite://{folder}/log.db"))
        objects = stack.enter_context(open_object_store(f"file://{folder}/objects"))
        encoder = stack.enter_context(open_encoder("tiny://64"))
        index = stack.enter_context(open_vector_index("exact://", encoder.space))
        device = stack.enter_context(open_device(encoder))
        threads = stack.enter_context(ThreadPoolExecutor(2))
        landing = stack.enter_context(ThreadPoolExecutor(1))
        noting = stack.enter_context(ThreadPoolExecutor(1))
        encoding, tombstones = Encoding(objects, decode_at_least, encoder, device, taxonomy), Tombstones(objects)
        alive = threading.Event()
        read = MediaChangedReader(
            EmbedUploads(encoding, index, log, tombstones, threads, landing, noting, lambda: 7, batch_pictures),
            RemoveDeleted(objects, index, log, tombstones, lambda: 7),
            alive.set,
        )
        yield AnEmbed(folder, log, objects, index, encoder, read, EncodePicture(encoding))


def as_new(record: Record) -> NewRecord:
    """To append what was built."""
    return NewRecord(record.topic, record.key, record.value, record.headers)
