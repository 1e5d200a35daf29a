"""Events that are wrong: each has its answer, and the rest of its batch is handled all the same."""

from __future__ import annotations

import pytest
from profile_builders import MINUTE_MS, NOW_MS, TENANT, a_picture, a_profile, a_record, an_activity, an_embedding

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.event_log import topics
from nungil.pictures.boxes import Box
from services.profile.store import tables


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


def rejected(profile, record) -> str:
    """The reason of the dead letter, after which a good event of the same batch still counts."""
    person = profile.a_person()
    profile.put(a_picture("good", owner=person))
    [(found, error)] = profile.read(record, an_activity(person, "good", event_id="good"))
    assert found is record
    assert "dogs" in profile.interests(person)
    return str(error)


def changed(**fields) -> bytes:
    event = UserActivity(
        event_id="e", tenant=TENANT, person_id="p-1", kind=pb.ACTIVITY_KIND_SAVED, media_id="m-1", occurred_at_ms=NOW_MS
    )
    for name, value in fields.items():
        setattr(event, name, value)
    return event.SerializeToString()


@pytest.mark.parametrize("topic", [topics.USER_ACTIVITY, topics.MEDIA_EMBEDDED, topics.MEDIA_CHANGED])
@pytest.mark.parametrize(("value", "reason"), [(b"\xff\xff\xff", "its bytes are no"), (None, "empty")])
def test_bytes_that_are_no_event_are_a_dead_letter(profile, topic, value, reason):
    assert reason in rejected(profile, a_record(topic, "k", value))


def test_a_person_that_nobody_identified_is_a_dead_letter(profile):
    assert "no person p-nobody" in rejected(profile, an_activity("p-nobody"))


def test_a_person_of_another_tenant_is_a_dead_letter(profile):
    elsewhere = profile.identify("elsewhere", "mina")
    assert "no person" in rejected(profile, an_activity(elsewhere))


def test_an_event_from_the_future_is_a_dead_letter(profile):
    person = profile.a_person()
    assert "has not come" in rejected(profile, an_activity(person, at_ms=NOW_MS + 6 * MINUTE_MS))


def test_a_clock_that_is_a_little_ahead_is_forgiven(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    assert profile.read(an_activity(person, at_ms=NOW_MS + 4 * MINUTE_MS)) == []
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=1e-3)


def test_an_event_of_a_newer_schema_is_read_as_far_as_it_is_known(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    unknown_field = b"\xfa\x07\x03new"  # number 127, bytes
    assert profile.read(a_record(topics.USER_ACTIVITY, person, changed(person_id=person) + unknown_field)) == []
    assert "dogs" in profile.interests(person)


def test_an_event_after_the_person_is_gone_is_a_dead_letter_and_brings_nothing_back(profile):
    person = profile.a_person("gone")
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    with profile.engine.begin() as c:
        c.execute(tables.PEOPLE.delete().where(tables.PEOPLE.c.person_id == person))
    assert f"no person {person}" in rejected(profile, an_activity(person, event_id="late"))
    assert profile.state(person) is None
    assert [event_id for event_id, _ in profile.rows()] == ["good"]


def test_an_unknown_picture_waits(profile):
    person = profile.a_person()
    assert profile.read(an_activity(person, "m-unknown")) == []
    assert profile.rows() == [("e-1", True)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event_id": ""}, "event_id"),
        ({"tenant": ""}, "tenant"),
        ({"person_id": ""}, "person_id"),
        ({"media_id": ""}, "media_id"),
        ({"media_id": "../../etc/passwd"}, "media_id"),
        ({"tenant": ".."}, "tenant"),
        ({"kind": pb.ACTIVITY_KIND_UNSPECIFIED}, "kind is 0"),
        ({"kind": 99}, "kind is 99"),
        ({"occurred_at_ms": 0}, "occurred_at_ms is 0"),
        ({"occurred_at_ms": -5}, "occurred_at_ms is -5"),
        ({"kind": pb.ACTIVITY_KIND_TRIED, "result_media_id": "../up"}, "result_media_id"),
        ({"result_media_id": "m-2"}, "result_media_id"),
    ],
)
def test_an_event_that_lacks_what_a_fold_needs_is_a_dead_letter(profile, fields, reason):
    assert reason in rejected(profile, a_record(topics.USER_ACTIVITY, "k", changed(**fields)))


@pytest.mark.parametrize("box", [Box(2, 2, 1, 1), Box(0.1, 0.1, 0, 0.5), Box(float("nan"), 0, 1, 1)])
def test_a_box_that_shows_nothing_is_a_dead_letter(profile, box):
    person = profile.a_person()
    assert "box" in rejected(profile, an_activity(person, box=box))


def test_an_embedding_of_no_picture_is_a_dead_letter(profile):
    assert "media_id" in rejected(profile, an_embedding("p-1", "../up"))
