"""What a person says of their interests: at once, told to others, never twice; and while learning is paused."""

from __future__ import annotations

import pytest
from profile_builders import DAY_MS, NOW_MS, TENANT, a_picture, a_profile, a_record, an_activity

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.event_log import topics
from services.profile.errors import InterestChanged, NoSuchInterest, UnknownPerson
from services.profile.shown import TREND_DAYS, Change


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def person(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    assert profile.read(an_activity(person, at_ms=NOW_MS - DAY_MS)) == []
    return person


def say(profile, person, interest="dogs", *, if_match="", **said):
    return profile.corrections.change(TENANT, person, interest, Change(**said), if_match=if_match)


def corrected(person, kind, *, event_id="told-1", interest="dogs"):
    event = UserActivity(
        event_id=event_id,
        tenant=TENANT,
        person_id=person,
        kind=pb.ActivityKind.ValueType(kind),
        interest_id=interest,
        occurred_at_ms=NOW_MS,
    )
    return a_record(topics.USER_ACTIVITY, person, event.SerializeToString())


def test_a_correction_is_told_with_the_id_of_its_row_and_without_the_name(profile, person):
    say(profile, person, name="우리 초코", pinned=True)
    told = profile.outbox()
    assert {(event.kind, event.interest_id) for event in told} == {
        (pb.ACTIVITY_KIND_INTEREST_PINNED, "dogs"),
        (pb.ACTIVITY_KIND_INTEREST_RENAMED, "dogs"),
    }
    assert {event.event_id for event in told} <= {event_id for event_id, _ in profile.rows()}
    assert all("초코".encode() not in event.SerializeToString() for event in told)


def test_what_we_told_changes_nothing_when_it_comes_back(profile, person):
    say(profile, person, name="Choco", muted=True)
    before = profile.state(person)
    echo = [a_record(topics.USER_ACTIVITY, person, event.SerializeToString()) for event in profile.outbox()]
    assert profile.read(*echo, *echo) == []
    assert profile.state(person) == before


def test_saying_what_is_said_already_tells_nothing(profile, person):
    first = say(profile, person, muted=True)
    assert say(profile, person, muted=True).etag == first.etag
    assert len(profile.outbox()) == 1


def test_another_service_may_correct_and_is_heard_once(profile, person):
    record = corrected(person, pb.ACTIVITY_KIND_INTEREST_MUTED)
    assert profile.read(record, record) == []
    assert profile.shown.one(TENANT, person, "dogs").said.muted


@pytest.mark.parametrize(
    ("kind", "interest", "why"),
    [
        (pb.ACTIVITY_KIND_INTEREST_RENAMED, "dogs", "cannot rename"),
        (pb.ACTIVITY_KIND_INTEREST_MUTED, "flying_carpets", "no interest"),
        (pb.ACTIVITY_KIND_INTEREST_MUTED, "", "interest_id is missing"),
    ],
)
def test_a_correction_that_nobody_could_act_upon_is_a_dead_letter_and_stops_nothing(
    profile, person, kind, interest, why
):
    bad = corrected(person, kind, interest=interest)
    good = corrected(person, pb.ACTIVITY_KIND_INTEREST_PINNED, event_id="told-2")
    [(record, error)] = profile.read(bad, good)
    assert record == bad
    assert why in str(error)
    assert profile.shown.one(TENANT, person, "dogs").said.pinned


def test_deleting_forgets_what_was_learnt_and_a_later_picture_says_it_again(profile, person):
    profile.corrections.forget(TENANT, person, "dogs", if_match="")
    assert "dogs" not in profile.interests(person)
    profile.now_ms += DAY_MS
    profile.put(a_picture("m-2", owner=person))
    profile.read(an_activity(person, "m-2", event_id="e-2", at_ms=profile.now_ms))
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=0.05)


def test_what_is_said_last_holds_though_an_activity_came_from_a_clock_ahead(profile, person):
    profile.put(a_picture("m-2", owner=person))
    profile.read(an_activity(person, "m-2", event_id="e-2", at_ms=NOW_MS + 60_000))
    profile.corrections.forget(TENANT, person, "dogs", if_match="")
    assert "dogs" not in profile.interests(person)


def test_the_second_who_corrects_the_same_is_refused_and_nothing_of_it_is_kept(profile, person):
    tag = profile.shown.one(TENANT, person, "dogs").etag
    say(profile, person, muted=True, if_match=tag)
    with pytest.raises(InterestChanged):
        say(profile, person, muted=False, pinned=True, if_match=tag)
    shown = profile.shown.one(TENANT, person, "dogs")
    assert (shown.said.muted, shown.said.pinned) == (True, False)


def test_learning_leaves_the_tag_alone_so_an_upload_refuses_nobodys_rename(profile, person):
    tag = profile.shown.one(TENANT, person, "dogs").etag
    profile.put(a_picture("m-2", owner=person))
    profile.read(an_activity(person, "m-2", event_id="e-2"))
    assert say(profile, person, name="Choco", if_match=tag).said.name == "Choco"


def test_what_nobody_knows_is_refused(profile, person):
    with pytest.raises(NoSuchInterest):
        say(profile, person, "flying_carpets", muted=True)
    with pytest.raises(UnknownPerson):
        say(profile, "p-nobody", muted=True)


def test_nothing_enters_the_journal_while_learning_is_paused_nor_later_of_that_time(profile, person):
    rows = profile.rows()
    profile.consents.pause(TENANT, person, True)
    profile.put(a_picture("m-2", owner=person))
    during = an_activity(person, "m-2", event_id="e-2", at_ms=NOW_MS + 1000)
    profile.read(during)
    profile.now_ms += DAY_MS
    profile.consents.pause(TENANT, person, False)
    profile.read(during)
    assert profile.rows() == rows
    after = an_activity(person, "m-2", event_id="e-3", at_ms=profile.now_ms + 1)
    profile.read(after)
    assert len(profile.rows()) == len(rows) + 1


def test_what_was_learnt_stays_during_a_pause_and_can_be_corrected(profile, person):
    profile.consents.pause(TENANT, person, True)
    assert "dogs" in profile.interests(person)
    assert say(profile, person, muted=True).said.muted
    overview = profile.shown(TENANT, person)
    assert (overview.learning, overview.paused) == (False, True)


def test_pausing_twice_is_one_pause(profile, person):
    first = profile.consents.pause(TENANT, person, True)
    profile.now_ms += DAY_MS
    assert profile.consents.pause(TENANT, person, True) == first
    assert profile.consents.pause(TENANT, person, False) == profile.now_ms


def test_after_the_consent_is_withdrawn_only_what_was_said_is_shown(profile, person):
    say(profile, person, followed=True)
    profile.consents.set(TENANT, person, pb.CONSENT_PURPOSE_IMAGE_INTEREST, False)
    [shown] = profile.shown(TENANT, person).interests
    assert (shown.id, shown.weight, shown.reasons, shown.said.followed) == ("dogs", 0.0, (), True)


def test_the_tag_of_all_changes_with_what_is_shown_and_not_with_a_moment(profile, person):
    first = profile.shown(TENANT, person).etag
    profile.now_ms += 1000
    assert profile.shown(TENANT, person).etag == first
    say(profile, person, pinned=True)
    assert profile.shown(TENANT, person).etag != first


def trend(profile, person):
    return profile.shown.one(TENANT, person, "dogs").trend


def test_an_interest_rises_with_evidence_stays_and_fades_without(profile, person):
    assert trend(profile, person) == pb.TREND_RISING
    profile.now_ms += 2 * TREND_DAYS * DAY_MS
    assert trend(profile, person) == pb.TREND_FADING


def test_an_interest_that_gets_what_it_loses_is_steady(profile):
    person = profile.a_person()
    names = [f"m-{n}" for n in range(30)]
    profile.put(*(a_picture(name, owner=person) for name in names))
    profile.now_ms = NOW_MS - 30 * 2 * DAY_MS
    for n, name in enumerate(names):
        profile.now_ms = NOW_MS - (30 - n) * 2 * DAY_MS
        profile.read(an_activity(person, name, event_id=f"e-{n:02d}", at_ms=profile.now_ms))
    profile.now_ms = NOW_MS + 20 * DAY_MS
    assert trend(profile, person) == pb.TREND_FADING
    for n in range(2):
        profile.put(a_picture(f"n-{n}", owner=person))
        profile.read(an_activity(person, f"n-{n}", event_id=f"f-{n}", at_ms=profile.now_ms))
    assert trend(profile, person) == pb.TREND_STEADY
