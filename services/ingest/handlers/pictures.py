"""Pictures: put, get, list, show, delete."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from nungil.api.common.v1 import common_pb2
from nungil.database.open import hold, reading
from nungil.database.outbox import put_out
from nungil.object_store import keys
from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import Box, clip
from nungil.pictures.cleaning import Clean, Cleaned, Wanted
from nungil.pictures.features import Features, decode_features
from nungil.pictures.render import narrower, part
from nungil.runtime import metrics, tracing
from nungil.runtime.clock import Clock
from nungil.runtime.errors import Rejected
from nungil.runtime.ids import new_media_id
from services.ingest import wire
from services.ingest.core import (
    ACCEPTED,
    CATALOGUE_PURPOSE,
    LONGEST_UPLOAD_MS,
    PERSONAL,
    SEARCH,
    SEARCHABLE,
    Caller,
    Media,
    Upload,
    check_web_address,
    decode_cursor,
    encode_cursor,
    owner_of,
    page_size,
    tidy_file_name,
)
from services.ingest.errors import InvalidQuery, InvalidUpload, NoSuchPicture, OwnerErased, UploadStoodStill
from services.ingest.store import OUTBOX, erased
from services.ingest.store import media as rows

MAX_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Put:
    """What became of an upload. object_key: of the rendition, where it is only searched with."""

    media: Media
    duplicate: bool
    object_key: str = ""


@dataclass(frozen=True)
class Pictures:
    """Pictures of every tenant.

    encoder_space: whose features `get` reads. clean: makes a stranger's bytes what is stored. decoding: as many of our own
    renditions as may be decoded at once. written: set when the outbox has something.
    """

    engine: Engine
    objects: ObjectStore
    clock: Clock
    encoder_space: str
    transient_ms: int
    clean: Clean
    decoding: threading.Semaphore
    written: threading.Event

    def put(self, caller: Caller, upload: Upload) -> Put:
        """Checks, cleans and stores. Raises Rejected, and stores nothing, for what is no picture that we take."""
        _check_upload(upload)
        purpose = common_pb2.Purpose.Name(upload.purpose).removeprefix("PURPOSE_").lower()  # type: ignore[arg-type]
        metrics.INGEST_BYTES.add(len(upload.data), purpose=purpose)
        try:
            put = self._put(caller, upload)
            if upload.purpose == CATALOGUE_PURPOSE and upload.source_url:
                with self.engine.begin() as connection:  # by this address a feed may name it
                    rows.remember_address(connection, caller.tenant, upload.source_url, put.media.media_id)
        except Rejected:
            metrics.INGEST_PICTURES.add(purpose=purpose, outcome="refused")
            raise
        outcome = "duplicate" if put.duplicate else "stored"
        metrics.INGEST_PICTURES.add(purpose=purpose, outcome=outcome)
        tracing.note(media_id=put.media.media_id, purpose=purpose, outcome=outcome, bytes=len(upload.data))
        return put

    def _put(self, caller: Caller, upload: Upload) -> Put:
        owner = owner_of(caller, upload.purpose)
        transient = upload.purpose == SEARCH
        sha256 = None if transient else hashlib.sha256(upload.data).hexdigest()
        if sha256 is not None and (known := self._known(caller.tenant, owner, sha256)):
            return Put(known, duplicate=True)
        wanted = Wanted(upload.file_name, original=not transient, taken_on=upload.keep_taken_on and not transient)
        cleaned = self.clean(upload.data, wanted)
        now_ms = self.clock()
        media = Media(
            tenant=caller.tenant,
            media_id=new_media_id(),
            owner=owner,
            purpose=upload.purpose,
            source=upload.source,
            source_url="" if transient else upload.source_url,
            file_name="" if transient else tidy_file_name(upload.file_name),
            taken_on=cleaned.taken_on,
            width_px=cleaned.width_px,
            height_px=cleaned.height_px,
            content_sha256=sha256,
            state=ACCEPTED,
            reason="",
            version=1,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + self.transient_ms if transient else None,
        )
        return self._store_transient(media, cleaned) if transient else self._store(media, cleaned)

    def get(self, caller: Caller, media_id: str) -> tuple[Media, Features | None]:
        """The picture, and what was found in it once it is searchable. Raises NoSuchPicture."""
        media = self._seen(caller, media_id)
        if media.purpose == SEARCH:  # no event tells of these: the features themselves do
            features = self._features(keys.transient_features_key(media.tenant, media_id, self.encoder_space))
            return (replace(media, state=SEARCHABLE), features) if features else (media, None)
        if media.state != SEARCHABLE:
            return media, None
        return media, self._features(keys.features_key(media.tenant, media_id, self.encoder_space))

    def file_names(self, caller: Caller, media_ids: Collection[str]) -> dict[str, str]:
        """By media id, of those that the caller may see. Raises InvalidQuery for too many."""
        if len(media_ids) > MAX_NAMED:
            raise InvalidQuery(f"{len(media_ids):,} pictures are asked for; at most {MAX_NAMED:,} at once")
        with reading(self.engine) as connection:
            return rows.file_names(connection, caller.tenant, media_ids, caller.sees, now_ms=self.clock())

    def list(self, caller: Caller, purpose: int, *, limit: int, cursor: str) -> tuple[list[Media], str]:
        """A page of a purpose, newest first, and the cursor of the next; empty at the end."""
        owner = owner_of(caller, purpose or PERSONAL)
        size = page_size(limit)
        before = decode_cursor(cursor) if cursor else None
        with reading(self.engine) as connection:
            found = rows.list_media(
                connection,
                caller.tenant,
                owner,
                purpose or PERSONAL,
                before=before,
                limit=size + 1,
                now_ms=self.clock(),
            )
        page = found[:size]
        return page, encode_cursor(page[-1].media_id) if len(found) > size else ""

    def image(self, caller: Caller, media_id: str, *, max_width_px: int, box: Box | None = None) -> bytes:
        """A JPEG: the rendition, a part of it, or a narrower one. Raises NoSuchPicture, InvalidBox."""
        if max_width_px < 0:
            raise InvalidQuery(f"the width is {max_width_px}; it must be above 0, or left out")
        media = self._seen(caller, media_id)
        transient = media.purpose == SEARCH
        key = (keys.transient_rendition_key if transient else keys.rendition_key)(media.tenant, media_id)
        try:
            rendition = self.objects.get(key)
        except ObjectNotFound as error:  # deleted meanwhile
            raise NoSuchPicture(media_id) from error
        within = None if box is None else clip(box)[0]
        if not max_width_px and within is None:
            return rendition
        with self.decoding:
            shown = rendition if within is None else part(rendition, within)
            return narrower(shown, max_width_px) if max_width_px else shown

    def delete(self, caller: Caller, media_id: str) -> None:
        """Takes it from sight at once; what is stored goes when embed has removed its rows. Raises NoSuchPicture."""
        now_ms = self.clock()
        media = self._seen(caller, media_id)
        if media.purpose == SEARCH:
            for key in list(self.objects.list(keys.transient_prefix(media.tenant, media_id))):
                self.objects.delete(key)
            with self.engine.begin() as connection:
                rows.forget_media(connection, media.tenant, media_id)
            return
        version = media.version + 1
        with self.engine.begin() as connection:
            if not rows.mark_deleted(connection, media, version=version):
                raise NoSuchPicture(media_id)
            put_out(connection, OUTBOX, [wire.media_changed(media, wire.REMOVED, version=version, now_ms=now_ms)])
        self.written.set()

    def _known(self, tenant: str, owner: str, sha256: str) -> Media | None:
        with reading(self.engine) as connection:
            return rows.find_by_content(connection, tenant, owner, sha256)

    def _seen(self, caller: Caller, media_id: str) -> Media:
        with reading(self.engine) as connection:
            media = rows.find_media(connection, caller.tenant, media_id, caller.sees, now_ms=self.clock())
        if media is None:
            raise NoSuchPicture(media_id)
        return media

    def _store(self, media: Media, cleaned: Cleaned) -> Put:
        """Objects first: a crash before the row leaves objects that no row names, never a row without its objects."""
        original, rendition = (
            keys.original_key(media.tenant, media.media_id),
            keys.rendition_key(media.tenant, media.media_id),
        )
        if cleaned.original is not None:
            self.objects.put(original, cleaned.original.data, content_type=cleaned.original.content_type)
        self.objects.put(rendition, cleaned.rendition, content_type="image/jpeg")
        while True:
            try:
                with self.engine.begin() as connection:
                    hold(connection, rows.held_while_added(media.tenant, media.media_id))
                    if self.clock() - media.created_at_ms > LONGEST_UPLOAD_MS:  # a laptop that slept, say
                        raise UploadStoodStill
                    _add(connection, media)
                    event = wire.media_changed(media, wire.UPLOADED, version=media.version, now_ms=media.created_at_ms)
                    put_out(connection, OUTBOX, [event])
            except IntegrityError:
                known = self._known(media.tenant, media.owner, media.content_sha256 or "")
                if known is None:  # deleted since: the bytes are free again
                    continue
                self.objects.delete(original)
                self.objects.delete(rendition)
                return Put(known, duplicate=True)
            except OwnerErased:
                self.objects.delete(original)
                self.objects.delete(rendition)
                raise
            self.written.set()
            return Put(media, duplicate=False)

    def _store_transient(self, media: Media, cleaned: Cleaned) -> Put:
        key = keys.transient_rendition_key(media.tenant, media.media_id)
        self.objects.put(key, cleaned.rendition, content_type="image/jpeg")
        try:
            with self.engine.begin() as connection:
                _add(connection, media)
        except OwnerErased:
            self.objects.delete(key)
            raise
        return Put(media, duplicate=False, object_key=key)

    def _features(self, key: str) -> Features | None:
        try:
            return decode_features(self.objects.get(key))
        except ObjectNotFound:  # not yet, or made by another encoder
            return None


def _add(connection: Connection, media: Media) -> None:
    """Raises OwnerErased."""
    erased.hold_owner(connection, media.tenant, media.owner, shared=True)
    if erased.find_erased(connection, media.tenant, media.owner):
        raise OwnerErased
    rows.add_media(connection, media)


def _check_upload(upload: Upload) -> None:
    if upload.purpose not in common_pb2.Purpose.values() or upload.source not in common_pb2.Source.values():
        raise InvalidUpload(f"the purpose {upload.purpose} or the source {upload.source} is unknown")
    if upload.source_url:
        check_web_address(upload.source_url)
