"""Campaigns, how often each was shown to whom, and the ledger: tables, and every statement on them.

The caller brings the transaction; every statement names the tenant. The ledger names nobody and stays when a person is erased;
what counts toward a person's cap goes with them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from nungil.database.open import hold
from services.profile.core import today
from services.profile.store.tables import METADATA, person_column, theirs

CAMPAIGNS = Table(
    "campaigns",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("campaign_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("segment_id", String, nullable=False),
    Column("interest_id", String, nullable=False),
    Column("item_ids", Text, nullable=False),
    Column("cap_per_person", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("showings", BigInteger, nullable=False),
)
CAMPAIGN_CAPS = Table(
    "campaign_caps",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("campaign_id", String, primary_key=True),
    person_column(primary_key=True),
    Column("showings", Integer, nullable=False),
    Index("campaign_caps_of_person", "person_id"),
)
CAMPAIGN_LEDGER = Table(
    "campaign_ledger",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("campaign_id", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # since the epoch, UTC
    Column("item_id", String, primary_key=True),
    Column("showings", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is shown to whom: one of segment and interest. until_ms: the first moment at which it is over. showings: so far."""

    campaign_id: str
    name: str
    segment_id: str
    interest_id: str
    item_ids: tuple[str, ...]
    cap_per_person: int
    from_ms: int
    until_ms: int
    budget: int
    showings: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """How often an item was shown on a day (since the epoch, UTC)."""

    day: int
    item_id: str
    showings: int


def put(c: Connection, tenant: str, campaign: Campaign) -> tuple[Campaign, bool]:
    """Creates or replaces; what was shown so far stays. The campaign as it is kept, and whether it is new."""
    _hold(c, tenant, campaign.campaign_id)
    columns = {name: getattr(campaign, name) for name in Campaign.__slots__ if name not in ("campaign_id", "showings")}
    columns |= {"item_ids": json.dumps(campaign.item_ids)}
    created = not c.execute(
        update(CAMPAIGNS).where(_is(CAMPAIGNS, tenant, campaign.campaign_id)).values(columns)
    ).rowcount
    if created:
        at = {"tenant": tenant, "campaign_id": campaign.campaign_id}
        c.execute(insert(CAMPAIGNS).values(at | columns | {"showings": 0}))
    row = c.execute(select(CAMPAIGNS).where(_is(CAMPAIGNS, tenant, campaign.campaign_id))).one()
    return _campaign(row), created


def find(c: Connection, tenant: str, campaign_id: str) -> Campaign | None:
    """With its showings so far."""
    row = c.execute(select(CAMPAIGNS).where(_is(CAMPAIGNS, tenant, campaign_id))).first()
    return None if row is None else _campaign(row)


def all_of(c: Connection, tenant: str) -> list[Campaign]:
    """By id."""
    rows = c.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.tenant == tenant))
    return sorted((_campaign(row) for row in rows), key=lambda one: one.campaign_id)


def running(c: Connection, tenant: str, now_ms: int) -> list[Campaign]:
    """Those within their period that have showings left, by id."""
    within = (CAMPAIGNS.c.from_ms <= now_ms, CAMPAIGNS.c.until_ms > now_ms, CAMPAIGNS.c.showings < CAMPAIGNS.c.budget)
    rows = c.execute(select(CAMPAIGNS).where(CAMPAIGNS.c.tenant == tenant, *within))
    return sorted((_campaign(row) for row in rows), key=lambda one: one.campaign_id)


def remove(c: Connection, tenant: str, campaign_id: str) -> bool:
    """Whether there was one. Its ledger and caps go with it."""
    _hold(c, tenant, campaign_id)
    for table in (CAMPAIGN_LEDGER, CAMPAIGN_CAPS):
        c.execute(delete(table).where(_is(table, tenant, campaign_id)))
    return c.execute(delete(CAMPAIGNS).where(_is(CAMPAIGNS, tenant, campaign_id))).rowcount > 0


def shown_to(c: Connection, tenant: str, person_id: str, campaign_ids: Collection[str]) -> Mapping[str, int]:
    """Campaign id -> how often this person was shown it; absent: never."""
    found = select(CAMPAIGN_CAPS.c.campaign_id, CAMPAIGN_CAPS.c.showings).where(
        theirs(CAMPAIGN_CAPS, tenant, person_id),
        CAMPAIGN_CAPS.c.campaign_id.in_(campaign_ids),
    )
    return dict(c.execute(found).tuples().all())


def show(c: Connection, tenant: str, person_id: str, campaign_id: str, item_id: str, now_ms: int) -> bool:
    """Counts a showing, once the budget, the cap and the period still allow it; whether they do."""
    _hold(c, tenant, campaign_id)
    campaign = find(c, tenant, campaign_id)
    if campaign is None or not campaign.from_ms <= now_ms < campaign.until_ms or campaign.showings >= campaign.budget:
        return False
    shown = shown_to(c, tenant, person_id, [campaign_id]).get(campaign_id, 0)
    if shown >= campaign.cap_per_person:
        return False
    at = {"tenant": tenant, "campaign_id": campaign_id}
    c.execute(update(CAMPAIGNS).where(_is(CAMPAIGNS, tenant, campaign_id)).values(showings=campaign.showings + 1))
    _count(c, CAMPAIGN_CAPS, at | {"person_id": person_id})
    _count(c, CAMPAIGN_LEDGER, at | {"day": today(now_ms), "item_id": item_id})
    return True


def ledger(c: Connection, tenant: str, campaign_id: str) -> list[Line]:
    """By day and item."""
    rows = c.execute(select(CAMPAIGN_LEDGER).where(_is(CAMPAIGN_LEDGER, tenant, campaign_id)))
    return sorted((Line(row.day, row.item_id, row.showings) for row in rows), key=lambda line: (line.day, line.item_id))


def count(c: Connection, tenant: str) -> int:
    """How many campaigns a tenant has."""
    return int(c.execute(select(func.count()).select_from(CAMPAIGNS).where(CAMPAIGNS.c.tenant == tenant)).scalar_one())


def _count(c: Connection, table: Table, key: Mapping[str, Any]) -> None:
    at = and_(*(table.c[name] == value for name, value in key.items()))
    if not c.execute(update(table).where(at).values(showings=table.c.showings + 1)).rowcount:
        c.execute(insert(table).values(**key, showings=1))


def _hold(c: Connection, tenant: str, campaign_id: str) -> None:
    hold(c, f"campaign/{tenant}/{campaign_id}")


def _is(table: Table, tenant: str, campaign_id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.campaign_id == campaign_id)


def _campaign(row: Any) -> Campaign:
    fields = {name: getattr(row, name) for name in Campaign.__slots__}
    return Campaign(**fields | {"item_ids": tuple(json.loads(row.item_ids))})
