"""Labels and colours of pictures in search's copy: what they are, and every statement that writes them.

The caller brings the transaction; all name the tenant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, tuple_

from nungil.pictures.features import Features
from services.search.core import Tag, TagKind
from services.search.store import PICTURE_TAGS, PICTURES

LABEL_SCORE = 0.1  # a label that is nowhere in a picture as probable as this is not what it shows
COLOUR_SHARE = 0.1  # of the pixels; embed names colours from 0.05 on, and at that nobody would call a thing by them
_VARIABLES = 1_000  # ids a statement


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a picture shows. tags: with the probability of a label where it is most probable, the share of a colour."""

    tenant: str
    media_id: str
    owner: str
    tags: Mapping[Tag, float]


def facts_of(features: Features) -> PictureFacts:
    """Labels of the whole and of its regions, and colours, without what is hardly there."""
    tags: dict[Tag, float] = defaultdict(float)
    for label in (*features.labels, *(label for region in features.regions for label in region.labels)):
        if label.score >= LABEL_SCORE:
            tag = Tag(TagKind.LABEL, label.id)
            tags[tag] = max(tags[tag], label.score)
    tags.update({Tag(TagKind.COLOUR, c.id): c.share for c in features.colours if c.share >= COLOUR_SHARE})
    return PictureFacts(features.tenant, features.media_id, features.owner, tags)


def replace_facts(connection: Connection, pictures: Sequence[PictureFacts]) -> None:
    """Puts what is known of each picture in place of what was there."""
    for tenant, media_ids in _by_tenant(pictures).items():
        delete_facts(connection, tenant, media_ids)
    known = [{"tenant": each.tenant, "media_id": each.media_id, "owner": each.owner} for each in pictures]
    tags = [
        {"tenant": each.tenant, "kind": tag.kind.value, "tag": tag.id, "media_id": each.media_id, "owner": each.owner, "score": score}
        for each in pictures
        for tag, score in each.tags.items()
    ]  # fmt: skip
    if known:
        connection.execute(insert(PICTURES), known)
    if tags:
        connection.execute(insert(PICTURE_TAGS), tags)


def delete_facts(connection: Connection, tenant: str, media_ids: Collection[str]) -> None:
    """Forgets these pictures; what is not there is no error."""
    for some in _portions(sorted(media_ids)):
        for table in (PICTURE_TAGS, PICTURES):
            connection.execute(delete(table).where(table.c.tenant == tenant, table.c.media_id.in_(some)))


def tags_of(connection: Connection, tenant: str, media_ids: Collection[str]) -> Mapping[str, Mapping[Tag, float]]:
    """Media id -> its labels and colours, as `PictureFacts` has them. A picture of none is absent."""
    found: dict[str, dict[Tag, float]] = defaultdict(dict)
    for some in _portions(sorted(media_ids)):
        rows = connection.execute(
            select(PICTURE_TAGS.c.media_id, PICTURE_TAGS.c.kind, PICTURE_TAGS.c.tag, PICTURE_TAGS.c.score).where(
                PICTURE_TAGS.c.tenant == tenant, PICTURE_TAGS.c.media_id.in_(some)
            )
        )
        for media_id, kind, tag, score in rows:
            found[media_id][Tag(TagKind(kind), tag)] = score
    return found


def pictures_after(connection: Connection, last: tuple[str, str], count: int) -> list[tuple[str, str]]:
    """The next pictures of all tenants whose labels are here, as (tenant, media id), in that order."""
    key = tuple_(PICTURES.c.tenant, PICTURES.c.media_id)
    rows = connection.execute(
        select(PICTURES.c.tenant, PICTURES.c.media_id).where(key > last).order_by(*key.clauses).limit(count)
    )
    return [(tenant, media_id) for tenant, media_id in rows]


def _by_tenant(pictures: Sequence[PictureFacts]) -> Mapping[str, set[str]]:
    media_ids: dict[str, set[str]] = defaultdict(set)
    for each in pictures:
        media_ids[each.tenant].add(each.media_id)
    return media_ids


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _VARIABLES):
        yield ids[start : start + _VARIABLES]
