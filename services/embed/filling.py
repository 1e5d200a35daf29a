"""The rows of one encoder space made again from the objects, while everything else goes on (decision 15)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
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
from nungil.pictures.features import Features, decode_features
from nungil.runtime.errors import Rejected
from nungil.vector_index.port import IndexRow, VectorIndex, region_of
from services.embed.core import Picture, Prepared, rows_of
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
    """

    encoding: Encoding
    index: VectorIndex
    tombstones: Tombstones
    threads: Executor
    batch_pictures: int

    def __call__(self, stop: Event) -> Filled:
        """Ends early, unfinished, once `stop` is set."""
        filled = Filled()
        pictures = stored_pictures(self.encoding.objects)
        while page := list(islice(pictures, _PAGE)):
            if stop.is_set():
                return filled
            for tenant, of_tenant in groupby(page, key=lambda stored: stored.tenant):
                self._fill(tenant, list(of_tenant), filled)
            logger.info("%d pictures, %d of them changed", filled.pictures, filled.changed)
        self._sweep(filled)
        filled.finished = True
        return filled

    def _fill(self, tenant: str, page: Sequence[Stored], filled: Filled) -> None:
        found = self._features(page, filled)
        wanted = {features.media_id: rows_of(features) for features in found}
        held = self._held(tenant, wanted)
        changed = [media_id for media_id, rows in wanted.items() if not _equal(rows, held[media_id])]
        if changed:
            surplus = [id_ for id_ in changed if {row.id for row in held[id_]} - {row.id for row in wanted[id_]}]
            self.index.delete_media(surplus, tenant=tenant)
            self.index.upsert([row for media_id in changed for row in wanted[media_id]])
            self.index.flush()
        now = held | self._held(tenant, changed)
        for features in found:
            media_id = features.media_id
            if self._removed(features):  # after the rows: who deleted it before them could not remove them
                filled.removed += 1
                continue
            filled.pictures += 1
            filled.changed += media_id in changed
            filled.before.add(held[media_id])
            filled.after.add(now[media_id])
            filled.wanted.add(wanted[media_id])

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

    def _features(self, page: Sequence[Stored], filled: Filled) -> list[Features]:
        """In the order of `page`, without what cannot be had."""
        space = self.encoding.encoder.space.name
        read = self.threads.map(self._read, page)
        found = {stored.media_id: features for stored, features in zip(page, read, strict=True) if features}
        others = [features for features in found.values() if features.encoder_space != space]
        missing = [stored for stored in page if stored.media_id not in found]
        for stored in missing:
            if list(self.encoding.objects.list(features_prefix(stored.tenant, stored.media_id))):
                logger.warning("the features of picture %s cannot be read", stored.media_id)
                filled.failed += 1
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
                    found[other.media_id] = features
        return list(found.values())

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
        """Each with its features in this space, stored; None where it cannot be embedded."""
        prepared = list(self.threads.map(self._prepare, others))
        ready = [(other, one) for other, one in zip(others, prepared, strict=True) if one is not None]
        done: dict[str, Features] = {}
        if ready:
            encoded = self.encoding.forward([one for _, one in ready]).result()
            for n, (other, one) in enumerate(ready):
                key = features_key(other.tenant, other.media_id, self.encoding.encoder.space.name)
                done[other.media_id] = self.encoding.finish(_picture(other), one, encoded, n, key)
        return [(other, done.get(other.media_id)) for other in others]

    def _prepare(self, other: Features) -> Prepared | None:
        try:
            return self.encoding.prepare(rendition_key(other.tenant, other.media_id))
        except (ObjectNotFound, Rejected) as error:
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
