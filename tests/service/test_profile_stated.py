"""What is stated lies in the lists that were made of it, and goes from there when it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from profile_builders import TENANT, AProfile, a_profile
from sqlalchemy import select

from nungil.api.common.v1.common_pb2 import Name
from nungil.api.ingest.v1.items_pb2 import Item
from nungil.api.profile.v1 import people_pb2
from nungil.api.search.v1 import search_pb2
from nungil.database.open import reading
from nungil.runtime.errors import DependencyAway
from services.profile.abouts import About
from services.profile.handlers.abouts import Abouts
from services.profile.handlers.campaigns import Sponsor
from services.profile.handlers.recommendations import Asked, Recommend
from services.profile.recommendations.wishes import Source
from services.profile.searching import FindThings
from services.profile.store.recommendation_rows import LISTS

RECOMMENDATIONS = people_pb2.ABOUT_PURPOSE_RECOMMENDATIONS
LINEN = About(style="린넨, 벨벳", purposes=(RECOMMENDATIONS,))


@pytest.fixture
def profile(tmp_path: Path):
    with a_profile(tmp_path) as profile:
        yield profile


def recommending(profile: AProfile, meanwhile: Callable[[], object] = lambda: None) -> Recommend:
    """meanwhile: what the person does while a shop with three things is asked."""
    items = {
        f"i-{n}": Item(item_id=f"i-{n}", title=Name(ko=ko)) for n, ko in enumerate(("린넨 셔츠", "벨벳 치마", "컵"))
    }

    def ask(request: search_pb2.FindCandidatesRequest) -> search_pb2.FindCandidatesResponse:
        if request.text:
            meanwhile()
        named = [each.item_id for query in request.queries for each in query.named.things]
        hits = [search_pb2.Hit(item=items[id_]) for id_ in named or items]
        of_query = search_pb2.FindCandidatesResponse.OfQuery(candidates=[search_pb2.Candidate(hit=h) for h in hits])
        return search_pb2.FindCandidatesResponse(found=[of_query for _ in request.queries])

    sponsor = Sponsor(profile.engine, lambda _: profile.taxonomy, profile.rules, lambda *_: (), profile.clock)
    return Recommend(
        profile.engine,
        profile.journal,
        lambda _: profile.taxonomy,
        profile.taxonomy,
        FindThings(ask, profile.space),
        sponsor,
        profile.clock,
    )


def lists(profile: AProfile) -> str:
    with reading(profile.engine) as c:
        return "".join(c.execute(select(LISTS.c.entries)).scalars())


def test_a_list_forgets_the_words_that_are_taken_back_and_keeps_those_of_others(profile):
    abouts, mina, jun = Abouts(profile.engine, profile.clock), profile.a_person("mina"), profile.a_person("jun")
    for person_id in (mina, jun):
        abouts.put(TENANT, person_id, LINEN)
        page = recommending(profile)(Asked(TENANT, person_id))
        stated = {one.stated.ko for one in page.recommended if one.source is Source.STATED and one.stated}
        assert stated == {"린넨", "벨벳"}
    assert (lists(profile).count("린넨"), lists(profile).count("벨벳")) == (2, 2)
    abouts.put(TENANT, mina, About(style="벨벳", purposes=(RECOMMENDATIONS,)))
    assert (lists(profile).count("린넨"), lists(profile).count("벨벳")) == (1, 2)
    abouts.delete(TENANT, mina)
    assert (lists(profile).count("린넨"), lists(profile).count("벨벳")) == (1, 1)


def test_what_is_taken_back_while_a_list_is_made_is_not_kept_in_it(profile):
    abouts, mina = Abouts(profile.engine, profile.clock), profile.a_person("mina")
    abouts.put(TENANT, mina, LINEN)
    page = recommending(profile, lambda: abouts.delete(TENANT, mina))(Asked(TENANT, mina, limit=1))
    assert lists(profile).count("item_id") == 3
    assert "린넨" not in lists(profile)
    later = recommending(profile)(Asked(TENANT, mina, cursor=page.next_cursor))
    assert all(one.source is not Source.STATED for one in later.recommended)


def test_what_follows_from_a_statement_and_the_statement_are_kept_together_or_not_at_all(profile):
    def fails(*_: object) -> None:
        raise DependencyAway("the database")

    mina = profile.a_person("mina")
    Abouts(profile.engine, profile.clock).put(TENANT, mina, LINEN)
    abouts = Abouts(profile.engine, profile.clock, (fails,))
    with pytest.raises(DependencyAway):
        abouts.put(TENANT, mina, About(age_band="20s", purposes=(RECOMMENDATIONS,)))
    with pytest.raises(DependencyAway):
        abouts.delete(TENANT, mina)
    assert abouts.of(TENANT, mina) == LINEN
