"""Wishes of a state, and lists that are mixed of what was found for them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from profile_builders import DAY_MS, NOW_MS, RULES, a_taxonomy

from nungil.pictures.boxes import WHOLE
from nungil.pictures.pooling import unit
from nungil.taxonomy.taxonomy import Interest, Name
from services.profile.abouts import About
from services.profile.clusters import NO_CLUSTERS, Part, fold_part
from services.profile.core import NOTHING, Correction, State
from services.profile.reasons import Reason, Weighed
from services.profile.recommendations.mixing import Candidate, Chosen, mixed, seed_of
from services.profile.recommendations.stated import stated_of
from services.profile.recommendations.why import why, why_sponsored
from services.profile.recommendations.wishes import FLOOR, STATED_SHARE, Source, Wish, cited, wishes_of

TAXONOMY = a_taxonomy()
STATED = stated_of(About(skin_type="dry", style="linen"))
DIM = 16


def axis(n: int) -> NDArray[np.float32]:
    return np.eye(DIM, dtype=np.float32)[n]


@dataclass(frozen=True)
class APointed:
    """Something that was pointed at just now."""

    media_id: str
    vector: NDArray[np.float32]
    at_ms: int = NOW_MS
    interests: tuple[str, ...] = ()

    def direction(self) -> NDArray[np.float32]:
        return self.vector


def a_state(*interests: tuple[str, float], said: dict[str, Correction] | None = None, pointed: int = 0) -> State:
    """A cluster an interest, of this weight, now: the nth looks along the nth axis and has the medoid `<interest>-0`."""
    clusters = NO_CLUSTERS
    for n, (id_, weight) in enumerate(interests):
        spoken = tuple((each, 1.0) for each in (id_, *(above.id for above in TAXONOMY.ancestors(id_)))) if id_ else ()
        clusters = fold_part(clusters, Part(f"{id_}-0", WHOLE, axis(n), spoken), weight, NOW_MS, 0.9)
    weighed = {
        id_: Weighed(weight, NOW_MS, tuple(Reason(f"e-{n}", 1, f"{id_}-{n}", NOW_MS, 1.0, WHOLE, ()) for n in range(5)))
        for id_, weight in interests
        if id_
    }
    session = tuple(APointed(f"pointed-{n}", axis(DIM - 1 - n)) for n in range(pointed))
    return State(weighed, (NOW_MS, "e"), said or {}, clusters=clusters, session=session)


def wishes(state: State, *, learnt: bool = True) -> list[Wish]:
    return wishes_of(state, NOW_MS, RULES, TAXONOMY, named=TAXONOMY.interests.keys(), learnt=learnt)


def shares(state: State, *, learnt: bool = True) -> dict[tuple[Source, str], float]:
    return {(wish.source, wish.interest): wish.share for wish in wishes(state, learnt=learnt)}


def things(prefix: str, count: int, *, near: int | None = None, product: bool = True, seed: int = 1) -> list[Candidate]:
    """Things that look each another way, near an axis where one is named."""
    rng = np.random.default_rng([seed, len(prefix), near or 0])
    made = []
    for n in range(count):
        vector = rng.normal(size=DIM).astype(np.float32)
        vector = unit(vector + (6 * axis(near) if near is not None else 0))
        score = float(vector @ axis(near)) if near is not None else 0.0
        made.append(Candidate(f"{prefix}-{n}", f"m-{prefix}-{n}", 0, score, product, vector))
    return sorted(made, key=lambda one: -one.score)


def a_list(state: State, found: dict[str, Sequence[Candidate]], length: int = 40, **of: object) -> list[Chosen]:
    """found: by interest, or by the name of a source."""
    asked = wishes(state)
    some = [list(found.get(wish.interest) or found.get(wish.source.name.lower(), ())) for wish in asked]
    return mixed(asked, some, length, **{"seed": "s", "likeness": 0.2} | of)  # type: ignore[arg-type]


def counts(chosen: Sequence[Chosen]) -> Counter[tuple[Source, str]]:
    return Counter((one.wish.source, one.wish.interest) for one in chosen)


def test_interests_share_by_weight_none_below_the_floor_and_something_new_is_among_them() -> None:
    of = shares(a_state(("dogs", 30.0), ("mountains", 10.0), ("cats", 0.1)))
    dogs, mountains, cats = (of[Source.INTEREST, id_] for id_ in ("dogs", "mountains", "cats"))
    assert sum(of.values()) == pytest.approx(1.0)
    assert (dogs - FLOOR) / (mountains - FLOOR) == pytest.approx(3.0, rel=0.01)
    assert cats >= FLOOR
    assert 0.05 <= of[Source.EXPLORATION, ""] <= 0.10
    assert of[Source.FRESH, ""] == 0.0


def test_each_prefix_of_a_list_keeps_to_the_shares() -> None:
    state = a_state(("dogs", 6.0), ("mountains", 3.0))
    found = {
        "dogs": things("dog", 60, near=0),
        "mountains": things("alp", 60, near=1),
        "exploration": things("new", 80),
    }
    chosen = a_list(state, found, 60)
    for length in (20, 40, 60):
        had = counts(chosen[:length])
        assert had[Source.INTEREST, "dogs"] / had[Source.INTEREST, "mountains"] == pytest.approx(1.8, abs=0.5)
        assert 0.05 <= had[Source.EXPLORATION, ""] / length <= 0.10


def test_what_was_just_pointed_at_and_what_is_followed_have_their_share() -> None:
    of = shares(a_state(("dogs", 5.0), said={"cats": Correction(followed=True)}, pointed=2))
    session = sum(share for (source, _), share in of.items() if source is Source.SESSION)
    assert session == pytest.approx(0.2, abs=0.02) or of[Source.SESSION, ""] > 0
    assert of[Source.FOLLOWED, "cats"] == pytest.approx(0.15, abs=0.02)
    assert of[Source.INTEREST, "dogs"] > 0.5


def test_the_newest_thing_pointed_at_counts_most() -> None:
    pointed = [wish for wish in wishes(a_state(("dogs", 5.0), pointed=3)) if wish.source is Source.SESSION]
    assert [wish.media_ids for wish in pointed] == [("pointed-0",), ("pointed-1",), ("pointed-2",)]
    assert [wish.share for wish in pointed] == sorted((wish.share for wish in pointed), reverse=True)


@pytest.mark.parametrize("muted", ["dogs", "pets"])
def test_a_muted_interest_or_one_below_it_wishes_nothing(muted: str) -> None:
    said = {muted: Correction(muted=True), "cats": Correction(followed=True)}
    state = a_state(("dogs", 9.0), ("mountains", 1.0), said=said)
    of = shares(state)
    assert (Source.INTEREST, "dogs") not in of
    assert (Source.INTEREST, "mountains") in of
    assert ((Source.FOLLOWED, "cats") in of) == (muted == "dogs")


def test_of_many_that_are_followed_all_have_their_days() -> None:
    many = {f"i-{n:02}": Interest(f"i-{n:02}", Name("가", "a"), None) for n in range(30)}
    taxonomy = replace(TAXONOMY, interests=many)
    state = a_state(said={id_: Correction(followed=True) for id_ in many})
    had: set[str] = set()
    for day in range(40):
        found = wishes_of(state, NOW_MS + day * DAY_MS, RULES, taxonomy, named=many.keys(), learnt=False)
        assert len(found) <= 13
        had |= {wish.interest for wish in found if wish.interest}
    assert had == set(many)


def test_without_consent_there_are_only_what_is_followed_and_the_newest() -> None:
    state = a_state(("dogs", 9.0), said={"cats": Correction(followed=True)}, pointed=2)
    assert set(shares(state, learnt=False)) == {(Source.FOLLOWED, "cats"), (Source.FRESH, "")}
    assert set(shares(a_state(("dogs", 9.0)), learnt=False)) == {(Source.FRESH, "")}


def test_reasons_are_three_pictures_the_most_typical_first() -> None:
    [dogs, *_] = wishes(a_state(("dogs", 9.0)))
    assert dogs.media_ids == ("dogs-0", "dogs-1", "dogs-2")
    assert cited(a_state(("dogs", 9.0), pointed=1)) >= {*dogs.media_ids, "pointed-0"}


def test_a_cluster_that_speaks_for_nothing_known_wishes_by_its_looks() -> None:
    [unknown, *_] = wishes(a_state(("", 3.0)))
    assert (unknown.source, unknown.interest, unknown.media_ids) == (Source.INTEREST, "", ("-0",))


def test_an_interest_learnt_under_another_encoder_wishes_by_its_label() -> None:
    state = replace(a_state(("dogs", 9.0), ("pets", 9.0)), clusters=NOTHING.clusters)
    [dogs, *_] = wishes(state)
    assert (dogs.interest, dogs.label, len(dogs.vectors)) == ("dogs", "dogs", 0)
    assert "pets" not in {wish.interest for wish in wishes(state)}


def test_with_no_history_two_people_and_two_days_see_different_things() -> None:
    found = things("new", 200)
    fresh = [Wish(Source.FRESH, 1.0)]

    def first(person: str, day: int) -> list[str]:
        chosen = mixed(fresh, [found], 20, seed=seed_of("shop", person, day), likeness=0.2)
        return [one.candidate.item_id for one in chosen]

    lists = [first("mina", 1), first("juno", 1), first("mina", 2)]
    assert lists[0] == first("mina", 1)
    for n, one in enumerate(lists):
        for other in lists[:n]:
            assert len(set(one) & set(other)) < 15
    everyone = Counter(id_ for n in range(50) for id_ in first(f"p-{n}", 1))
    assert max(everyone.values()) < 40  # no list that all get


def test_the_newest_are_likelier_than_the_oldest() -> None:
    found = things("new", 200)
    had = Counter(
        int(one.candidate.item_id.split("-")[1]) < 100
        for n in range(30)
        for one in mixed([Wish(Source.FRESH, 1.0)], [[replace(each, item_id=f"new-{i}") for i, each in enumerate(found)]], 20, seed=str(n), likeness=0.2)
    )  # fmt: skip
    assert had[True] > 1.5 * had[False]


def test_nothing_comes_twice_and_nothing_that_is_nearly_the_same() -> None:
    state = a_state(("dogs", 6.0), ("mountains", 3.0))
    both = things("both", 20, near=0)
    twin = [replace(one, item_id=f"twin-{one.item_id}") for one in both]
    chosen = a_list(state, {"dogs": [*both, *twin], "mountains": both, "fresh": both})
    ids = [one.candidate.item_id for one in chosen]
    assert len(ids) == len(set(ids)) == 20


def test_variety_goes_before_a_little_more_likeness() -> None:
    close = [Candidate(f"close-{n}", "m", 0, 0.9 - n / 100, True, unit(axis(0) + 0.25 * axis(1) + 0.02 * n * axis(2))) for n in range(3)]  # fmt: skip
    other = Candidate("other", "m", 0, 0.85, True, unit(axis(0) + 0.6 * axis(5)))
    chosen = a_list(a_state(("dogs", 6.0)), {"dogs": [*close, other]}, 2)
    assert [one.candidate.item_id for one in chosen] == ["close-0", "other"]


def test_what_is_unlike_is_no_answer_to_a_picture_and_the_newest_fill_the_list() -> None:
    unlike = [replace(one, score=0.1) for one in things("unlike", 10)]
    chosen = a_list(a_state(("dogs", 6.0)), {"dogs": unlike, "fresh": things("new", 10, seed=2)}, 10)
    assert set(counts(chosen)) == {(Source.FRESH, "")}


def test_where_an_interest_finds_no_more_the_others_take_its_places_before_the_newest_do() -> None:
    state = a_state(("dogs", 6.0), ("mountains", 6.0))
    found = {"dogs": things("dog", 2, near=0), "mountains": things("alp", 50, near=1), "fresh": things("new", 50)}
    had = counts(a_list(state, found, 20))
    assert had == {(Source.INTEREST, "dogs"): 2, (Source.INTEREST, "mountains"): 18}


def test_exploration_is_unlike_all_that_the_person_cares_for() -> None:
    dogs, others = things("dog", 40, near=0), things("other", 40, near=7)
    chosen = a_list(a_state(("dogs", 6.0)), {"dogs": dogs[:20], "exploration": [*dogs[20:], *others]}, 20)
    explored = [one.candidate.item_id for one in chosen if one.wish.source is Source.EXPLORATION]
    assert explored
    assert all(id_.startswith("other") for id_ in explored)


def test_services_and_articles_have_places_beside_many_products() -> None:
    products, clinics = things("toy", 50, near=0), things("clinic", 3, near=0, product=False)
    found = {"dogs": sorted([*products, *[replace(one, score=0.5) for one in clinics]], key=lambda one: -one.score)}
    chosen = [one.candidate.item_id for one in a_list(a_state(("dogs", 6.0)), found, 12)]
    assert sum(id_.startswith("clinic") for id_ in chosen) == 3


def test_the_like_of_what_was_hidden_does_not_come() -> None:
    found = things("dog", 10, near=0)
    vector = found[3].vector
    assert vector is not None
    chosen = a_list(a_state(("dogs", 6.0)), {"dogs": found}, hidden=[vector])
    assert "dog" in found[3].item_id
    assert found[3].item_id not in {one.candidate.item_id for one in chosen}


def test_lists_of_any_wishes_hold_what_they_promise() -> None:
    rng = random.Random(5)
    for _ in range(30):
        interests = [
            (id_, rng.uniform(0.1, 20)) for id_ in rng.sample(["dogs", "cats", "mountains"], rng.randint(1, 3))
        ]
        state = a_state(*interests, pointed=rng.randint(0, 4))
        found = {id_: things(id_, rng.randint(0, 40), near=n) for n, (id_, _) in enumerate(interests)}
        found |= {
            "exploration": things("new", 60),
            "fresh": things("new", 60),
            "session": things("s", 20, near=DIM - 1),
        }
        chosen = a_list(state, found, 60, seed=str(rng.random()))
        ids = [one.candidate.item_id for one in chosen]
        assert len(ids) == len(set(ids))
        assert sum(wish.share for wish in wishes(state)) == pytest.approx(1.0)


@pytest.mark.parametrize("learnt", [True, False])
def test_what_is_stated_has_a_tenth_of_a_list_between_its_phrases(learnt: bool) -> None:
    said = {"cats": Correction(followed=True)}
    asked = wishes_of(
        a_state(("dogs", 5.0), said=said),
        NOW_MS,
        RULES,
        TAXONOMY,
        named=TAXONOMY.interests.keys(),
        learnt=learnt,
        stated=STATED,
    )
    assert sum(wish.share for wish in asked) == pytest.approx(1.0)
    assert [wish.share for wish in asked if wish.stated] == pytest.approx([STATED_SHARE / 2] * 2)
    found = [things(f"{wish.source.name}-{n}", 60, near=0 if wish.vectors else None) for n, wish in enumerate(asked)]
    for length in (20, 60):
        chosen = mixed(asked, found, length, seed="s", likeness=0.2)
        assert sum(one.wish.source is Source.STATED for one in chosen) / length == pytest.approx(0.1, abs=0.02)


def test_where_nothing_is_stated_the_wishes_are_as_before() -> None:
    assert {wish.source for wish in wishes(a_state(("dogs", 5.0)))} == {
        Source.INTEREST,
        Source.EXPLORATION,
        Source.FRESH,
    }
    assert [(wish.source, wish.share) for wish in wishes(a_state(), learnt=False)] == [(Source.FRESH, 1.0)]


def test_what_says_what_was_stated_is_there_for_that_and_not_because_it_is_new() -> None:
    found = things("new", 30)
    asked = [Wish(Source.STATED, 0.1, stated=STATED[0]), Wish(Source.FRESH, 0.9)]
    chosen = mixed(asked, [found[:5], found], 30, seed="s", likeness=0.2)
    saying = {one.item_id for one in found[:5]}
    assert {one.candidate.item_id for one in chosen if one.wish.source is Source.STATED} == saying
    assert len(chosen) == 30


def test_each_source_says_why_in_both_languages() -> None:
    dogs = Name("개", "dogs")
    assert why(Source.INTEREST, dogs, 3) == Name(
        "이 사진 3장에서 ‘개’와 관련된 것을 보았습니다", "Because of these 3 pictures: dogs"
    )
    assert why(Source.INTEREST, Name("산", "mountains"), 1).ko == "이 사진에서 ‘산’과 관련된 것을 보았습니다"
    assert why(Source.FOLLOWED, dogs, 0) == Name("‘개’를 팔로우합니다", "Because you follow dogs")
    assert why_sponsored(Name("산", "mountains")).ko == "광고: ‘산’을 좋아하는 분께 보입니다"
    assert why(Source.STATED, None, 0, STATED[0].name) == Name(
        "말씀하신 ‘건성 피부’에 맞춰 골랐습니다", "Because you said: dry skin"
    )
    said = [why(source, None, 1) for source in (Source.INTEREST, Source.SESSION, Source.EXPLORATION, Source.FRESH)]
    assert len({name.ko for name in said}) == len({name.en for name in said}) == 4
