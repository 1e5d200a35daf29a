"""What a marketer shows, to whom, and how often it was shown."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.database.open import reading
from nungil.runtime.clock import Clock
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile import tastes
from services.profile.core import Rules, State, weights_at
from services.profile.recommendations.errors import InvalidCampaign, NoSuchCampaign
from services.profile.store import campaigns_rows
from services.profile.store.campaigns_rows import Campaign, Line
from services.profile.store.recommendation_rows import Sponsored

MAX_CAMPAIGNS = 200
MAX_ITEMS = 100
MAX_CAP = 1_000
MAX_BUDGET = 1_000_000_000
ENOUGH = 0.5  # pictures of evidence: less is no interest to be spoken to for
OFFERED = 3  # items of a campaign that are looked at for a page
MOST_OFFERED = 10  # campaigns
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")

Members = Callable[[Connection, str, str, int], Collection[str]]
"""Of tenant and person_id at a moment: the segments that the person is in, and that campaigns may know of."""
IsSegment = Callable[[Connection, str, str], bool]
"""Whether a tenant has published a segment of this id."""


@dataclass(frozen=True)
class Campaigns:
    """Campaigns of a tenant."""

    engine: Engine
    taxonomy_of: Callable[[str], Taxonomy]
    is_segment: IsSegment

    def put(self, tenant: str, campaign: Campaign) -> tuple[Campaign, bool]:
        """As it is kept, and whether it is new. Raises InvalidCampaign."""
        self._check(campaign, self.taxonomy_of(tenant))
        with self.engine.begin() as c:
            if campaign.segment_id and not self.is_segment(c, tenant, campaign.segment_id):
                raise InvalidCampaign(f"there is no segment {campaign.segment_id[:100]!r} that is published")
            known = campaigns_rows.find(c, tenant, campaign.campaign_id)
            if known is None and campaigns_rows.count(c, tenant) >= MAX_CAMPAIGNS:
                raise InvalidCampaign(f"there are {MAX_CAMPAIGNS} campaigns, and no more are kept: delete one first")
            return campaigns_rows.put(c, tenant, campaign)

    def get(self, tenant: str, campaign_id: str) -> Campaign:
        """Raises NoSuchCampaign."""
        with reading(self.engine) as c:
            return _found(campaigns_rows.find(c, tenant, campaign_id), campaign_id)

    def all(self, tenant: str) -> list[Campaign]:
        """By id."""
        with reading(self.engine) as c:
            return campaigns_rows.all_of(c, tenant)

    def delete(self, tenant: str, campaign_id: str) -> None:
        """Raises NoSuchCampaign."""
        with self.engine.begin() as c:
            if not campaigns_rows.remove(c, tenant, campaign_id):
                raise NoSuchCampaign(f"no campaign {campaign_id[:100]!r}")

    def ledger(self, tenant: str, campaign_id: str) -> list[Line]:
        """By day and item. Raises NoSuchCampaign."""
        with reading(self.engine) as c:
            _found(campaigns_rows.find(c, tenant, campaign_id), campaign_id)
            return campaigns_rows.ledger(c, tenant, campaign_id)

    @staticmethod
    def _check(campaign: Campaign, taxonomy: Taxonomy) -> None:
        if not _ID.fullmatch(campaign.campaign_id):
            raise InvalidCampaign("the id must be 1 to 100 letters, digits, '.', '_' and '-'")
        if len(campaign.name) > MAX_ITEMS:
            raise InvalidCampaign("the name has more than 100 letters")
        if bool(campaign.segment_id) == bool(campaign.interest_id):
            raise InvalidCampaign("say to whom: one of segment and interest, not both")
        if campaign.interest_id and campaign.interest_id not in taxonomy.interests:
            raise InvalidCampaign(
                f"there is no interest {campaign.interest_id[:100]!r}: GET /v1/interests lists those there are"
            )
        items = campaign.item_ids
        if (
            not 1 <= len(items) <= MAX_ITEMS
            or len(set(items)) < len(items)
            or not all(0 < len(i) <= 200 for i in items)
        ):
            raise InvalidCampaign(f"a campaign shows 1 to {MAX_ITEMS} items, each once")
        if not 1 <= campaign.cap_per_person <= MAX_CAP:
            raise InvalidCampaign(f"cap_per_person is {campaign.cap_per_person}; it must be 1 to {MAX_CAP} showings")
        if not 1 <= campaign.budget <= MAX_BUDGET:
            raise InvalidCampaign(f"budget is {campaign.budget}; it must be 1 to {MAX_BUDGET} showings")
        if not 0 < campaign.from_ms < campaign.until_ms:
            raise InvalidCampaign("the period must end after it begins")


@dataclass(frozen=True)
class Sponsor:
    """What campaigns show a person who allows it."""

    engine: Engine
    taxonomy_of: Callable[[str], Taxonomy]
    rules: Rules
    members: Members
    clock: Clock

    def choices(self, tenant: str, person_id: str, state: State, *, learnt: bool, seed: str) -> list[Sponsored]:
        """Items of running campaigns that are meant for this person and have not reached their cap: those shown least first.

        learnt: what was learnt of their pictures may be used. seed: of equals, another comes first.
        """
        with reading(self.engine) as c:
            running = campaigns_rows.running(c, tenant, self.clock())
            shown = campaigns_rows.shown_to(c, tenant, person_id, [one.campaign_id for one in running])
            fits = self._meant(c, tenant, person_id, state, running, learnt=learnt)
        meant = [one for one in fits if shown.get(one.campaign_id, 0) < one.cap_per_person]
        dice = random.Random(seed)
        dice.shuffle(meant)
        meant.sort(key=lambda one: shown.get(one.campaign_id, 0))
        return [item for one in meant[:MOST_OFFERED] for item in _turn(one, shown.get(one.campaign_id, 0))]

    def still(
        self, tenant: str, person_id: str, state: State, showed: Collection[Sponsored], *, learnt: bool
    ) -> list[Sponsored]:
        """Of what a page showed, what may be shown on it again: its campaign lasts and is meant for this person now. It was counted."""
        of_page = {one.campaign_id for one in showed}
        with reading(self.engine) as c:
            known = [one for one in campaigns_rows.all_of(c, tenant) if one.campaign_id in of_page]
            lasting = [one for one in known if one.from_ms <= self.clock() < one.until_ms]
            meant = self._meant(c, tenant, person_id, state, lasting, learnt=learnt)
        may = {Sponsored(one.campaign_id, item_id, one.interest_id) for one in meant for item_id in one.item_ids}
        return [one for one in showed if one in may]

    def show(self, c: Connection, tenant: str, person_id: str, campaign_id: str, item_id: str) -> bool:
        """Counts a showing; False where budget, cap or period do not allow it any more."""
        return campaigns_rows.show(c, tenant, person_id, campaign_id, item_id, self.clock())

    def _meant(
        self, c: Connection, tenant: str, person_id: str, state: State, campaigns: Sequence[Campaign], *, learnt: bool
    ) -> list[Campaign]:
        """Those of them that are for members of a segment that campaigns may know they are in, or for an interest of theirs."""
        asks = any(one.segment_id for one in campaigns)
        segments = self.members(c, tenant, person_id, self.clock()) if asks else ()
        interests = self._interests(state, self.taxonomy_of(tenant), learnt=learnt)
        return [one for one in campaigns if one.interest_id in interests or one.segment_id in segments]

    def _interests(self, state: State, taxonomy: Taxonomy, *, learnt: bool) -> set[str]:
        """What the person follows, and what their pictures say, with what lies above; nothing muted, or below it."""
        silent = tastes.muted(state)
        said = set(tastes.followed(state))
        if learnt:
            said |= {id_ for id_, weight, _ in weights_at(state, self.clock(), self.rules) if weight >= ENOUGH}
        reached: set[str] = set()
        for id_ in said & set(taxonomy.interests):
            line = [id_, *(broader.id for broader in taxonomy.ancestors(id_))]
            if silent.isdisjoint(line):
                reached.update(line)
        return reached


def _turn(campaign: Campaign, shown: int) -> list[Sponsored]:
    """The next items, so that all of them have their turn."""
    items: Sequence[str] = campaign.item_ids
    start = shown % len(items)
    return [
        Sponsored(campaign.campaign_id, item_id, campaign.interest_id)
        for item_id in (*items[start:], *items[:start])[:OFFERED]
    ]


def _found(campaign: Campaign | None, campaign_id: str) -> Campaign:
    if campaign is None:
        raise NoSuchCampaign(f"no campaign {campaign_id[:100]!r}")
    return campaign
