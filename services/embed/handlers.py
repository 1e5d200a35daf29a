"""The use cases of embed. Order of effects: feature object, rows, flush, event (decision 1)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from nungil.encoder.port import Encoded, Encoder, Pixels
from nungil.encoder.stretch import enough_px
from nungil.event_log.consume import KEEP_ALIVE_EVERY_S
from nungil.event_log.port import EventLog
from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.keys import (
    features_key,
    features_prefix,
    tombstone_key,
    transient_features_key,
    transient_prefix,
)
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import Features, encode_features
from nungil.runtime import metrics, tracing
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway, Rejected
from nungil.taxonomy.taxonomy import Taxonomy
from nungil.vector_index.port import VectorIndex
from services.embed import wire
from services.embed.core import Picture, Prepared, finish, prepare, rows_of
from services.embed.device import Device
from services.embed.erased import is_erased
from services.embed.erased import mark as mark_erased
from services.embed.errors import RenditionMissing, UnknownPicture
from services.embed.wire import Change

logger = logging.getLogger(__name__)

T = TypeVar("T")
PASSES_IN_FLIGHT = 2  # given to the device and not yet landed: a slow index holds back what is prepared
Fault = tuple[Change, Rejected]
Ready = tuple[Change, Prepared]
Found = tuple[Change, Features]


@dataclass(frozen=True)
class Tombstones:
    """The deletions that embed has carried out: a late or replayed upload never brings a picture back (decision 4)."""

    objects: ObjectStore

    def covers(self, picture: Picture) -> bool:
        """Whether the picture was deleted at this version or a later one, or its owner was erased."""
        return self._deleted(picture) or is_erased(self.objects, picture.tenant, picture.owner)

    def _deleted(self, picture: Picture) -> bool:
        try:
            return picture.version <= int(self.objects.get(tombstone_key(picture.tenant, picture.media_id)))
        except ObjectNotFound:
            return False

    def put(self, picture: Picture) -> None:
        """Keeps the latest deletion."""
        if not self._deleted(picture):
            self.objects.put(tombstone_key(picture.tenant, picture.media_id), str(picture.version).encode())


@dataclass(frozen=True)
class Encoding:
    """One picture or many through prepare (threads), forward (device) and finish (threads).

    decode: a rendition to its pixels, uint8 [height, width, 3], with no side under so many unless its own is; and its size.
    """

    objects: ObjectStore
    decode: Callable[[bytes, int], tuple[Pixels, tuple[int, int]]]
    encoder: Encoder
    device: Device
    taxonomy: Taxonomy

    def prepare(self, object_key: str) -> Prepared:
        """Raises ObjectNotFound, and Rejected where the picture cannot be decoded."""
        with metrics.EMBED_SECONDS.timed(step="prepare"):
            pixels, size = self.decode(self.objects.get(object_key), enough_px(self.encoder.space.input_px))
            return prepare(pixels, size, self.encoder, self.taxonomy.colours)

    def forward(self, pictures: Sequence[Prepared], *, urgent: bool = False) -> Future[Encoded]:
        return self.device.submit(np.stack([picture.pixels for picture in pictures]), urgent=urgent)

    def finish(self, picture: Picture, prepared: Prepared, encoded: Encoded, n: int, key: str) -> Features:
        """What the `n`th picture of a pass holds, stored under `key`."""
        with metrics.EMBED_SECONDS.timed(step="finish"):
            features = finish(
                picture,
                prepared,
                encoded.maps[n],
                encoded.label_maps[n],
                space=self.encoder.space.name,
                labels=self.encoder.labels,
            )
            self.objects.put(key, encode_features(features))
        return features


@dataclass(frozen=True)
class EmbedUploads:
    """Makes uploaded pictures searchable. Returns those that never will be, and says so in media.embedded.

    While a batch goes to the index, `noting` tells of it in media.encoded: search finds it by then (decision 17).

    Three stages overlap: while the device runs a pass, the next is prepared by `threads`, and the ones before land, one
    after another, on `landing` (an executor of one thread): features stored, rows upserted and flushed, event published.
    """

    encoding: Encoding
    index: VectorIndex
    log: EventLog
    tombstones: Tombstones
    threads: Executor
    landing: Executor
    noting: Executor
    clock: Clock
    batch_pictures: int

    def __call__(self, uploads: Sequence[Change], keep_alive: Callable[[], None]) -> list[Fault]:
        """keep_alive: called while waiting, for a batch may take longer than a silent member of a group is given."""
        faults: list[Fault] = []
        landings: deque[Future[None]] = deque()
        try:
            for batch in self._prepared(uploads, keep_alive):
                faults += [(change, result) for change, result in batch if isinstance(result, Rejected)]
                if ready := [(change, result) for change, result in batch if isinstance(result, Prepared)]:
                    landings.append(self._pass(ready))
                while len(landings) > PASSES_IN_FLIGHT:
                    _await(landings[0], keep_alive)
                    landings.popleft()
            while landings:
                _await(landings[0], keep_alive)
                landings.popleft()
        finally:
            _call_off(landings, keep_alive)
        if faults:
            self.log.append([wire.rejected(change, str(error), self.clock()) for change, error in faults])
        for change, _error in faults:
            _end(change, "rejected")
        return faults

    def _pass(self, batch: Sequence[Ready]) -> Future[None]:
        """Gives a batch to the device. The answer: once it is searchable."""
        forward = self.encoding.forward([prepared for _, prepared in batch])
        metrics.EMBED_IN_FLIGHT.add(len(batch))
        landing = self.landing.submit(self._land, batch, forward)
        landing.add_done_callback(lambda _: metrics.EMBED_IN_FLIGHT.add(-len(batch)))
        return landing

    def _land(self, batch: Sequence[Ready], forward: Future[Encoded]) -> None:
        """What follows a pass, in the order of decision 1."""
        found = self._store(batch, forward)
        self.noting.submit(self._note, found)
        with metrics.EMBED_SECONDS.timed(step="index"):
            self.index.upsert([row for _, features in found for row in rows_of(features)])
            self.index.flush()
        for change, _ in found:
            change.span.lap("index")
        deleted = self.threads.map(self._deleted_meanwhile, [change for change, _ in found])
        kept = [pair for pair, gone in zip(found, deleted, strict=True) if not gone]
        now_ms = self.clock()
        self.log.append(
            [wire.embedded(change, features, self._key(change.picture), now_ms) for change, features in kept]
        )
        for change, features in kept:
            _end(change, "embedded", regions=len(features.regions))

    def _note(self, found: Sequence[Found]) -> None:
        """Nobody waits for it, and nothing is lost with it: a picture is then found once the index shows it."""
        now_ms = self.clock()
        try:
            self.log.append([wire.encoded_note(f, self._key(change.picture), now_ms) for change, f in found])
        except DependencyAway as error:
            logger.debug("not noted: %s", error)

    def _prepared(
        self, uploads: Sequence[Change], keep_alive: Callable[[], None]
    ) -> Iterator[list[tuple[Change, Prepared | Rejected | None]]]:
        """Batches for the device; when one is given, the next is already being prepared."""
        batches = [uploads[i : i + self.batch_pictures] for i in range(0, len(uploads), self.batch_pictures)]
        ahead = [self.threads.submit(self._prepare, change) for change in batches[0]]
        for n, batch in enumerate(batches):
            # A picture may hold its decoder up to a limit.
            results = [_await(future, keep_alive) for future in ahead]
            if n + 1 < len(batches):
                ahead = [self.threads.submit(self._prepare, change) for change in batches[n + 1]]
            yield list(zip(batch, results, strict=True))

    def _prepare(self, change: Change) -> Prepared | Rejected | None:
        """None: deleted since."""
        if self.tombstones.covers(change.picture):
            return None
        try:
            return self.encoding.prepare(change.object_key)
        except ObjectNotFound:  # also where ingest has erased its owner by now
            return None if self.tombstones.covers(change.picture) else RenditionMissing("the rendition is missing")
        except Rejected as error:
            return error
        finally:
            change.span.lap("prepare")

    def _store(self, batch: Sequence[Ready], forward: Future[Encoded]) -> list[Found]:
        encoded = forward.result()

        def one(n: int) -> Found:
            change, prepared = batch[n]
            change.span.lap("forward")
            features = self.encoding.finish(change.picture, prepared, encoded, n, self._key(change.picture))
            change.span.lap("finish")
            return change, features

        return list(self.threads.map(one, range(len(batch))))

    def _deleted_meanwhile(self, change: Change) -> bool:
        """Where the partition was handed over, its new holder may have removed the picture before our rows arrived."""
        if not self.tombstones.covers(change.picture):
            return False
        remove(change.picture, self.index, self.encoding.objects)
        self.index.flush()
        return True

    def _key(self, picture: Picture) -> str:
        return features_key(picture.tenant, picture.media_id, self.encoding.encoder.space.name)


@dataclass(frozen=True)
class RemoveDeleted:
    """Removes rows and features of deleted pictures, for good, and says so.

    kept: the rows of spaces that are not served, which a deletion reaches too.
    """

    objects: ObjectStore
    index: VectorIndex
    log: EventLog
    tombstones: Tombstones
    clock: Clock
    kept: Sequence[VectorIndex] = ()

    def __call__(self, deletions: Sequence[Change]) -> None:
        for change in deletions:
            if change.owner_erased:  # counted before the first of their pictures goes
                mark_erased(self.objects, (self.index, *self.kept), change.picture.tenant, change.picture.owner)
            self.tombstones.put(change.picture)  # first, so that no upload slips in behind what follows
            for index in self.kept:
                index.delete_media([change.picture.media_id], tenant=change.picture.tenant)
            remove(change.picture, self.index, self.objects)
        for index in (*self.kept, self.index):
            index.flush()
        self.log.append([wire.removed(change, self.clock()) for change in deletions])
        for change in deletions:
            _end(change, "removed")


@dataclass(frozen=True)
class EncodePicture:
    """Encodes a picture that is only searched with: features under transient/, nothing in the index (decision 5)."""

    encoding: Encoding

    def __call__(self, picture: Picture, object_key: str) -> Features:
        """Raises UnknownPicture, and Rejected where it cannot be decoded."""
        unknown = UnknownPicture(f"no picture {picture.media_id}")
        if not (picture.tenant and picture.media_id):
            raise unknown
        if not object_key.startswith(transient_prefix(picture.tenant, picture.media_id)):
            raise unknown
        try:
            prepared = self.encoding.prepare(object_key)
        except ObjectNotFound as error:
            raise unknown from error
        encoded = self.encoding.forward([prepared], urgent=True).result()
        key = transient_features_key(picture.tenant, picture.media_id, self.encoding.encoder.space.name)
        features = self.encoding.finish(picture, prepared, encoded, 0, key)
        metrics.EMBED_PICTURES.add(outcome="searched")
        tracing.note(media_id=picture.media_id, regions=len(features.regions))
        return features


def _await(future: Future[T], keep_alive: Callable[[], None]) -> T:
    """The result, or what was raised in getting it."""
    while wait([future], timeout=KEEP_ALIVE_EVERY_S).not_done:
        keep_alive()
    return future.result()


def _call_off(landings: Sequence[Future[None]], keep_alive: Callable[[], None]) -> None:
    """After one that failed: those behind it are not begun, and what runs is waited for, so that attempts never pile up."""
    running = [landing for landing in landings if not landing.cancel()]
    while wait(running, timeout=KEEP_ALIVE_EVERY_S).not_done:
        keep_alive()


def _end(change: Change, outcome: str, **fields: int) -> None:
    change.span.lap("publish")
    change.span.fields.update(fields, outcome=outcome)
    change.span.end()
    metrics.EMBED_PICTURES.add(outcome=outcome)


def remove(picture: Picture, index: VectorIndex, objects: ObjectStore) -> None:
    """Rows, then features in every encoder space. The caller flushes."""
    index.delete_media([picture.media_id], tenant=picture.tenant)
    for key in list(objects.list(features_prefix(picture.tenant, picture.media_id))):
        objects.delete(key)
