"""What a person was shown, and the lists that they read on in: tables, and every statement on them.

The caller brings the transaction; every statement names the tenant.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from nungil.database.open import hold
from services.profile.store.tables import METADATA, person_column, theirs

SHOWN_KEPT = 2_000  # of a person, the newest; then what was shown first may be shown again
HIDDEN_KEPT = 1_000
LISTS_KEPT = 3
LIST_MS = 60 * 60 * 1000

SEEN = Table(
    "seen",
    METADATA,
    person_column(primary_key=True),
    Column("what", Integer, primary_key=True, autoincrement=False),
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("hidden", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("seen_pictures", "tenant", "what", "id"),
)
LISTS = Table(
    "recommendation_lists",
    METADATA,
    Column("list_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    person_column(nullable=False),
    Column("made_at_ms", BigInteger, nullable=False),
    Column("entries", Text, nullable=False),
    Column("sponsored", Text, nullable=False),  # which page got which, so that a page read twice is shown once
    Index("recommendation_lists_of_person", "person_id", "made_at_ms"),
    Index("recommendation_lists_by_age", "made_at_ms"),
)


class What(IntEnum):
    """What was seen."""

    ITEM = 1
    PICTURE = 2  # something was done with it: the items that it shows were seen


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing. hidden: the person wants to see it no more."""

    what: What
    id: str
    at_ms: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing of a list, and why it is there: of wishes.Source, an interest or none, and the pictures that say so. stated: the key of
    what its person stated, where that is the reason; empty: nothing, or it is forgotten."""

    item_id: str
    media_id: str
    region: int
    score: float
    source: int
    interest: str
    because: tuple[str, ...]
    stated: str = ""


@dataclass(frozen=True, slots=True)
class Sponsored:
    """What a campaign shows. interest: that it is meant for; empty: a segment."""

    campaign_id: str
    item_id: str
    interest: str


@dataclass(frozen=True, slots=True)
class KeptList:
    """sponsored: of the pages read so far, by the offset of each."""

    list_id: str
    made_at_ms: int
    entries: tuple[Entry, ...]
    sponsored: dict[int, tuple[Sponsored, ...]]


def note(c: Connection, tenant: str, person_id: str, things: Collection[Seen]) -> None:
    """Remembers them, within bounds; what was hidden stays hidden. The person exists."""
    hold(c, f"seen/{tenant}/{person_id}")
    newest = {(one.what, one.id): one for one in sorted(things, key=lambda one: one.at_ms)}
    hidden = {(one.what, one.id) for one in things if one.hidden}
    known = {(one.what, one.id): one for one in seen(c, tenant, person_id)}
    rows: list[Seen] = []
    for key, one in newest.items():
        before = known.get(key)
        at_ms = max(one.at_ms, before.at_ms) if before else one.at_ms
        rows.append(replace(one, at_ms=at_ms, hidden=key in hidden or (before is not None and before.hidden)))
    _forget(c, tenant, person_id, [one for one in rows if (one.what, one.id) in known])
    if rows:
        of = {"person_id": person_id, "tenant": tenant}
        c.execute(insert(SEEN), [of | asdict(one) | {"what": int(one.what), "hidden": int(one.hidden)} for one in rows])
    kept = known | {(one.what, one.id): one for one in rows}
    for is_hidden, most in ((False, SHOWN_KEPT), (True, HIDDEN_KEPT)):
        of_kind = sorted(
            (one for one in kept.values() if one.hidden == is_hidden), key=lambda one: (-one.at_ms, one.id)
        )
        _forget(c, tenant, person_id, of_kind[most:])


def seen(c: Connection, tenant: str, person_id: str) -> list[Seen]:
    """All that is remembered, newest first."""
    rows = c.execute(select(SEEN).where(theirs(SEEN, tenant, person_id)).order_by(SEEN.c.at_ms.desc(), SEEN.c.id))
    return [Seen(What(row.what), row.id, row.at_ms, bool(row.hidden)) for row in rows]


def forget_picture(c: Connection, tenant: str, media_id: str) -> None:
    """Of everyone: a picture that is gone is no memory, and lists that give it as a reason are gone with it."""
    c.execute(delete(SEEN).where(SEEN.c.tenant == tenant, SEEN.c.what == int(What.PICTURE), SEEN.c.id == media_id))
    names_it = LISTS.c.entries.contains(f'"{media_id}"', autoescape=True)
    c.execute(delete(LISTS).where(LISTS.c.tenant == tenant, names_it))


def keep_list(c: Connection, tenant: str, person_id: str, kept: KeptList) -> None:
    """A new one. Those that are too old go, and all but the person's newest."""
    c.execute(delete(LISTS).where(LISTS.c.made_at_ms < kept.made_at_ms - LIST_MS))
    own = (
        select(LISTS.c.list_id)
        .where(theirs(LISTS, tenant, person_id))
        .order_by(LISTS.c.made_at_ms.desc(), LISTS.c.list_id)
    )
    for list_id in c.execute(own).scalars().all()[LISTS_KEPT - 1 :]:
        c.execute(delete(LISTS).where(theirs(LISTS, tenant, person_id), LISTS.c.list_id == list_id))
    row = {"list_id": kept.list_id, "tenant": tenant, "person_id": person_id, "made_at_ms": kept.made_at_ms}
    c.execute(insert(LISTS).values(**row, entries=_text(kept.entries), sponsored="{}"))


def find_list(c: Connection, tenant: str, person_id: str, list_id: str, *, now_ms: int) -> KeptList | None:
    """None where it is not this person's, or too old."""
    found = select(LISTS).where(
        theirs(LISTS, tenant, person_id), LISTS.c.list_id == list_id, LISTS.c.made_at_ms >= now_ms - LIST_MS
    )
    row = c.execute(found).first()
    if row is None:
        return None
    sponsored = {int(at): tuple(Sponsored(*one) for one in some) for at, some in json.loads(row.sponsored).items()}
    return KeptList(row.list_id, row.made_at_ms, _entries(row.entries), sponsored)


def note_sponsored(
    c: Connection, tenant: str, person_id: str, list_id: str, sponsored: dict[int, tuple[Sponsored, ...]]
) -> None:
    """What the pages of a list got."""
    said = json.dumps({at: [list(asdict(one).values()) for one in some] for at, some in sponsored.items()})
    own = update(LISTS).where(theirs(LISTS, tenant, person_id), LISTS.c.list_id == list_id)
    c.execute(own.values(sponsored=said))


def forget_stated(c: Connection, tenant: str, person_id: str, still: Collection[str]) -> None:
    """Of a locked person's lists: what they stated and do not state any more. still: the keys of what they do."""
    for row in c.execute(select(LISTS).where(theirs(LISTS, tenant, person_id))).all():
        before = _entries(row.entries)
        after = without_stated(before, still)
        if after != before:
            own = update(LISTS).where(theirs(LISTS, tenant, person_id), LISTS.c.list_id == row.list_id)
            c.execute(own.values(entries=_text(after)))


def without_stated(entries: Sequence[Entry], still: Collection[str]) -> tuple[Entry, ...]:
    """Each in its place, but with no word of what is not stated any more."""
    return tuple(entry if entry.stated in still else replace(entry, stated="") for entry in entries)


def drop_lists(c: Connection, tenant: str, person_id: str) -> None:
    """All of a person's lists: what they were made of may not be used any more."""
    c.execute(delete(LISTS).where(theirs(LISTS, tenant, person_id)))


def _forget(c: Connection, tenant: str, person_id: str, things: Sequence[Seen]) -> None:
    for what in What:
        ids = [one.id for one in things if one.what == what]
        for start in range(0, len(ids), 500):
            some = SEEN.c.id.in_(ids[start : start + 500])
            c.execute(delete(SEEN).where(theirs(SEEN, tenant, person_id), SEEN.c.what == int(what), some))


def _text(entries: Sequence[Entry]) -> str:
    return json.dumps([asdict(entry) for entry in entries], ensure_ascii=False)


def _entries(text: str) -> tuple[Entry, ...]:
    return tuple(Entry(**{**said, "because": tuple(said["because"])}) for said in json.loads(text))
