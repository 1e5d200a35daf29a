"""Every journal folded again: nothing changes where nothing is wrong, and what is wrong is put right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from profile_builders import (
    DAY_MS,
    NOW_MS,
    RULES,
    TENANT,
    AProfile,
    a_deletion,
    a_picture,
    a_profile,
    an_activity,
)
from segment_builders import DOGS, a_segmented_profile
from sqlalchemy import update

from services.profile import core
from services.profile.refolding import FoldAll, Refolded
from services.profile.store import encoding, tables


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[AProfile]:
    with a_profile(tmp_path) as profile:
        yield profile


def folded(profile: AProfile, rules: core.Rules = RULES) -> Refolded:
    return FoldAll(profile.engine, rules)(Event())


def people_who_did_things(profile: AProfile, count: int = 3) -> list[str]:
    """Each saved three pictures: in order, late, and one that was deleted since."""
    people = [profile.a_person(f"subject-{n}") for n in range(count)]
    for n, person in enumerate(people):
        for at, (media_id, label) in enumerate([("dog", "beagle"), ("alp", "alp"), ("cat", "tabby")]):
            id_ = f"{media_id}-{n}"
            profile.put(a_picture(id_, owner=person, shows=[(label, 0.5 + 0.1 * n)]))
            profile.read(an_activity(person, id_, event_id=f"e-{id_}", at_ms=NOW_MS - at * DAY_MS))
        profile.read(a_deletion(f"cat-{n}"))
    return people


def test_what_is_kept_is_what_follows_from_the_journals(profile: AProfile) -> None:
    people = people_who_did_things(profile)
    kept = [profile.state(person) for person in people]
    done = folded(profile)
    assert (done.persons, done.entries, done.changed, done.ruled) == (3, 6, 0, 0)
    assert done.digest == done.digest_before
    assert done.finished
    assert [profile.state(person) for person in people] == kept


def test_lost_states_are_made_again_with_the_same_digest(profile: AProfile) -> None:
    people = people_who_did_things(profile)
    kept, digest = [profile.state(person) for person in people], folded(profile).digest
    with profile.engine.begin() as c:
        c.execute(tables.STATES.delete())
    done = folded(profile)
    assert done.changed == 3
    assert done.digest == digest != done.digest_before
    assert [profile.state(person) for person in people] == kept
    assert folded(profile).changed == 0


def test_a_state_that_does_not_follow_is_put_right_and_told(profile: AProfile) -> None:
    [person, other] = people_who_did_things(profile, 2)
    right = profile.state(person)
    with profile.engine.begin() as c:
        wrong = encoding.encode_state(replace(core.NOTHING, last=(1, "e")))
        c.execute(update(tables.STATES).where(tables.STATES.c.person_id == person).values(state=wrong))
    done = folded(profile)
    assert (done.persons, done.changed) == (2, 1)
    assert profile.state(person) == right
    assert profile.interests(other)


def test_other_rules_are_told_apart_from_faults(profile: AProfile) -> None:
    people_who_did_things(profile, 2)
    done = folded(profile, core.Rules(RULES.gains, RULES.half_life_ms / 2, RULES.space))
    assert (done.changed, done.ruled) == (0, 2)
    assert folded(profile, core.Rules(RULES.gains, RULES.half_life_ms / 2, RULES.space)).ruled == 0


def test_what_became_too_old_is_left_to_an_ordinary_fold(profile: AProfile) -> None:
    [person] = people_who_did_things(profile, 1)
    kept = profile.state(person)
    profile.now_ms += core.KEPT_DAYS * DAY_MS
    assert folded(profile).changed == 0
    assert profile.state(person) == kept
    profile.put(a_picture("new", owner=person))
    profile.read(an_activity(person, "new", event_id="e-new", at_ms=profile.now_ms))
    assert [event for event, _ in profile.rows()] == ["e-dog-0", "e-new"]
    assert folded(profile).changed == 0


def test_a_person_without_a_journal_is_none(profile: AProfile) -> None:
    profile.a_person()
    assert folded(profile).persons == 0


def test_more_people_than_a_page_are_all_folded(profile: AProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.profile.refolding._PAGE", 2)
    people_who_did_things(profile, 5)
    assert folded(profile).persons == 5


def test_a_stopped_run_says_so(profile: AProfile) -> None:
    people_who_did_things(profile, 1)
    stop = Event()
    stop.set()
    done = FoldAll(profile.engine, RULES)(stop)
    assert not done.finished
    assert done.persons == 0


def test_activity_goes_on_after_it_as_if_it_had_not_been(profile: AProfile) -> None:
    [person] = people_who_did_things(profile, 1)
    with profile.engine.begin() as c:
        c.execute(tables.STATES.delete())
    folded(profile)
    profile.put(a_picture("late", owner=person, shows=[("beagle", 0.9)]))
    profile.read(an_activity(person, "late", event_id="e-late", at_ms=NOW_MS - DAY_MS // 2))
    kept = profile.state(person)
    with profile.engine.begin() as c:
        c.execute(tables.STATES.delete())
    assert encoding.encode_state(profile.journal.state_of(TENANT, person)) == kept
    folded(profile)
    assert profile.state(person) == kept


def test_who_is_in_which_segment_follows_a_state_that_was_wrong(tmp_path: Path) -> None:
    with a_segmented_profile(tmp_path) as profile:
        mina = profile.a_member()
        profile.publish("dog-people", DOGS)
        for n in range(2):
            profile.saves(mina, f"m-{n}", "beagle")
        right = profile.journal.state_of(TENANT, mina)
        with profile.engine.begin() as c:  # what it would be had the pictures shown nothing
            c.execute(update(tables.STATES).values(state=encoding.encode_state(core.NOTHING)))
            profile.segments.follow(c, TENANT, mina, right, core.NOTHING, None)
        assert profile.kept(mina) == set()
        assert FoldAll(profile.engine, profile.rules, (profile.segments.follow,))(Event()).changed == 1
        assert profile.journal.state_of(TENANT, mina) == right
        assert profile.kept(mina) == {"dog-people"}
