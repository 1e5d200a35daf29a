"""What enters a person's journal, and what follows from it."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profile_builders import (
    DAY_MS,
    LEFT,
    NOW_MS,
    RIGHT,
    RULES,
    TENANT,
    a_deletion,
    a_picture,
    a_profile,
    a_record,
    an_activity,
    an_embedding,
)
from sqlalchemy import select, update

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.database.open import reading
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.object_store import keys
from services.profile import core, journal
from services.profile.store import encoding, tables
from services.profile.wire.events import activity_of

DOG_ON_A_MOUNTAIN = {LEFT: (("golden_retriever", 0.8),), RIGHT: (("alp", 0.7),)}


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


# What makes interests


def test_a_saved_picture_makes_its_interest_and_the_broader_one(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=[("golden_retriever", 0.9)]))
    assert profile.read(an_activity(person)) == []
    assert profile.interests(person) == pytest.approx({"dogs": 0.9, "pets": 0.9}, rel=1e-3)


def test_a_dog_of_uncertain_breed_is_a_dog(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=[("golden_retriever", 0.15), ("beagle", 0.15)]))
    profile.read(an_activity(person))
    assert profile.interests(person) == pytest.approx({"dogs": 0.3, "pets": 0.3}, rel=1e-3)


def test_what_is_improbable_makes_no_interest(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=[("golden_retriever", 0.9), ("tabby", 0.05)]))
    profile.read(an_activity(person))
    assert "cats" not in profile.interests(person)


def test_each_interest_has_its_own_part_of_the_picture_as_its_reason(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=DOG_ON_A_MOUNTAIN))
    profile.read(an_activity(person))
    state = profile.journal.state_of(TENANT, person)
    boxes = {id_: interest.reasons[0].box for id_, interest in state.interests.items()}
    assert boxes == {"dogs": LEFT, "pets": LEFT, "mountains": RIGHT, "outdoors": RIGHT}


def test_a_crop_search_speaks_for_what_is_under_its_box_alone(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=DOG_ON_A_MOUNTAIN))
    profile.read(an_activity(person, kind=pb.ACTIVITY_KIND_CROP_SEARCHED, box=LEFT))
    assert profile.interests(person) == pytest.approx({"dogs": 0.4, "pets": 0.4}, rel=1e-3)


def test_a_picture_only_searched_with_makes_interests_too(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person), transient=True)
    profile.read(an_activity(person, kind=pb.ACTIVITY_KIND_CROP_SEARCHED))
    assert "dogs" in profile.interests(person)


def test_a_picture_of_the_catalogue_makes_interests_of_who_saves_it_and_of_nobody_else(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    profile.put(a_picture(owner="catalogue"))
    profile.read(an_activity(mina))
    assert "dogs" in profile.interests(mina)
    assert profile.interests(jun) == {}


def test_another_persons_picture_makes_no_interest_and_leaves_no_row(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    profile.put(a_picture(owner=jun))
    assert profile.read(an_activity(mina)) == []
    assert profile.rows() == []
    assert profile.interests(mina) == {}


def test_hiding_a_picture_takes_its_interests_away(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person, event_id="saved"))
    profile.read(an_activity(person, event_id="hidden", kind=pb.ACTIVITY_KIND_HIDDEN, at_ms=NOW_MS + 1))
    assert profile.interests(person) == {}


def test_weights_fade_while_nothing_happens(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=[("beagle", 0.8)]))
    profile.read(an_activity(person))
    profile.now_ms += 60 * DAY_MS
    assert profile.interests(person) == pytest.approx({"dogs": 0.4, "pets": 0.4}, rel=1e-3)


# Uploads


def test_an_embedded_picture_is_told_as_an_upload_of_its_owner(profile):
    person = profile.a_person()
    profile.read(an_embedding(person))
    [event] = profile.outbox()
    assert (event.person_id, event.media_id, event.tenant) == (person, "m-1", TENANT)
    assert event.kind == pb.ACTIVITY_KIND_UPLOADED
    assert profile.woken.is_set()


def test_an_upload_has_the_time_of_its_media_id_and_not_of_its_embedding(profile):
    media_id = "019316b5-f800-7000-8000-000000000000"
    profile.read(an_embedding(profile.a_person(), media_id))
    [event] = profile.outbox()
    assert event.occurred_at_ms == 0x019316B5F800


def test_a_picture_embedded_again_is_the_same_upload(profile):
    person = profile.a_person()
    profile.read(an_embedding(person))
    profile.read(an_embedding(person, at_ms=NOW_MS + DAY_MS))
    first, second = profile.outbox()
    assert first.event_id == second.event_id


def test_a_picture_of_the_catalogue_is_nobodys_upload(profile):
    profile.read(an_embedding("catalogue", purpose=common_pb2.PURPOSE_CATALOGUE))
    assert profile.outbox() == []


def test_the_embedding_of_a_deleted_picture_is_no_upload(profile):
    person = profile.a_person()
    profile.read(a_deletion(), an_embedding(person))
    assert profile.outbox() == []


# Activity before the picture's features


def test_an_activity_waits_for_the_features_of_its_picture(profile):
    person = profile.a_person()
    profile.read(an_activity(person))
    assert profile.rows() == [("e-1", True)]
    assert profile.interests(person) == {}
    profile.put(a_picture(owner=person))
    profile.read(an_embedding(person))
    assert profile.rows() == [("e-1", False)]
    assert "dogs" in profile.interests(person)


def test_an_activity_that_waited_for_another_persons_picture_is_dropped(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    profile.read(an_activity(mina))
    profile.put(a_picture(owner=jun))
    profile.read(an_embedding(jun))
    assert profile.rows() == []


def test_an_activity_on_a_picture_that_cannot_be_embedded_is_dropped(profile):
    person = profile.a_person()
    profile.read(an_activity(person), an_embedding(person, outcome=MediaEmbedded.OUTCOME_REJECTED))
    assert profile.rows() == []


def test_features_that_arrive_between_the_row_and_the_look_are_found(profile):
    """The look comes after the row is durable: a crash in between is healed by redelivery."""
    person = profile.a_person()
    profile.read(an_activity(person))
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    assert "dogs" in profile.interests(person)


# Order and redelivery


def test_an_event_delivered_twice_counts_once(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person), an_activity(person))
    once = profile.state(person)
    profile.read(an_activity(person))
    assert profile.state(person) == once
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=1e-3)


def test_a_late_event_takes_its_place_in_the_past(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    profile.put(a_picture(owner="catalogue"))
    early = {"event_id": "early", "at_ms": NOW_MS - 10 * DAY_MS}
    late = {"event_id": "late", "kind": pb.ACTIVITY_KIND_HIDDEN}
    profile.read(an_activity(mina, **early))
    profile.read(an_activity(mina, **late))
    profile.read(an_activity(jun, **late))
    profile.read(an_activity(jun, **early))
    assert profile.state(mina) == profile.state(jun) is not None


SUBJECTS = itertools.count()
PICTURES = ("m-1", "m-2", "m-3")
things_done = st.lists(
    st.tuples(
        st.sampled_from(sorted(RULES.gains)),
        st.sampled_from(PICTURES),
        st.sampled_from([None, LEFT, RIGHT]),
        st.integers(-80 * DAY_MS, 0),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(things_done, st.data())
def test_everything_twice_in_shuffled_batches_gives_the_same_bytes_as_once_in_order(profile, done, data):
    """Pictures get their features somewhere on the way, and m-3 is deleted somewhere on the way."""
    orderly, chaotic = (profile.a_person(f"s-{next(SUBJECTS)}") for _ in range(2))
    run = f"{orderly}-"

    def activities(person: str, without: tuple[str, ...] = ()) -> list[Record]:
        return [
            an_activity(person, run + media_id, event_id=f"e-{i}", kind=kind, box=box, at_ms=NOW_MS + after)
            for i, (kind, media_id, box, after) in enumerate(done)
            if media_id not in without
        ]

    put = {run + m: a_picture(run + m, owner="catalogue", shows=DOG_ON_A_MOUNTAIN) for m in PICTURES}

    def embed(media_id: str) -> Record:
        return an_embedding("catalogue", media_id, purpose=common_pb2.PURPOSE_CATALOGUE)

    deliveries = [*activities(chaotic), *activities(chaotic), *map(embed, put), a_deletion(run + "m-3")]
    shuffled = data.draw(st.permutations(deliveries))
    embedded: set[str] = set()
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        batch, shuffled = shuffled[:size], shuffled[size:]
        for record in batch:  # embed stores features before it tells of them
            if record.topic == topics.MEDIA_EMBEDDED and record.key not in embedded:
                embedded.add(record.key)
                profile.put(put[record.key])
        assert profile.read(*batch) == []

    in_order = sorted(activities(orderly, without=("m-3",)), key=_place)
    for record in in_order:
        assert profile.read(record) == []
    assert profile.state(chaotic) == profile.state(orderly)


def _place(record: Record) -> tuple[int, str]:
    activity = activity_of(record)
    return (activity.occurred_at_ms, activity.event_id)


def test_two_readers_at_once_give_the_same_bytes_as_one(profile):
    """As during a rebalance, when two processes hold the same records for a moment."""
    alone, shared = profile.a_person("alone"), profile.a_person("shared")
    for i in range(8):
        profile.put(a_picture(f"m-{i}", owner="catalogue", shows=DOG_ON_A_MOUNTAIN))

    def activities(person: str) -> list[Record]:
        return [an_activity(person, f"m-{i % 8}", event_id=f"e-{i}", at_ms=NOW_MS - i * DAY_MS) for i in range(24)]

    assert profile.read(*activities(alone)) == []
    batches = [activities(shared)[i : i + 6] for i in (0, 12, 6, 18, 0, 6, 12, 18)]
    with ThreadPoolExecutor(4) as pool:
        assert all(faults == [] for faults in pool.map(lambda batch: profile.read(*batch), batches))
    assert profile.state(shared) == profile.state(alone) is not None


def test_a_change_of_the_rules_folds_again(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person, shows=[("beagle", 0.8)]))
    profile.read(an_activity(person))
    profile.rules = core.Rules({**RULES.gains, pb.ACTIVITY_KIND_SAVED: 0.5}, RULES.half_life_ms, RULES.space)
    assert profile.interests(person) == pytest.approx({"dogs": 0.4, "pets": 0.4}, rel=1e-3)


# What is taken out again


def test_a_deleted_picture_was_never_seen(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    for media_id in ("m-1", "m-2"):
        profile.put(a_picture(media_id, owner="catalogue"))
    profile.read(an_activity(mina, "m-1", event_id="a"), an_activity(mina, "m-2", event_id="b"))
    profile.read(an_activity(jun, "m-1", event_id="a"))
    profile.read(a_deletion("m-2"))
    assert profile.state(mina) == profile.state(jun) is not None


def test_an_activity_that_arrives_after_its_picture_was_deleted_is_dropped(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(a_deletion(), an_activity(person))
    assert profile.rows() == []


def test_the_deletion_of_the_only_picture_leaves_nothing(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person), a_deletion(), a_deletion())
    assert profile.state(person) is None
    assert profile.rows() == []


def test_each_days_first_fold_drops_what_is_older_than_ninety_days(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person, event_id="old", at_ms=NOW_MS - 89 * DAY_MS))
    profile.now_ms += 2 * DAY_MS
    profile.read(an_activity(person, event_id="new", at_ms=profile.now_ms))
    assert profile.rows() == [("new", False)]
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=1e-3)


def test_an_event_older_than_ninety_days_never_enters(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person, at_ms=NOW_MS - 92 * DAY_MS))
    assert profile.rows() == []


# Failures on the way


def test_a_crash_between_the_row_and_its_fold_is_healed_by_redelivery(profile, monkeypatch):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    with monkeypatch.context() as broken:
        broken.setattr(encoding, "encode_state", _fail)
        with pytest.raises(RuntimeError):
            profile.read(an_activity(person))
    assert profile.rows() == [("e-1", True)]
    profile.read(an_activity(person))
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=1e-3)


def _fail(*_):
    raise RuntimeError("the process ends here")


def test_damaged_features_leave_the_row_waiting_and_are_a_fault_of_that_record_alone(profile):
    person = profile.a_person()
    profile.objects.put(keys.features_key(TENANT, "m-1", "tiny-8-v1"), b"\xff\xff")
    profile.put(a_picture("m-2", owner=person))
    [(_, error)] = profile.read(an_activity(person, "m-1", event_id="a"), an_activity(person, "m-2", event_id="b"))
    assert "cannot be read" in str(error)
    assert profile.rows() == [("a", True), ("b", False)]
    assert "dogs" in profile.interests(person)


# Trying, unsaving, many at once


def test_the_picture_of_what_was_made_is_kept_with_its_row_until_it_is_deleted(profile):
    person = profile.a_person()
    event = UserActivity(
        event_id="tried",
        tenant=TENANT,
        person_id=person,
        kind=pb.ACTIVITY_KIND_TRIED,
        media_id="m-1",
        result_media_id="m-made",
        occurred_at_ms=NOW_MS,
    )
    profile.put(a_picture(owner=person))
    assert profile.read(a_record(topics.USER_ACTIVITY, person, event.SerializeToString())) == []
    assert _results(profile) == ["m-made"]
    profile.read(a_deletion("m-made"))
    assert _results(profile) == [""]
    assert profile.interests(person)["dogs"] == pytest.approx(1.5 * 0.9, rel=1e-3)


def _results(profile) -> list[str]:
    with reading(profile.engine) as c:
        return list(c.execute(select(tables.JOURNAL.c.result_media_id)).scalars())


def test_unsaving_leaves_what_never_saving_would_have(profile):
    mina, jun = profile.a_person("mina"), profile.a_person("jun")
    profile.put(a_picture(owner="catalogue"), a_picture("m-2", owner="catalogue"))
    unsaved = {"event_id": "u", "kind": pb.ACTIVITY_KIND_UNSAVED, "at_ms": NOW_MS + 2}
    profile.read(an_activity(mina), an_activity(mina, "m-2", event_id="e-2", at_ms=NOW_MS + 1))
    profile.read(an_activity(mina, **unsaved))
    profile.read(an_activity(jun, "m-2", event_id="e-2", at_ms=NOW_MS + 1), an_activity(jun, **unsaved))
    assert profile.state(mina) == profile.state(jun) is not None


def test_rows_without_vectors_still_fold(profile):
    """As they were kept before vectors were."""
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    with profile.engine.begin() as c:
        c.execute(update(tables.JOURNAL).values(vectors=None, space=None))
        c.execute(tables.STATES.delete())
    assert profile.interests(person)["dogs"] == pytest.approx(0.9, rel=1e-3)
    assert profile.journal.state_of(TENANT, person).clusters.each == ()


def test_an_import_that_arrives_a_little_out_of_order_folds_few_rows_again(profile, monkeypatch):
    monkeypatch.setattr(journal, "CHECKPOINT_ROWS", 32)
    orderly, late = profile.a_person("orderly"), profile.a_person("late")
    profile.put(*(a_picture(f"m-{n}", owner="catalogue") for n in range(3)))
    rows, batch = 600, 30

    def uploads(person: str) -> list[Record]:
        return [
            an_activity(person, f"m-{n % 3}", event_id=f"e-{n:03}", at_ms=NOW_MS - n * 1000) for n in range(rows, 0, -1)
        ]

    assert profile.read(*uploads(orderly)) == []
    folded: list[int] = []
    fold = core.fold
    monkeypatch.setattr(
        core, "fold", lambda state, some, rules: (folded.append(len(some)), fold(state, some, rules))[1]
    )
    records = uploads(late)
    rng = random.Random(1)
    shuffled = [records[n] for n in sorted(range(rows), key=lambda n: n + rng.uniform(0, 20))]
    for start in range(0, rows, batch):
        assert profile.read(*shuffled[start : start + batch]) == []
    assert profile.state(late) == profile.state(orderly) is not None
    assert sum(folded) < 5 * rows  # from the start for every batch, it would be over ten times
