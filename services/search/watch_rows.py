"""What was told of watches, so that it is told once. The caller brings the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, and_, bindparam, delete, insert, select

from services.search.store import WATCHES_LOOKED, WATCHES_TOLD
from services.search.watches import Key, WatchMatch


def untold(c: Connection, matches: Sequence[WatchMatch]) -> list[WatchMatch]:
    """Those that were not told yet."""
    told: dict[tuple[str, str], set[str]] = {}
    for tenant, item_id in {(match.watch.tenant, match.item_id) for match in matches}:
        of_item = (WATCHES_TOLD.c.tenant == tenant, WATCHES_TOLD.c.item_id == item_id)
        told[tenant, item_id] = set(c.execute(select(WATCHES_TOLD.c.watch_id).where(*of_item)).scalars())
    return [m for m in matches if m.watch.watch_id not in told[m.watch.tenant, m.item_id]]


def add_told(c: Connection, matches: Iterable[WatchMatch]) -> None:
    """They are told now. None of them was."""
    c.execute(
        insert(WATCHES_TOLD),
        [{"tenant": m.watch.tenant, "item_id": m.item_id, "watch_id": m.watch.watch_id} for m in matches],
    )


def looked(c: Connection) -> set[Key]:
    """The watches for which the catalogue was looked through when they began."""
    return {(row.tenant, row.watch_id) for row in c.execute(select(WATCHES_LOOKED))}


def add_looked(c: Connection, key: Key) -> None:
    """The catalogue was looked through; again is no error."""
    tenant, watch_id = key
    at = (WATCHES_LOOKED.c.tenant == tenant, WATCHES_LOOKED.c.watch_id == watch_id)
    if c.execute(select(WATCHES_LOOKED).where(*at)).first() is None:
        c.execute(insert(WATCHES_LOOKED).values(tenant=tenant, watch_id=watch_id))


def forget(c: Connection, keys: Collection[Key]) -> None:
    """These watches have ended."""
    for table in (WATCHES_TOLD, WATCHES_LOOKED):
        of_watch = and_(table.c.tenant == bindparam("of_tenant"), table.c.watch_id == bindparam("of_watch"))
        c.execute(delete(table).where(of_watch), [{"of_tenant": tenant, "of_watch": id_} for tenant, id_ in keys])
