"""Campaigns for a segment: its members see what is sponsored, nobody else does, and who leaves sees it no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from profile_builders import DAY_MS, MINUTE_MS, TENANT
from segment_builders import DOGS, FOR_ADS, FOR_SEGMENTS, ASegmentedProfile, a_segmented_profile

from nungil.api.ingest.v1.items_pb2 import Item
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.search.v1 import search_pb2
from services.profile.core import Entry
from services.profile.handlers.campaigns import Campaigns, Sponsor
from services.profile.handlers.recommendations import Asked, Page, Recommend
from services.profile.recommendations.errors import InvalidCampaign
from services.profile.searching import FindThings
from services.profile.store.campaigns_rows import Campaign

CLINIC = "clinic"


def search(request: search_pb2.FindCandidatesRequest) -> search_pb2.FindCandidatesResponse:
    """A shop of forty things that look like nothing, and a clinic that only a campaign shows."""

    def found(query: search_pb2.CandidateQuery) -> list[str]:
        if query.HasField("named"):
            return [thing.item_id for thing in query.named.things]
        return [f"thing-{n}" for n in range(40)] if query.HasField("newest") else []

    of_queries = []
    for query in request.queries:
        ids = [id_ for id_ in found(query) if id_ not in request.without_items][: query.limit]
        hits = [search_pb2.Hit(media_id=f"m-{id_}", item=Item(item_id=id_)) for id_ in ids]
        of_queries.append(
            search_pb2.FindCandidatesResponse.OfQuery(candidates=[search_pb2.Candidate(hit=hit) for hit in hits])
        )
    return search_pb2.FindCandidatesResponse(found=of_queries)


@dataclass
class AnAudience:
    """A profile with the segment of those who care for dogs, and a campaign for it."""

    profile: ASegmentedProfile
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def campaigns(self) -> Campaigns:
        return Campaigns(self.profile.engine, lambda _: self.profile.taxonomy, self.profile.segments.is_published)

    @property
    def recommend(self) -> Recommend:
        of = self.profile
        sponsor = Sponsor(of.engine, lambda _: of.taxonomy, of.rules, of.segments.segments_for_ads, of.clock)
        find = FindThings(search, of.space)
        return Recommend(of.engine, of.journal, lambda _: of.taxonomy, of.taxonomy, find, sponsor, of.clock)

    def a_person(self, subject: str) -> str:
        """Who consents to all, and shows nothing yet."""
        person_id = self.profile.a_member(subject)
        self.profile.consents.set(TENANT, person_id, pb.CONSENT_PURPOSE_ADS_ONSITE, True)
        return person_id

    def a_dog_person(self, subject: str) -> str:
        """In the segment by two pictures."""
        person_id = self.a_person(subject)
        for n in range(2):
            self.profile.saves(person_id, f"{subject}-{n}", "beagle")
        return person_id

    def campaign(self, *, days: float = 400, **of: object) -> Campaign:
        now_ms = self.profile.now_ms
        plain = {"segment_id": "dog-people", "interest_id": "", "item_ids": (CLINIC,), "budget": 100}
        period = {"from_ms": now_ms - DAY_MS, "until_ms": now_ms + round(days * DAY_MS)}
        return Campaign("walks", "Walks", cap_per_person=3, **{**plain, **period, **of})  # type: ignore[arg-type]

    def sponsored(self, person_id: str, *, again: bool = False) -> list[str]:
        """The items that campaigns show on the second page of a new list; again: on the page of the last one."""
        if not again:
            self.pages[person_id] = self._page(person_id, limit=1).next_cursor
        page = self._page(person_id, limit=10, cursor=self.pages[person_id])
        assert len([one for one in page.recommended if not one.campaign_id]) == 10
        return [one.hit.item.item_id for one in page.recommended if one.campaign_id == "walks"]

    def _page(self, person_id: str, *, limit: int, cursor: str = "") -> Page:
        return self.recommend(Asked(TENANT, person_id, limit, cursor))


@pytest.fixture
def audience(tmp_path: Path):
    with a_segmented_profile(tmp_path) as profile:
        profile.publish("dog-people", DOGS)
        yield AnAudience(profile)


def test_a_member_sees_it_and_who_is_in_no_segment_does_not(audience):
    mina, jun = audience.a_dog_person("mina"), audience.a_person("jun")
    assert (audience.profile.kept(mina), audience.profile.kept(jun)) == ({"dog-people"}, set())
    audience.campaigns.put(TENANT, audience.campaign())
    assert audience.sponsored(mina) == [CLINIC]
    assert audience.sponsored(mina, again=True) == [CLINIC]
    assert audience.sponsored(jun) == []
    [line] = audience.campaigns.ledger(TENANT, "walks")
    assert (line.item_id, line.showings) == (CLINIC, 1)


def test_who_enters_sees_it_from_the_next_page_on(audience):
    jun = audience.a_person("jun")
    audience.campaigns.put(TENANT, audience.campaign())
    assert audience.sponsored(jun) == []
    for n in range(2):
        audience.profile.saves(jun, f"jun-{n}", "beagle")
    assert audience.sponsored(jun) == [CLINIC]


def test_nobody_of_another_segment_sees_it(audience):
    mina = audience.a_dog_person("mina")
    audience.profile.publish("cat-people", {"interest": "cats", "weight": 1.0})
    audience.campaigns.put(TENANT, audience.campaign(segment_id="cat-people"))
    assert audience.sponsored(mina) == []


def mutes_dogs(profile: ASegmentedProfile, person_id: str) -> None:
    muted = Entry("muted", pb.ACTIVITY_KIND_INTEREST_MUTED, "", profile.now_ms, (), "dogs")
    profile.journal.correct(TENANT, person_id, muted)


def forgets_dogs(profile: ASegmentedProfile, person_id: str) -> None:
    forgotten = Entry("forgotten", pb.ACTIVITY_KIND_INTEREST_DELETED, "", profile.now_ms, (), "dogs")
    profile.journal.correct(TENANT, person_id, forgotten)


def waits(profile: ASegmentedProfile, person_id: str) -> None:
    """Until it is over, which no timer was looked at for."""
    assert profile.kept(person_id) == {"dog-people"}
    ends_ms = profile.of(person_id)["dog-people"].explanation.ends_at_ms
    assert ends_ms == profile.now_ms + MINUTE_MS
    profile.now_ms = ends_ms


@pytest.mark.parametrize("leaves", [mutes_dogs, forgets_dogs, waits])
def test_who_leaves_sees_it_no_more_not_even_on_the_page_that_showed_it(
    audience: AnAudience, leaves: Callable[[ASegmentedProfile, str], None]
):
    mina = audience.a_dog_person("mina")
    audience.campaigns.put(TENANT, audience.campaign())
    ends_ms = audience.profile.of(mina)["dog-people"].explanation.ends_at_ms
    assert ends_ms is not None
    audience.profile.now_ms = ends_ms - MINUTE_MS
    assert audience.sponsored(mina) == [CLINIC]
    leaves(audience.profile, mina)
    assert audience.sponsored(mina, again=True) == []
    assert audience.sponsored(mina) == []
    assert audience.campaigns.get(TENANT, "walks").showings == 1


def test_what_a_page_showed_is_shown_on_it_again_though_cap_and_budget_are_reached_but_not_once_the_campaign_is_over(
    audience,
):
    mina = audience.a_dog_person("mina")
    audience.campaigns.put(TENANT, audience.campaign(days=0.02, budget=1))
    assert audience.sponsored(mina) == [CLINIC]
    assert audience.sponsored(mina, again=True) == [CLINIC]
    audience.profile.now_ms += 30 * MINUTE_MS
    assert audience.sponsored(mina, again=True) == []


def test_a_segment_that_is_deleted_shows_nothing_more_and_gets_no_campaign(audience):
    mina = audience.a_dog_person("mina")
    audience.campaigns.put(TENANT, audience.campaign())
    assert audience.sponsored(mina) == [CLINIC]
    audience.profile.manage.delete(TENANT, "dog-people")
    assert audience.sponsored(mina, again=True) == []
    assert audience.sponsored(mina) == []
    with pytest.raises(InvalidCampaign, match="published"):
        audience.campaigns.put(TENANT, audience.campaign())


def test_a_segment_that_names_what_is_stated_shows_it_to_those_who_ticked_ads_too_and_no_more_once_they_untick_it(
    audience,
):
    mina = audience.a_person("mina")
    audience.profile.publish("stated", {"stated": {"age_band": "20s"}})
    audience.campaigns.put(TENANT, audience.campaign(segment_id="stated"))
    audience.profile.states(mina, FOR_SEGMENTS, age_band="20s")
    assert audience.profile.kept(mina) == {"stated"}
    assert audience.sponsored(mina) == []
    audience.profile.states(mina, FOR_SEGMENTS, FOR_ADS, age_band="20s")
    assert audience.sponsored(mina) == [CLINIC]
    assert audience.sponsored(mina, again=True) == [CLINIC]
    audience.profile.states(mina, FOR_SEGMENTS, age_band="20s")
    assert audience.profile.kept(mina) == {"stated"}
    assert audience.sponsored(mina, again=True) == []
    assert audience.sponsored(mina) == []


def test_ads_alone_let_nobody_into_a_segment_so_they_show_nothing_of_it(audience):
    mina = audience.a_person("mina")
    audience.profile.publish("stated", {"stated": {"age_band": "20s"}})
    audience.campaigns.put(TENANT, audience.campaign(segment_id="stated"))
    audience.profile.states(mina, FOR_ADS, age_band="20s")
    assert audience.sponsored(mina) == []


def test_where_a_segment_names_hair_or_skin_it_needs_the_consent_to_tips_on_appearance_even_if_other_things_let_in(
    audience,
):
    mina = audience.a_dog_person("mina")
    audience.profile.publish("either", {"any": [DOGS, {"stated": {"skin_type": "dry"}}]})
    audience.campaigns.put(TENANT, audience.campaign(segment_id="either"))
    assert audience.profile.kept(mina) == {"dog-people", "either"}
    assert audience.sponsored(mina) == []
    audience.profile.states(mina, FOR_SEGMENTS, FOR_ADS, skin_type="dry")
    assert audience.sponsored(mina) == []
    audience.profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_APPEARANCE_TIPS, True)
    assert audience.sponsored(mina) == [CLINIC]
    audience.profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_APPEARANCE_TIPS, False)
    assert audience.sponsored(mina, again=True) == []


def test_a_segment_that_names_nothing_stated_needs_no_tick(audience):
    mina = audience.a_dog_person("mina")
    audience.profile.publish("stated", {"stated": {"age_band": "20s"}})
    audience.profile.states(mina, FOR_SEGMENTS, age_band="20s")
    assert audience.profile.kept(mina) == {"dog-people", "stated"}
    audience.campaigns.put(TENANT, audience.campaign())
    assert audience.sponsored(mina) == [CLINIC]
