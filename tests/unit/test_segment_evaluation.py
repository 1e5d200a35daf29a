"""Whom a definition holds for, and until when: every stated moment is tried a millisecond before and at it."""

from __future__ import annotations

import random
from importlib import resources

import pytest
from profile_builders import a_taxonomy

from nungil.taxonomy.taxonomy import Name, load_taxonomy
from services.profile.abouts import WORDS
from services.profile.core import Correction, State
from services.profile.label_weights import LabelWeight
from services.profile.reasons import Weighed
from services.profile.segments import stated
from services.profile.segments.definition import (
    Acted,
    AllOf,
    AnyOf,
    AsksFor,
    Condition,
    Definition,
    Follows,
    InterestWeighs,
    LabelSeen,
    Not,
    Stated,
    decode,
    encode,
    leaves,
    stating_another,
)
from services.profile.segments.evaluation import (
    DAY_MS,
    FOREVER_MS,
    NEVER_MS,
    NOBODY,
    Facts,
    Fading,
    course,
    ends_at_ms,
    fades_at_ms,
    weight_at,
)
from services.profile.segments.facts import Known, changed_keys, facts_of
from services.profile.segments.published import published_of, segment_of
from services.profile.segments.sizes import Band, band_of
from services.profile.segments.validation import read

NOW_MS = 1_800_000_000_000
HALF_MS = 60 * DAY_MS
DOGS = InterestWeighs("dogs", 2.0, 1.0)


def some_facts(**facts: object) -> Facts:
    return Facts(**{"half_life_ms": HALF_MS, **facts})


def dogs(weight: float, at_ms: int = NOW_MS) -> Facts:
    return some_facts(interests={"dogs": Fading(weight, at_ms)})


def holds(condition: Condition, facts: Facts, now_ms: int = NOW_MS, *, member: bool = False) -> bool:
    return course(condition, facts, member=member, now_ms=now_ms).holds


def test_a_weight_that_halves_in_sixty_days_leaves_in_sixty_days_by_half_its_threshold():
    assert fades_at_ms(Fading(2.0, NOW_MS), 1.0, HALF_MS) == NOW_MS + HALF_MS + 1  # at the half-life it is 1.0 exactly


@pytest.mark.parametrize("seed", range(200))
def test_the_moment_of_leaving_is_exact_to_the_millisecond(seed):
    chance = random.Random(seed)
    threshold = chance.uniform(0.05, 5)
    fading = Fading(threshold * chance.uniform(1, 40), NOW_MS - chance.randrange(90 * DAY_MS))
    half_ms = chance.uniform(0.5, 400) * DAY_MS
    leaves_ms = fades_at_ms(fading, threshold, half_ms)
    assert weight_at(fading, leaves_ms - 1, half_ms) >= threshold > weight_at(fading, leaves_ms, half_ms)


def test_below_its_threshold_it_holds_at_no_moment():
    assert fades_at_ms(Fading(0.99, NOW_MS), 1.0, HALF_MS) == NEVER_MS


def test_who_is_in_stays_by_the_lower_threshold():
    assert not holds(DOGS, dogs(1.5))
    assert holds(DOGS, dogs(1.5), member=True)
    assert not holds(DOGS, dogs(0.99), member=True)


def test_under_a_not_who_is_in_leaves_only_when_the_higher_threshold_is_reached():
    assert holds(Not(DOGS), dogs(1.5), member=True)
    assert not holds(Not(DOGS), dogs(1.5))
    assert not holds(Not(DOGS), dogs(2.5), member=True)


def test_activities_count_within_their_window_and_leave_with_the_one_that_is_needed():
    saved = Acted("saved", 2, 30, 2)
    acts = some_facts(acts={"saved": [NOW_MS - 10 * DAY_MS, NOW_MS - 20 * DAY_MS, NOW_MS - 5 * DAY_MS]})
    assert course(saved, acts, member=True, now_ms=NOW_MS).flips == (NOW_MS + 20 * DAY_MS,)
    assert ends_at_ms(Acted("saved", 4, 30, 4), acts, staying=False) == NEVER_MS


def test_labels_need_different_pictures_and_different_days():
    today = NOW_MS // DAY_MS
    leaf = LabelSeen("beagle", 2, 2, 30, 2)
    assert not holds(leaf, some_facts(seen={"beagle": [(1, today), (1, today - 1)]}))
    assert not holds(leaf, some_facts(seen={"beagle": [(1, today), (2, today)]}))
    seen = some_facts(seen={"beagle": [(1, today), (2, today - 3), (1, today - 9)]})
    assert holds(leaf, seen)
    leaves_ms = (today - 3 + 31) * DAY_MS
    assert course(leaf, seen, member=True, now_ms=NOW_MS).flips == (leaves_ms,)
    assert holds(leaf, seen, leaves_ms - 1)
    assert not holds(leaf, seen, leaves_ms)


def test_what_is_said_stays_until_something_else_is_said():
    assert ends_at_ms(Follows("dogs"), some_facts(follows=frozenset({"dogs"})), staying=True) == FOREVER_MS
    assert ends_at_ms(AsksFor("KR"), some_facts(markets=frozenset({"US"})), staying=True) == NEVER_MS


def test_what_is_stated_holds_for_its_words_alone_and_for_nobody_who_says_nothing():
    young = Stated("age_band", ("under_20", "20s"))
    assert ends_at_ms(young, some_facts(stated={"age_band": "20s"}), staying=False) == FOREVER_MS
    assert ends_at_ms(young, some_facts(stated={"age_band": "30s"}), staying=True) == NEVER_MS
    assert ends_at_ms(young, some_facts(stated={"gender": "woman"}), staying=True) == NEVER_MS
    assert ends_at_ms(young, NOBODY, staying=True) == NEVER_MS


WOMAN, NOT_WOMAN = Stated("gender", ("woman",)), Stated("gender", ("man", "nonbinary"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (Not(WOMAN), NOT_WOMAN),
        (Not(Not(WOMAN)), WOMAN),
        (Not(AllOf((DOGS, WOMAN))), AnyOf((Not(DOGS), NOT_WOMAN))),
        (Not(AnyOf((DOGS, Not(WOMAN)))), AllOf((Not(DOGS), WOMAN))),
        (AllOf((Not(DOGS), WOMAN)), AllOf((Not(DOGS), WOMAN))),
        (Not(AllOf((DOGS, Follows("cats")))), Not(AllOf((DOGS, Follows("cats"))))),
    ],
)
def test_not_to_state_a_word_is_to_state_another_one_of_its_field(written, meant):
    assert stating_another(written) == meant
    assert stating_another(meant) == meant


@pytest.mark.parametrize("seed", range(150))
def test_of_who_says_something_in_every_field_a_not_is_just_the_contrary_and_silence_lets_in_nowhere_else(seed):
    chance = random.Random(seed)
    written = a_stated_condition(chance, 3)
    meant = stating_another(written)
    assert not any(negated for leaf, negated in leaves(meant) if isinstance(leaf, Stated))
    told = {name: chance.choice(words) for name, words in WORDS.items()}
    weighed = {"dogs": Fading(chance.uniform(0.2, 6), NOW_MS)}
    for member in (False, True):
        facts = some_facts(interests=weighed, stated=told)
        assert holds(meant, facts, member=member) == holds(written, facts, member=member)
        silent = holds(meant, some_facts(interests=weighed), member=member)
        assert not silent or holds(meant, facts, member=member)


def a_stated_condition(chance: random.Random, depth: int) -> Condition:
    if not depth or chance.random() < 0.3:
        if chance.random() < 0.3:
            return DOGS
        name = chance.choice(list(WORDS))
        return Stated(name, tuple(word for word in WORDS[name] if chance.random() < 0.5))
    of = tuple(a_stated_condition(chance, depth - 1) for _ in range(chance.randint(1, 3)))
    return chance.choice([AllOf(of), AnyOf(of), Not(of[0])])


def test_every_word_that_can_be_stated_has_a_name_in_both_languages():
    assert stated.FIELDS.keys() == WORDS.keys()
    for name, words in WORDS.items():
        assert tuple(stated.WORDS[name]) == words
        assert all(called.ko and called.en for called in stated.WORDS[name].values())


def test_a_not_lets_in_when_its_window_ends_and_the_rest_still_holds():
    bought = AllOf((DOGS, Not(Acted("bought", 1, 7, 1))))
    facts = Facts({"dogs": Fading(3.0, NOW_MS)}, acts={"bought": [NOW_MS]}, half_life_ms=HALF_MS)
    outside = course(bought, facts, member=False, now_ms=NOW_MS)
    assert not outside.holds
    assert outside.turns_at_ms == NOW_MS + 7 * DAY_MS
    assert holds(bought, facts, NOW_MS + 7 * DAY_MS)


@pytest.mark.parametrize("seed", range(150))
def test_a_course_says_what_looking_at_every_moment_would_say(seed):
    chance = random.Random(seed)
    condition = a_condition(chance, 3)
    facts = Facts(
        {name: Fading(chance.uniform(0.2, 6), NOW_MS - chance.randrange(20 * DAY_MS)) for name in ("dogs", "cats")},
        {"beagle": [(n, NOW_MS // DAY_MS - chance.randrange(60)) for n in range(3)]},
        {"saved": [NOW_MS - chance.randrange(60 * DAY_MS) for _ in range(4)]},
        frozenset({"dogs"}),
        half_life_ms=HALF_MS,
    )
    for member in (False, True):
        foretold = course(condition, facts, member=member, now_ms=NOW_MS)
        moments = [NOW_MS + chance.randrange(120 * DAY_MS) for _ in range(30)]
        moments += [moment for flip in foretold.flips for moment in (flip - 1, flip)]
        for moment in moments:
            assert foretold.at(moment) == holds(condition, facts, moment, member=member), moment


def a_condition(chance: random.Random, depth: int) -> Condition:
    kind = chance.randrange(7 if depth else 4)
    if kind < 4:
        weight = chance.uniform(0.3, 4)
        leaves = [
            InterestWeighs(chance.choice(["dogs", "cats", "birds"]), weight, weight * chance.uniform(0.4, 1)),
            LabelSeen("beagle", chance.randint(1, 3), chance.randint(1, 2), chance.randint(5, 90), 1),
            Acted("saved", chance.randint(1, 4), chance.randint(5, 90), 1),
            Follows(chance.choice(["dogs", "cats"])),
        ]
        return leaves[kind]
    of = tuple(a_condition(chance, depth - 1) for _ in range(chance.randint(1, 3)))
    return {4: AllOf(of), 5: AnyOf(of), 6: Not(of[0])}[kind]


def test_a_definition_survives_being_kept():
    text = resources.files("services.profile.segments.examples").joinpath("dog_and_mountain.yaml").read_text("utf-8")
    definition = read("dog-and-mountain", text, load_taxonomy())
    assert decode(encode(definition)) == definition
    assert read("dog-and-mountain", encode(definition), load_taxonomy()) == definition
    assert not holds(definition.who, NOBODY)


def a_state(*, muted: str | None = None, followed: str | None = None) -> State:
    corrections = {}
    if muted:
        corrections[muted] = Correction(muted=True)
    if followed:
        corrections[followed] = Correction(followed=True)
    seen = {"beagle": LabelWeight(1.0, 1.0, NOW_MS, ((7, NOW_MS // DAY_MS),), ("dogs", "pets"))}
    return State(interests={"dogs": Weighed(3.0, NOW_MS, ())}, corrections=corrections, labels=seen)


@pytest.mark.parametrize("muted", ["dogs", "pets"])
def test_a_muted_interest_silences_what_is_below_it_and_the_labels_that_speak_for_it(muted):
    loud = facts_of(Known(a_state()), a_taxonomy(), HALF_MS)
    assert (set(loud.interests), set(loud.seen)) == ({"dogs"}, {"beagle"})
    quiet = facts_of(Known(a_state(muted=muted)), a_taxonomy(), HALF_MS)
    assert (dict(quiet.interests), dict(quiet.seen)) == ({}, {})


def test_a_change_touches_the_segments_that_name_it_and_no_other():
    conditions = {
        "of-dogs": DOGS,
        "of-cats": InterestWeighs("cats", 1.0, 1.0),
        "of-beagles": LabelSeen("beagle", 1, 1, 90, 1),
        "followers": Follows("dogs"),
        "savers": Acted("saved", 1, 30, 1),
        "in-their-20s": Stated("age_band", ("20s",)),
    }
    taxonomy = a_taxonomy()
    segments = [segment_of(id_, 1, Definition(Name("가", "a"), who)) for id_, who in conditions.items()]
    published = published_of(1, segments, taxonomy)
    before = a_state()
    heavier = State(interests={"dogs": Weighed(4.0, NOW_MS, ())}, labels=before.labels)
    assert published.touched(changed_keys(before, heavier)) == {"of-dogs"}
    assert published.touched(changed_keys(before, a_state(muted="pets"))) == {"of-dogs", "of-beagles", "of-cats"}
    assert published.touched(changed_keys(before, a_state(muted="dogs"))) == {"of-dogs", "of-beagles", "followers"}
    assert published.touched(changed_keys(before, a_state(followed="dogs"))) >= {"followers"}
    assert "of-cats" not in published.touched(changed_keys(before, State()))
    assert published.touched([("activity", "saved")]) == {"savers"}
    assert published.touched([("stated", "age_band")]) == {"in-their-20s"}
    assert published.kinds("stated") == {("stated", "age_band")}


@pytest.mark.parametrize(
    ("people", "band"),
    [
        (0, (0, 50)),
        (49, (0, 50)),
        (50, (50, 100)),
        (99, (50, 100)),
        (100, (100, 500)),
        (500, (500, 1000)),
        (7_000, (5_000, 10_000)),
    ],
)
def test_a_size_is_told_as_a_band(people, band):
    assert band_of(people, 50) == Band(*band)
