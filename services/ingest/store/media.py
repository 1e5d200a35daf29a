"""Statements on pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from nungil.database.open import hold
from nungil.vector_index.port import CATALOGUE
from services.ingest.core import CATALOGUE_PURPOSE, DELETED, PERSONAL, SEARCHABLE, WEB, Media
from services.ingest.store.tables import MEDIA, PICTURE_ADDRESSES


def add_media(connection: Connection, media: Media) -> None:
    """Raises sqlalchemy.exc.IntegrityError where this owner has these bytes."""
    connection.execute(insert(MEDIA).values(asdict(media)))


def held_while_added(tenant: str, media_id: str) -> str:
    """What `hold` holds while a row is added, or while objects are removed because there is none."""
    return f"media/{tenant}/{media_id}"


def find_media(
    connection: Connection, tenant: str, media_id: str, owners: Collection[str], *, now_ms: int
) -> Media | None:
    """The picture, where one of `owners` has it and it is neither deleted nor expired."""
    query = select(MEDIA).where(*_is(tenant, media_id), MEDIA.c.owner.in_(owners), MEDIA.c.state != DELETED)
    row = connection.execute(query).one_or_none()
    media = _media(row) if row else None
    if media is None or (media.expires_at_ms is not None and media.expires_at_ms <= now_ms):
        return None
    return media


def file_names(
    connection: Connection, tenant: str, media_ids: Collection[str], owners: Collection[str], *, now_ms: int
) -> dict[str, str]:
    """By media id, of those pictures that `find_media` would find."""
    query = select(MEDIA.c.media_id, MEDIA.c.file_name).where(
        MEDIA.c.tenant == tenant,
        MEDIA.c.media_id.in_(media_ids),
        MEDIA.c.owner.in_(owners),
        MEDIA.c.state != DELETED,
        (MEDIA.c.expires_at_ms.is_(None)) | (MEDIA.c.expires_at_ms > now_ms),
    )
    return {row.media_id: row.file_name for row in connection.execute(query)}


def find_by_content(connection: Connection, tenant: str, owner: str, sha256: str) -> Media | None:
    """The picture that this owner gave with these bytes."""
    query = select(MEDIA).where(MEDIA.c.tenant == tenant, MEDIA.c.owner == owner, MEDIA.c.content_sha256 == sha256)
    row = connection.execute(query).one_or_none()
    return _media(row) if row else None


def list_media(
    connection: Connection, tenant: str, owner: str, purpose: int, *, before: str | None, limit: int, now_ms: int
) -> list[Media]:
    """Newest first; ids sort by age. before: the id after which to go on."""
    query = (
        select(MEDIA)
        .where(MEDIA.c.tenant == tenant, MEDIA.c.owner == owner, MEDIA.c.purpose == purpose, MEDIA.c.state != DELETED)
        .where((MEDIA.c.expires_at_ms.is_(None)) | (MEDIA.c.expires_at_ms > now_ms))
        .order_by(MEDIA.c.media_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(MEDIA.c.media_id < before)
    return [_media(row) for row in connection.execute(query)]


def dates(connection: Connection, tenant: str, owner: str, *, limit: int) -> dict[str, str]:
    """The day on which each searchable personal picture was taken, empty where none is known; of the newest `limit`."""
    query = (
        select(MEDIA.c.media_id, MEDIA.c.taken_on)
        .where(MEDIA.c.tenant == tenant, MEDIA.c.owner == owner, MEDIA.c.purpose == PERSONAL)
        .where(MEDIA.c.state == SEARCHABLE)
        .order_by(MEDIA.c.media_id.desc())
        .limit(limit)
    )
    return {row.media_id: row.taken_on for row in connection.execute(query)}


def forget_dates(connection: Connection, tenant: str, owner: str) -> int:
    """Forgets when an owner's pictures were taken; how many had a day."""
    dated = MEDIA.c.tenant == tenant, MEDIA.c.owner == owner, MEDIA.c.taken_on != ""
    return connection.execute(update(MEDIA).where(*dated).values(taken_on="")).rowcount


def mark_deleted(connection: Connection, media: Media, *, version: int) -> bool:
    """Forgets all that was said of it and frees its bytes' hash. False where another call was first."""
    changed = connection.execute(
        update(MEDIA)
        .where(*_is(media.tenant, media.media_id), MEDIA.c.state != DELETED)
        .values(
            state=DELETED, version=version, content_sha256=None, source_url="", file_name="", taken_on="", reason=""
        )
    )
    connection.execute(
        delete(PICTURE_ADDRESSES).where(
            PICTURE_ADDRESSES.c.tenant == media.tenant, PICTURE_ADDRESSES.c.media_id == media.media_id
        )
    )
    return changed.rowcount == 1


def set_state(connection: Connection, tenant: str, media_id: str, *, version: int, state: int, reason: str) -> None:
    """What embed made of that version; nothing where the picture has gone on since, or is gone."""
    connection.execute(
        update(MEDIA)
        .where(*_is(tenant, media_id), MEDIA.c.version == version, MEDIA.c.state != DELETED)
        .values(state=state, reason=reason)
    )


def version_of(connection: Connection, tenant: str, media_id: str) -> tuple[int, int] | None:
    """Its version and state; None where there is no row."""
    row = connection.execute(select(MEDIA.c.version, MEDIA.c.state).where(*_is(tenant, media_id))).one_or_none()
    return (row.version, row.state) if row else None


def forget_media(connection: Connection, tenant: str, media_id: str) -> None:
    """Removes the row."""
    connection.execute(delete(MEDIA).where(*_is(tenant, media_id)))


def forget_expired(connection: Connection, *, now_ms: int) -> int:
    """Removes the rows, of every tenant, of pictures whose time is over; how many."""
    return connection.execute(delete(MEDIA).where(MEDIA.c.expires_at_ms <= now_ms)).rowcount


def catalogue_media(connection: Connection, tenant: str, media_ids: Collection[str]) -> set[str]:
    """Those of `media_ids` that are pictures of the tenant's catalogue."""
    query = select(MEDIA.c.media_id).where(
        MEDIA.c.tenant == tenant,
        MEDIA.c.media_id.in_(media_ids),
        MEDIA.c.owner == CATALOGUE,
        MEDIA.c.purpose == CATALOGUE_PURPOSE,
        MEDIA.c.state != DELETED,
    )
    return set(connection.scalars(query))


def remember_address(connection: Connection, tenant: str, url: str, media_id: str) -> None:
    """That this picture of the catalogue came from there; the last one that did is meant by the address."""
    key = _sha256(url)
    hold(connection, f"address/{tenant}/{key}")
    connection.execute(delete(PICTURE_ADDRESSES).where(*_at(tenant, [key])))
    connection.execute(insert(PICTURE_ADDRESSES).values(tenant=tenant, url_sha256=key, media_id=media_id))


def pictures_at(connection: Connection, tenant: str, images: Collection[str]) -> dict[str, str]:
    """Those of `images`, ids or addresses on the web, that name a picture of the tenant's catalogue, with its id."""
    keys = {_sha256(image): image for image in images if image.startswith(WEB)}
    rows = connection.execute(select(PICTURE_ADDRESSES).where(*_at(tenant, list(keys))))
    named = {image: image for image in images if not image.startswith(WEB)}
    named |= {keys[row.url_sha256]: row.media_id for row in rows}
    known = catalogue_media(connection, tenant, set(named.values()))
    return {image: media_id for image, media_id in named.items() if media_id in known}


def known_media(connection: Connection, tenant: str, media_ids: Collection[str]) -> set[str]:
    """Those of `media_ids` that have a row, in whatever state."""
    query = select(MEDIA.c.media_id).where(MEDIA.c.tenant == tenant, MEDIA.c.media_id.in_(media_ids))
    return set(connection.scalars(query))


def any_media(connection: Connection) -> bool:
    """Whether there is any picture, of any tenant."""
    return connection.scalar(select(MEDIA.c.media_id).limit(1)) is not None


def _media(row: Row[Any]) -> Media:
    return Media(**row._mapping)


def _at(tenant: str, keys: Collection[str]) -> Sequence[Any]:
    return (PICTURE_ADDRESSES.c.tenant == tenant, PICTURE_ADDRESSES.c.url_sha256.in_(keys))


def _sha256(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()  # of a fixed length, as a key must be


def _is(tenant: str, media_id: str) -> Sequence[Any]:
    return (MEDIA.c.tenant == tenant, MEDIA.c.media_id == media_id)
