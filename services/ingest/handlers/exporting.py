"""A person's pictures to take away: originals as they are kept, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Engine

from nungil.api.common.v1 import common_pb2
from nungil.database.open import reading
from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.keys import original_key
from nungil.object_store.port import ObjectStore
from nungil.runtime.clock import Clock
from nungil.runtime.rpc import chunks
from services.ingest.core import MAX_PAGE, PERSONAL, Caller, Media, owner_of
from services.ingest.store import media as rows

Part = tuple[str, bytes]
"""A path where a file begins, else empty; and bytes of it."""

FOLDER = "pictures"
_ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}


@dataclass(frozen=True)
class ExportPictures:
    """Holds one picture and a page of rows at a time."""

    engine: Engine
    objects: ObjectStore
    clock: Clock

    def __call__(self, caller: Caller) -> Iterator[Part]:
        """Every picture, newest first; then the index of those that came with their bytes. Raises NobodyAsks."""
        owner = owner_of(caller, PERSONAL)
        names: dict[str, str] = {}
        for media in self._media(caller.tenant, owner):
            try:
                data = self.objects.get(original_key(media.tenant, media.media_id))
            except ObjectNotFound:  # deleted meanwhile
                continue
            path = f"{FOLDER}/{_name_of(media, data)}"
            names[media.media_id] = path
            for n, chunk in enumerate(chunks(data)):
                yield (path if n == 0 else ""), chunk
        path = f"{FOLDER}/index.json"
        yield path, b"["
        between = b"\n"
        for media in self._media(caller.tenant, owner):
            if media.media_id in names:
                yield "", between + json.dumps(_said_of(media, names[media.media_id]), ensure_ascii=False).encode()
                between = b",\n"
        yield "", b"\n]\n"

    def _media(self, tenant: str, owner: str) -> Iterator[Media]:
        last: str | None = None
        while True:
            with reading(self.engine) as connection:
                page = rows.list_media(
                    connection, tenant, owner, PERSONAL, before=last, limit=MAX_PAGE, now_ms=self.clock()
                )
            yield from page
            if len(page) < MAX_PAGE:
                return
            last = page[-1].media_id


def _name_of(media: Media, data: bytes) -> str:
    """Its own name behind its id, so that no two are the same."""
    ending = next((end for magic, end in _ENDINGS.items() if data.startswith(magic)), "")
    stem = "".join(c if c.isalnum() or c in "-_. " else "_" for c in PurePosixPath(media.file_name).stem).strip(". ")
    return f"{media.media_id}{f' {stem}' if stem else ''}{ending}"


def _said_of(media: Media, path: str) -> dict[str, Any]:
    return {
        "media_id": media.media_id,
        "file": path,
        "file_name": media.file_name,
        "taken_on": media.taken_on or None,
        "given_at": datetime.fromtimestamp(media.created_at_ms / 1000, UTC).isoformat(),
        "source": common_pb2.Source.Name(common_pb2.Source.ValueType(media.source)).removeprefix("SOURCE_").lower(),
        "source_url": media.source_url or None,
        "width_px": media.width_px,
        "height_px": media.height_px,
    }
