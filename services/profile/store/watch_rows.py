"""Every statement on watches. The caller brings the transaction; every statement names the tenant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, select

from nungil.pictures.boxes import Box
from services.profile.core import Labels
from services.profile.store.tables import WATCH_MATCHES, WATCHES, theirs
from services.profile.watches import MATCHES_KEPT, Crop, Unmet, Watch, WatchMatch


def count(c: Connection, tenant: str, person_id: str) -> int:
    """How many a person has."""
    return int(
        c.execute(select(func.count()).select_from(WATCHES).where(theirs(WATCHES, tenant, person_id))).scalar_one()
    )


def find(c: Connection, tenant: str, person_id: str, crop: Crop) -> Watch | None:
    """The watch for this crop, without its matches."""
    same = [WATCHES.c[name] == value for name, value in _columns(crop).items()]
    row = c.execute(select(WATCHES).where(theirs(WATCHES, tenant, person_id), *same)).first()
    return None if row is None else _watch(row, ())


def add(c: Connection, tenant: str, person_id: str, watch: Watch, labels: Labels) -> None:
    """Keeps a new one. labels: what its crop shows, best first."""
    label, score = labels[0] if labels else ("", 0.0)
    c.execute(
        insert(WATCHES).values(
            watch_id=watch.watch_id,
            tenant=tenant,
            person_id=person_id,
            **_columns(watch.crop),
            label=label,
            label_score=score,
            created_at_ms=watch.created_at_ms,
        )
    )


def of_person(c: Connection, tenant: str, person_id: str) -> list[Watch]:
    """Newest first, with their matches."""
    matches: dict[str, list[WatchMatch]] = defaultdict(list)
    found = select(WATCH_MATCHES).join(WATCHES, WATCHES.c.watch_id == WATCH_MATCHES.c.watch_id)
    for row in c.execute(found.where(theirs(WATCHES, tenant, person_id)).order_by(*_NEWEST_MATCH)):
        matches[row.watch_id].append(WatchMatch(row.item_id, row.media_id, row.score, row.matched_at_ms))
    order = (WATCHES.c.created_at_ms.desc(), WATCHES.c.watch_id.desc())
    rows = c.execute(select(WATCHES).where(theirs(WATCHES, tenant, person_id)).order_by(*order)).all()
    return [_watch(row, matches[row.watch_id]) for row in rows]


def remove(c: Connection, tenant: str, person_id: str, watch_id: str) -> bool:
    """Whether the person had it. Its matches go with it."""
    return (
        c.execute(delete(WATCHES).where(theirs(WATCHES, tenant, person_id), WATCHES.c.watch_id == watch_id)).rowcount
        > 0
    )


def people_watching(c: Connection, tenant: str, media_id: str) -> list[str]:
    """Who waits for a part of this picture, in order."""
    at = and_(WATCHES.c.tenant == tenant, WATCHES.c.media_id == media_id)
    return sorted(c.execute(select(WATCHES.c.person_id).where(at).distinct()).scalars())


def remove_picture(c: Connection, tenant: str, person_id: str, media_id: str) -> list[str]:
    """Removes a person's watches of this picture; their ids."""
    at = and_(theirs(WATCHES, tenant, person_id), WATCHES.c.media_id == media_id)
    ended = sorted(c.execute(select(WATCHES.c.watch_id).where(at)).scalars())
    c.execute(delete(WATCHES).where(at))
    return ended


def add_match(c: Connection, tenant: str, person_id: str, watch_id: str, match: WatchMatch) -> bool:
    """Each item once a watch. False where it is there already, or the person has no such watch (any more)."""
    mine = select(WATCHES.c.watch_id).where(theirs(WATCHES, tenant, person_id), WATCHES.c.watch_id == watch_id)
    if c.execute(mine.with_for_update()).first() is None:
        return False
    of_watch = WATCH_MATCHES.c.watch_id == watch_id
    if c.execute(select(WATCH_MATCHES.c.item_id).where(of_watch, WATCH_MATCHES.c.item_id == match.item_id)).first():
        return False
    c.execute(
        insert(WATCH_MATCHES).values(
            watch_id=watch_id,
            item_id=match.item_id,
            media_id=match.media_id,
            score=match.score,
            matched_at_ms=match.matched_at_ms,
        )
    )
    newest_first = select(WATCH_MATCHES.c.item_id).where(of_watch).order_by(*_NEWEST_MATCH)
    for item_id in c.execute(newest_first).scalars().all()[MATCHES_KEPT:]:
        c.execute(delete(WATCH_MATCHES).where(of_watch, WATCH_MATCHES.c.item_id == item_id))
    return True


def unmet(c: Connection, tenant: str, *, least_people: int, limit: int) -> list[Unmet]:
    """Crops without a match by label and market, wanted by most people first; only what `least_people` wait for."""
    people = func.count(WATCHES.c.person_id.distinct())
    watches = func.count()
    met = exists().where(WATCH_MATCHES.c.watch_id == WATCHES.c.watch_id)
    rows = c.execute(
        select(
            WATCHES.c.label,
            WATCHES.c.market,
            func.avg(WATCHES.c.label_score).label("score"),
            watches.label("watches"),
            people.label("people"),
        )
        .where(WATCHES.c.tenant == tenant, ~met)
        .group_by(WATCHES.c.label, WATCHES.c.market)
        .having(people >= least_people)
        .order_by(people.desc(), watches.desc(), WATCHES.c.label, WATCHES.c.market)
        .limit(limit)
    )
    return [Unmet(row.label, row.score, row.market, row.watches, row.people) for row in rows]


_NEWEST_MATCH = (WATCH_MATCHES.c.matched_at_ms.desc(), WATCH_MATCHES.c.item_id)


def _columns(crop: Crop) -> dict[str, Any]:
    return {
        "media_id": crop.media_id,
        "box": json.dumps([crop.box.x, crop.box.y, crop.box.width, crop.box.height]),
        "market": crop.market,
        "currency": crop.currency,
        "max_price_minor": crop.max_price_minor,
    }


def _watch(row: Any, matches: Sequence[WatchMatch]) -> Watch:
    crop = Crop(row.media_id, Box(*json.loads(row.box)), row.market, row.currency, row.max_price_minor)
    return Watch(row.watch_id, crop, row.created_at_ms, tuple(matches))
