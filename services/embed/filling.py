"""The rows of one encoder space made again from the objects, while everything else goes on (decision 15)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import groupby, islice
from threading import Event

from google.protobuf.message import DecodeError

from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.keys import (
    FEATURES,
    TOMBSTONES,
    features_key,
    features_named,
    features_prefix,
    rendition_key,
    tombstone_named,
)
from nungil.object_store.port import ObjectStore
from nungil.pictures.errors import DecoderBug
from nungil.pictures.features import Features, decode_features, encode_features
from nungil.runtime.errors import Rejected
from nungil.vector_index.port import IndexRow, VectorIndex, region_of
from services.embed.core import Picture, Prepared, finish, rows_of
from services.embed.handlers import Encoding, Tombstones, remove

logger = logging.getLogger(__name__)

_PAGE = 64  # pictures in memory at once: about 8 MB
_SWEPT = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture that has features. spaces: in which."""

    tenant: str
    media_id: str
    spaces: tuple[str, ...]


class Digest:
    """Of rows: ids, owners and vectors, picture by picture in the order of their keys."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.rows = 0

    def add(self, rows: Iterable[IndexRow]) -> None:
        """The rows of one picture, in any order."""
        for row in sorted(rows, key=lambda row: region_of(row.id)):
            self._sha256.update(f"{row.tenant}/{row.id}\0{row.owner}\0".encode())
            self._sha256.update(row.vector.astype("<f4").tobytes())
            self.rows += 1

    def __str__(self) -> str:
        return self._sha256.hexdigest()


@dataclass
class Filled:
    """What a fill did. before, after: of the index's rows. wanted: of the rows that the objects give.

    changed: pictures whose rows were others, or none. encoded: of those, pictures that had no features in this space.
    removed: deleted pictures of which something was left. failed: pictures that cannot be embedded again.
    """

    pictures: int = 0
    changed: int = 0
    encoded: int = 0
    removed: int = 0
    failed: int = 0
    finished: bool = False
    before: Digest = field(default_factory=Digest)
    after: Digest = field(default_factory=Digest)
    wanted: Digest = field(default_factory=Digest)

    @property
    def same(self) -> bool:
        """Whether the index held before what it holds now."""
        return str(self.before) == str(self.after)

    @property
    def right(self) -> bool:
        """Whether the index holds what the objects give, of every picture."""
        return self.finished and not self.failed and str(self.after) == str(self.wanted)


@dataclass(frozen=True)
class FillIndex:
    """Gives an index the rows of every picture that has features, in whatever space it has them.

    Rows that are right are not touched, so it can be run beside a serving embed, again, or after an interruption. A picture
    without features in this space is embedded again from its rendition. Deleting wins, as everywhere (decision 4).

    made: told of pictures that were embedded, once they can be found.
    """

    encoding: Encoding
    index: VectorIndex
    tombstones: Tombstones
    threads: Executor
    batch_pictures: int
    made: Callable[[Sequence[Features]], None] = lambda features: None

    def __call__(self, stop: Event) -> Filled:
        """Ends early, unfinished, once `stop` is set."""
        filled = self.of(stored_pictures(self.encoding.objects), stop)
        if filled.finished:
            self._sweep(filled)
        return filled

    def of(self, pictures: Iterable[Stored], stop: Event) -> Filled:
        """The same for some pictures, those of a tenant together; what else was deleted is left."""
        filled, pictures = Filled(), iter(pictures)
        while page := list(islice(pictures, _PAGE)):
            if stop.is_set():
                return filled
            for tenant, of_tenant in groupby(page, key=lambda stored: stored.tenant):
                self._fill(tenant, list(of_tenant), filled)
            logger.info("%d pictures, %d of them changed", filled.pictures, filled.changed)
        filled.finished = True
        return filled

    def after(self, before: str, stop: Event) -> Filled:
        """The same for the pictures that have features in the space `before` and none in this one."""
        space, stored = self.encoding.encoder.space.name, stored_pictures(self.encoding.objects)
        filled = self.of((one for one in stored if before in one.spaces and space not in one.spaces), stop)
        if filled.finished:
            self._sweep(filled)
        return filled

    def _fill(self, tenant: str, page: Sequence[Stored], filled: Filled) -> None:
        found, encoded = self._features(page, filled)
        wanted = {features.media_id: rows_of(features) for features in found}
        held = self._held(tenant, wanted)
        changed = [media_id for media_id, rows in wanted.items() if not _equal(rows, held[media_id])]
        if changed:
            surplus = [id_ for id_ in changed if {row.id for row in held[id_]} - {row.id for row in wanted[id_]}]
            self.index.delete_media(surplus, tenant=tenant)
            self.index.upsert([row for media_id in changed for row in wanted[media_id]])
            self.index.flush()
        # Features in this space say that the rows are down: whoever dies in between leaves a picture that is still missing.
        list(self.threads.map(self._store, encoded))
        now = held | self._held(tenant, changed)
        # After the rows: who deleted a picture before them could not remove them.
        gone = {features.media_id for features in found if self._removed(features)}
        filled.removed += len(gone)
        for features in found:
            media_id = features.media_id
            if media_id in gone:
                continue
            filled.pictures += 1
            filled.changed += media_id in changed
            filled.before.add(held[media_id])
            filled.after.add(now[media_id])
            filled.wanted.add(wanted[media_id])
        if told := [features for features in encoded if features.media_id not in gone]:
            self.made(told)

    def _held(self, tenant: str, media_ids: Iterable[str]) -> dict[str, list[IndexRow]]:
        held: dict[str, list[IndexRow]] = {media_id: [] for media_id in media_ids}
        for row in self.index.fetch(held, tenant=tenant) if held else ():
            held[row.media_id].append(row)
        return held

    def _removed(self, features: Features) -> bool:
        picture = _picture(features)
        if not self.tombstones.covers(picture):
            return False
        remove(picture, self.index, self.encoding.objects)
        self.index.flush()
        return True

    def _features(self, page: Sequence[Stored], filled: Filled) -> tuple[list[Features], list[Features]]:
        """In the order of `page`, without what cannot be had; of them, those made now and not yet stored."""
        space = self.encoding.encoder.space.name
        read = self.threads.map(self._read, page)
        found = {stored.media_id: features for stored, features in zip(page, read, strict=True) if features}
        others = [features for features in found.values() if features.encoder_space != space]
        missing = [stored for stored in page if stored.media_id not in found]
        for stored in missing:
            if list(self.encoding.objects.list(features_prefix(stored.tenant, stored.media_id))):
                logger.warning("the features of picture %s cannot be read", stored.media_id)
                filled.failed += 1
        made: list[Features] = []
        for i in range(0, len(others), self.batch_pictures):
            for other, features in self._encode(others[i : i + self.batch_pictures]):
                if features is None:
                    del found[other.media_id]
                    if self._removed(other):  # since its features were read
                        filled.removed += 1
                    else:
                        filled.failed += 1
                else:
                    filled.encoded += 1
                    made.append(features)
                    found[other.media_id] = features
        return list(found.values()), made

    def _read(self, stored: Stored) -> Features | None:
        """In this space where there are any, else in another; None where none can be read."""
        ours = self.encoding.encoder.space.name
        for space in sorted(stored.spaces, key=lambda space: (space != ours, space)):
            try:
                return decode_features(self.encoding.objects.get(features_key(stored.tenant, stored.media_id, space)))
            except ObjectNotFound:
                continue  # deleted since it was listed
            except (DecodeError, ValueError) as error:
                logger.warning("the features of picture %s in %s are damaged: %s", stored.media_id, space, error)
        return None

    def _encode(self, others: Sequence[Features]) -> list[tuple[Features, Features | None]]:
        """Each with its features in this space; None where it cannot be embedded."""
        prepared = list(self.threads.map(self._prepare, others))
        ready = [(other, one) for other, one in zip(others, prepared, strict=True) if one is not None]
        done: dict[str, Features] = {}
        if ready:
            encoded, encoder = self.encoding.forward([one for _, one in ready]).result(), self.encoding.encoder
            for (other, one), map_, label_map in zip(ready, encoded.maps, encoded.label_maps, strict=True):
                done[other.media_id] = finish(
                    _picture(other), one, map_, label_map, space=encoder.space.name, labels=encoder.labels
                )
        return [(other, done.get(other.media_id)) for other in others]

    def _store(self, features: Features) -> None:
        key = features_key(features.tenant, features.media_id, features.encoder_space)
        self.encoding.objects.put(key, encode_features(features))

    def _prepare(self, other: Features) -> Prepared | None:
        try:
            return self.encoding.prepare(rendition_key(other.tenant, other.media_id))
        except (ObjectNotFound, Rejected, DecoderBug) as error:
            logger.warning("picture %s cannot be embedded again: %s", other.media_id, error)
            return None

    def _sweep(self, filled: Filled) -> None:
        """Removes the rows of deleted pictures that have no features any more: another index was served meanwhile."""
        gone = map(tombstone_named, self.encoding.objects.list(TOMBSTONES))
        for tenant, of_tenant in groupby(gone, key=lambda named: named[0]):
            while some := [media_id for _, media_id in islice(of_tenant, _SWEPT)]:
                left = {row.media_id for row in self.index.fetch(some, tenant=tenant)}
                if left:
                    self.index.delete_media(left, tenant=tenant)
                    filled.removed += len(left)
        self.index.flush()


def stored_pictures(objects: ObjectStore) -> Iterator[Stored]:
    """Every picture that has features, in the order of their keys."""
    keys = map(features_named, objects.list(FEATURES))
    for (tenant, media_id), of_picture in groupby(keys, key=lambda named: named[:2]):
        yield Stored(tenant, media_id, tuple(space for _, _, space in of_picture))


def _picture(features: Features) -> Picture:
    return Picture(features.tenant, features.media_id, features.owner, features.version)


def _equal(rows: Sequence[IndexRow], others: Sequence[IndexRow]) -> bool:
    def of(rows: Sequence[IndexRow]) -> dict[str, tuple[str, bytes]]:
        return {row.id: (row.owner, row.vector.astype("<f4").tobytes()) for row in rows}

    return of(rows) == of(others)
