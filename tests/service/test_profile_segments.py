"""Segments: who enters and leaves, when, why, and that it is all over when it is asked to be."""

from __future__ import annotations

import json
import threading

import pytest
from profile_builders import DAY_MS, MINUTE_MS, TENANT, a_deletion
from segment_builders import DOGS, FOR_ADS, FOR_SEGMENTS, HALF_MS, a_definition, a_segmented_profile
from sqlalchemy import event, select

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1 import segments_pb2
from nungil.database.open import reading
from services.profile.core import Entry
from services.profile.handlers.erasing import Erase
from services.profile.handlers.exporting import Answer, Export
from services.profile.handlers.segments import MySegments
from services.profile.rpc.segments import SegmentServicer
from services.profile.segments.errors import NoSuchSegment, NothingToPublish, RefusedSegment, TooManySegments
from services.profile.store import membership_rows, people_rows, segments_rows, tables
from services.profile.watches import Crop


@pytest.fixture
def profile(tmp_path):
    with a_segmented_profile(tmp_path) as profile:
        yield profile


def say(profile, person_id: str, kind: int, interest: str) -> None:
    profile.now_ms += 1
    profile.journal.correct(TENANT, person_id, Entry(f"said-{profile.now_ms}", kind, "", profile.now_ms, (), interest))


def test_who_shows_enough_enters_with_the_event_and_is_told_why(profile):
    mina = profile.a_member()
    profile.publish("dog-people", DOGS)
    profile.saves(mina, "m-1", "beagle")
    assert profile.kept(mina) == set()
    profile.saves(mina, "m-2", "golden_retriever")
    assert profile.kept(mina) == {"dog-people"}
    mine = profile.of(mina)["dog-people"]
    assert mine.since_ms == profile.now_ms
    assert set(mine.explanation.media_ids) == {"m-1", "m-2"}
    assert mine.explanation.why.en == (
        "You are in it as your pictures say that you care for dogs (1.8 pictures' worth; 0.5 keep you in it)."
    )
    assert mine.explanation.why.ko == "사진에 나타난 ‘개’ 관심(1.8장어치, 유지 기준 0.5) 때문입니다."
    assert "mute dogs" in mine.explanation.ends.en
    assert "‘개’ 관심사 숨기기를 하면 바로 끝납니다" in mine.explanation.ends.ko


@pytest.mark.parametrize(
    "who",
    [
        DOGS,
        {"label": "beagle", "images": 2, "within_days": 20},
        {"activity": "saved", "times": 2, "within_days": 10},
        {
            "all": [
                DOGS,
                {"any": [{"activity": "saved", "times": 1, "within_days": 5}, {"label": "beagle", "within_days": 8}]},
            ]
        },
    ],
)
def test_the_stated_moment_is_when_it_ends_and_not_a_millisecond_earlier(profile, who):
    mina = profile.a_member()
    profile.publish("a", who)
    for n in range(3):
        profile.now_ms += MINUTE_MS
        profile.saves(mina, f"m-{n}", "beagle")
    ends_ms = profile.of(mina)["a"].explanation.ends_at_ms
    assert ends_ms is not None
    profile.now_ms = ends_ms - 1
    profile.segments.settle_due()
    assert profile.kept(mina) == set(profile.of(mina)) == {"a"}
    profile.now_ms = ends_ms
    assert profile.of(mina) == {}
    with reading(profile.engine) as c:  # before the timer was looked at
        assert profile.segments.segments_of(c, TENANT, mina, ends_ms - 1) == {"a"}
        assert profile.segments.segments_of(c, TENANT, mina, ends_ms) == frozenset()
    assert profile.segments.settle_due() == 1
    assert profile.kept(mina) == set()
    assert profile.timers(mina) == {}


def test_evidence_that_came_since_moves_the_end_and_an_early_look_changes_nothing(profile):
    mina = profile.a_member()
    profile.publish("dog-people", DOGS)
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    first_ms = profile.timers(mina)["dog-people"]
    profile.now_ms += 10 * DAY_MS
    profile.saves(mina, "m-3", "beagle")
    later_ms = profile.of(mina)["dog-people"].explanation.ends_at_ms
    assert first_ms < later_ms
    profile.now_ms = first_ms
    assert profile.segments.settle_due() == 1
    assert (profile.kept(mina), profile.timers(mina)) == ({"dog-people"}, {"dog-people": later_ms})


def test_between_the_thresholds_nobody_enters_and_nobody_leaves(profile):
    mina, jun = profile.a_member("mina"), profile.a_member("jun")
    profile.publish("dog-people", DOGS)
    for media_id in ("m-1", "m-2"):
        profile.saves(mina, media_id, "beagle")
    profile.saves(jun, "m-3", "beagle")
    for _ in range(6):
        profile.now_ms += 10 * DAY_MS
        profile.saves(mina, f"n-{profile.now_ms}", "tabby")
        profile.saves(jun, f"o-{profile.now_ms}", "tabby")
        assert 0.5 < profile.interests(mina)["dogs"] < 1.8
        assert (profile.kept(mina), profile.kept(jun)) == ({"dog-people"}, set())


def test_what_must_not_be_lets_in_by_the_clock_when_it_has_passed(profile):
    mina = profile.a_member()
    profile.publish("a", {"all": [DOGS, {"not": {"activity": "bought", "within_days": 7}}]})
    profile.saves(mina, "m-1", "beagle", kind=pb.ACTIVITY_KIND_BOUGHT)
    profile.saves(mina, "m-2", "beagle")
    assert profile.kept(mina) == set()
    profile.now_ms += 7 * DAY_MS
    assert profile.segments.settle_due() == 1
    assert profile.kept(mina) == {"a"}


def test_deleting_a_picture_ends_what_it_alone_bore_and_takes_it_out_of_every_because(profile):
    mina = profile.a_member()
    profile.publish("beagles", {"label": "beagle", "images": 2})
    profile.publish("dogs-at-all", {"interest": "dogs", "weight": 0.5})
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    assert profile.kept(mina) == {"beagles", "dogs-at-all"}
    profile.read(a_deletion("m-1"))
    assert profile.kept(mina) == {"dogs-at-all"}
    with reading(profile.engine) as c:
        assert membership_rows.memberships(c, TENANT, mina)["dogs-at-all"].because == ("m-2",)


@pytest.mark.parametrize("purpose", [pb.CONSENT_PURPOSE_PERSONALISE, pb.CONSENT_PURPOSE_IMAGE_INTEREST])
def test_withdrawing_either_consent_ends_all_at_once(profile, purpose):
    mina = profile.a_member()
    profile.publish("dog-people", DOGS)
    profile.publish("followers", {"follows": "dogs"})
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_FOLLOWED, "dogs")
    assert profile.kept(mina) == {"dog-people", "followers"}
    profile.consents.set(TENANT, mina, purpose, False)
    assert (profile.kept(mina), profile.timers(mina), profile.of(mina)) == (set(), {}, {})
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_FOLLOWED, "cats")
    assert profile.kept(mina) == set()


def test_giving_the_consent_again_lets_in_at_once_where_the_evidence_is_still_there(profile):
    mina = profile.a_member()
    profile.publish("dog-people", DOGS)
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_PERSONALISE, False)
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_PERSONALISE, True)
    assert profile.kept(mina) == {"dog-people"}


@pytest.mark.parametrize("interest", ["dogs", "pets"])
def test_the_deed_that_is_said_to_end_it_ends_it(profile, interest):
    mina = profile.a_member()
    profile.publish("a", {"interest": interest, "weight": 1.0})
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    [deed] = profile.of(mina)["a"].explanation.deeds
    assert (deed.kind, deed.targets) == ("mute", (interest,))
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_MUTED, interest)
    assert profile.kept(mina) == set()


def test_where_one_deed_is_not_enough_all_that_are_needed_are_said(profile):
    mina = profile.a_member()
    profile.publish("a", {"any": [{"interest": "dogs", "weight": 0.5}, {"follows": "cats"}, {"activity": "saved"}]})
    profile.saves(mina, "m-1", "beagle")
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_FOLLOWED, "cats")
    told = profile.of(mina)["a"].explanation
    assert [(deed.kind, deed.targets) for deed in told.deeds] == [
        ("mute", ("dogs",)), ("unfollow", ("cats",)), ("delete_pictures", ("m-1",)),
    ]  # fmt: skip
    assert told.ends_at_ms is None  # a follow does not fade
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_MUTED, "dogs")
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_UNFOLLOWED, "cats")
    assert profile.kept(mina) == {"a"}
    profile.read(a_deletion("m-1"))
    assert profile.kept(mina) == set()


def test_the_market_of_what_a_person_waits_for_counts_while_they_wait(profile):
    mina = profile.a_member()
    profile.publish("buys-in-korea", {"all": [{"market": "KR"}, {"interest": "dogs", "weight": 0.5}]})
    profile.saves(mina, "m-1", "beagle")
    assert profile.kept(mina) == set()
    watch, _, _ = profile.watches.create(TENANT, mina, Crop("m-1", market="KR"), None)
    assert profile.kept(mina) == {"buys-in-korea"}
    profile.watches.delete(TENANT, mina, watch.watch_id)
    assert profile.kept(mina) == set()


def test_who_states_it_and_ticks_segments_enters_at_once_and_is_told_so_in_both_languages(profile):
    mina = profile.a_member()
    profile.publish("a", {"stated": {"age_band": ["20s", "30s"]}})
    assert profile.kept(mina) == set()
    profile.states(mina, age_band="20s")
    assert profile.kept(mina) == {"a"}
    told = profile.of(mina)["a"].explanation
    assert told.why.en == "You are in it as you say yourself that your age band is 20s."
    assert told.why.ko == "직접 밝힌 나이대(20대) 때문입니다."
    assert told.ends.en.startswith(
        "It does not end by itself; it ends at once if you take back your age band (or stop its use for groups). So does"
    )
    assert "직접 밝힌 나이대 지우기(또는 ‘그룹’에 쓰기 끄기)를 하면 바로 끝납니다." in told.ends.ko
    assert (told.media_ids, told.ends_at_ms) == ((), None)
    assert [(deed.kind, deed.targets) for deed in told.deeds] == [("take_back", ("age_band",))]


def unticks(profile, person_id: str) -> None:
    profile.states(person_id, FOR_ADS, age_band="20s")


def says_nothing(profile, person_id: str) -> None:
    profile.states(person_id)


def says_otherwise(profile, person_id: str) -> None:
    profile.states(person_id, age_band="40s")


def deletes_all(profile, person_id: str) -> None:
    profile.abouts.delete(TENANT, person_id)


@pytest.mark.parametrize("takes_back", [unticks, says_nothing, says_otherwise, deletes_all])
def test_who_takes_it_back_leaves_at_once_but_not_what_holds_without_it(profile, takes_back):
    mina = profile.a_member()
    profile.publish("a", {"stated": {"age_band": ["20s", "30s"]}})
    profile.publish("b", {"any": [{"follows": "dogs"}, {"stated": {"age_band": "20s"}}]})
    say(profile, mina, pb.ACTIVITY_KIND_INTEREST_FOLLOWED, "dogs")
    profile.states(mina, age_band="20s")
    assert profile.kept(mina) == {"a", "b"}
    assert [deed.kind for deed in profile.of(mina)["b"].explanation.deeds] == ["unfollow", "take_back"]
    takes_back(profile, mina)
    assert profile.kept(mina) == set(profile.of(mina)) == {"b"}
    assert [deed.kind for deed in profile.of(mina)["b"].explanation.deeds] == ["unfollow"]


def test_who_states_it_for_something_else_is_not_let_in(profile):
    mina = profile.a_member()
    profile.publish("a", {"stated": {"age_band": "20s"}})
    profile.states(mina, FOR_ADS, age_band="20s")
    assert profile.kept(mina) == set()
    profile.states(mina, FOR_ADS, FOR_SEGMENTS, age_band="20s")
    assert profile.kept(mina) == {"a"}


@pytest.mark.parametrize("said", [{"hair": "curly"}, {"skin_type": "dry"}])
def test_hair_and_skin_count_while_the_consent_to_tips_on_appearance_is_given_and_age_without_it(profile, said):
    mina, tips = profile.a_member(), pb.CONSENT_PURPOSE_APPEARANCE_TIPS
    profile.publish("looks", {"stated": said})
    profile.publish("others", {"stated": {"age_band": "20s"}})
    profile.states(mina, age_band="20s", **said)
    assert profile.kept(mina) == {"others"}
    profile.consents.set(TENANT, mina, tips, True)
    assert profile.kept(mina) == {"looks", "others"}
    profile.consents.set(TENANT, mina, tips, False)
    assert profile.kept(mina) == set(profile.of(mina)) == {"others"}


def test_a_not_over_what_is_stated_lets_in_who_states_another_word_and_nobody_who_says_nothing(profile):
    people = {said: profile.a_member(said) for said in ("woman", "man", "silent", "unticked")}
    profile.publish("a", {"all": [{"interest": "dogs", "weight": 0.5}, {"not": {"stated": {"gender": "woman"}}}]})
    for said, person_id in people.items():
        profile.saves(person_id, f"m-{said}", "beagle")
        if said in ("woman", "man"):
            profile.states(person_id, gender=said)
    profile.states(people["unticked"], FOR_ADS, gender="man")
    assert {said for said, person_id in people.items() if profile.kept(person_id)} == {"man"}
    assert "your gender is man" in profile.of(people["man"])["a"].explanation.why.en
    profile.abouts.delete(TENANT, people["man"])
    assert profile.kept(people["man"]) == set()


def test_what_is_published_finds_those_who_stated_it_before_and_a_dry_run_counts_them(profile):
    people = [profile.a_member(f"p-{n}") for n in range(4)]
    for person_id in people[:3]:
        profile.states(person_id, age_band="20s")
    profile.states(people[3], FOR_ADS, age_band="20s")
    profile.manage.put(TENANT, "a", a_definition({"stated": {"age_band": "20s"}}))
    tried = profile.manage.dry_run(TENANT, "a")
    assert (tried.size.at_least, tried.size.below) == (2, 4)
    assert not any(profile.kept(person_id) for person_id in people)
    profile.manage.publish(TENANT, "a")
    profile.apply()
    assert [profile.kept(person_id) for person_id in people] == [{"a"}, {"a"}, {"a"}, set()]


@pytest.mark.parametrize("purpose", [pb.CONSENT_PURPOSE_PERSONALISE, pb.CONSENT_PURPOSE_IMAGE_INTEREST])
def test_without_either_consent_what_is_stated_lets_nobody_in(profile, purpose):
    mina = profile.a_member()
    profile.publish("a", {"stated": {"age_band": "20s"}})
    profile.states(mina, age_band="20s")
    profile.consents.set(TENANT, mina, purpose, False)
    assert profile.kept(mina) == set()
    profile.states(mina, age_band="20s", gender="woman")
    assert (profile.kept(mina), profile.of(mina)) == (set(), {})


def test_a_change_of_what_is_stated_reads_nothing_where_no_segment_names_it(profile):
    mina = profile.a_member()
    profile.publish("dog-people", DOGS)
    read: list[str] = []
    event.listen(profile.engine, "before_cursor_execute", lambda *args: read.append(args[2]))
    profile.states(mina, age_band="20s")
    profile.saves(mina, "m-1", "beagle")
    assert not [statement for statement in read if statement.startswith("SELECT abouts")]
    profile.publish("a", {"stated": {"age_band": "20s"}})
    assert [statement for statement in read if statement.startswith("SELECT abouts")]


def test_publishing_applies_to_those_who_do_nothing_and_keeps_the_old_version(profile):
    people = [profile.a_member(f"p-{n}") for n in range(3)]
    for n, person_id in enumerate(people):
        for m in range(n + 1):
            profile.saves(person_id, f"m-{n}-{m}", "beagle")
    profile.publish("a", {"interest": "dogs", "weight": 1.5})
    assert [profile.kept(person_id) for person_id in people] == [set(), {"a"}, {"a"}]
    profile.manage.put(TENANT, "a", a_definition({"interest": "dogs", "weight": 2.5, "leave_below": 2.0}))
    assert profile.kept(people[1]) == {"a"}  # a draft changes nothing
    profile.manage.publish(TENANT, "a")
    assert profile.manage.of(TENANT, "a").row.spreading
    profile.apply()
    assert [profile.kept(person_id) for person_id in people] == [set(), set(), {"a"}]
    told = profile.manage.of(TENANT, "a")
    assert not told.row.spreading
    assert [(one.version, bool(one.published_at_ms)) for one in told.versions] == [(2, True), (1, True)]


def test_what_was_being_applied_when_the_process_died_is_applied_from_there(profile, monkeypatch):
    monkeypatch.setattr("services.profile.segmenting.PAGE", 2)
    people = [profile.a_member(f"p-{n}") for n in range(5)]
    for n, person_id in enumerate(people):
        profile.saves(person_id, f"m-{n}", "beagle")
    profile.manage.put(TENANT, "a", a_definition({"interest": "dogs", "weight": 0.5}))
    profile.manage.publish(TENANT, "a")
    assert profile.segments.spread_some() == 2
    assert sum(bool(profile.kept(person_id)) for person_id in people) == 2
    profile.apply()
    assert all(profile.kept(person_id) for person_id in people)


def test_a_dry_run_tells_a_band_and_changes_nothing(profile):
    for n in range(5):
        profile.saves(profile.a_member(f"p-{n}"), f"m-{n}", "beagle" if n < 3 else "tabby")
    profile.a_person("who-did-not-consent-to-personalisation")
    profile.manage.put(TENANT, "a", a_definition({"interest": "dogs", "weight": 0.5}))
    tried = profile.manage.dry_run(TENANT, "a")
    assert (tried.size.at_least, tried.size.below) == (2, 4)
    assert (tried.of.at_least, tried.of.below) == (4, 20)
    with reading(profile.engine) as c:
        assert c.execute(select(membership_rows.MEMBERSHIPS)).first() is None


def test_a_small_size_is_never_told(profile):
    profile.smallest = 50
    for n in range(3):
        profile.saves(profile.a_member(f"p-{n}"), f"m-{n}", "beagle")
    profile.publish("a", {"interest": "dogs", "weight": 0.5})
    told = profile.manage.all(TENANT)[0]
    assert (told.size.at_least, told.size.below) == (0, 50)


def test_deleting_a_segment_ends_every_membership(profile):
    mina = profile.a_member()
    profile.publish("a", {"interest": "dogs", "weight": 0.5})
    profile.saves(mina, "m-1", "beagle")
    profile.manage.delete(TENANT, "a")
    assert (profile.kept(mina), profile.timers(mina), profile.of(mina)) == (set(), {}, {})
    with pytest.raises(NoSuchSegment):
        profile.manage.of(TENANT, "a")


def test_what_is_asked_wrongly_is_answered_clearly(profile):
    with pytest.raises(NoSuchSegment):
        profile.manage.publish(TENANT, "nowhere")
    profile.publish("a", DOGS)
    with pytest.raises(NothingToPublish):
        profile.manage.publish(TENANT, "a")
    with pytest.raises(RefusedSegment):
        profile.manage.put(TENANT, "b", a_definition({"label": "pill_bottle"}))
    for n in range(99):
        profile.manage.put(TENANT, f"n-{n}", a_definition(DOGS))
    with pytest.raises(TooManySegments):
        profile.manage.put(TENANT, "one-too-many", a_definition(DOGS))
    assert profile.manage.put(TENANT, "a", a_definition(DOGS)).row.draft == 2


def test_segments_are_their_tenants_own(profile):
    mina = profile.a_member()
    profile.manage.put("another", "a", a_definition({"interest": "dogs", "weight": 0.5}))
    profile.manage.publish("another", "a")
    profile.apply()
    profile.saves(mina, "m-1", "beagle")
    assert profile.kept(mina) == set()
    with pytest.raises(NoSuchSegment):
        profile.manage.of(TENANT, "a")


def test_an_erased_person_leaves_nothing_in_segments(profile):
    mina = profile.a_member()
    profile.publish("a", {"interest": "dogs", "weight": 0.5})
    profile.publish("b", {"stated": {"age_band": "20s"}})
    profile.saves(mina, "m-1", "beagle")
    profile.states(mina, age_band="20s")
    assert profile.kept(mina) == {"a", "b"}
    with profile.engine.begin() as c:
        c.execute(tables.PEOPLE.delete().where(tables.PEOPLE.c.person_id == mina))
    with reading(profile.engine) as c:
        assert c.execute(select(membership_rows.MEMBERSHIPS)).all() == []
        assert c.execute(select(membership_rows.SEGMENT_TIMERS)).all() == []
        assert c.execute(select(people_rows.ABOUTS)).all() == []


def test_the_archive_of_a_person_says_what_they_are_in_by_what_they_state_and_erasing_takes_it(profile):
    mina = profile.a_member()
    profile.publish("a", {"stated": {"age_band": "20s"}})
    profile.states(mina, age_band="20s")
    asked = SegmentServicer(profile.manage, MySegments(profile.segments)).GetMySegments
    export = Export(profile.engine, [Answer("segments", asked, segments_pb2.GetMySegmentsRequest)])
    archive: dict[str, bytes] = {}
    name = ""
    for begins, part in export(TENANT, mina):
        name = begins or name
        archive[name] = archive.get(name, b"") + part
    [told] = json.loads(archive["profile/segments.json"])["memberships"]
    assert told["why"]["en"] == "You are in it as you say yourself that your age band is 20s."
    assert told["deeds"] == [{"kind": "KIND_TAKE_BACK_ABOUT", "targets": ["age_band"]}]
    assert [row["segment_id"] for row in json.loads(archive["profile/kept/memberships.json"])] == ["a"]
    Erase(profile.engine, profile.clock, profile.woken)(TENANT, mina)
    with reading(profile.engine) as c:
        assert c.execute(select(membership_rows.MEMBERSHIPS)).all() == []


def test_an_event_reads_the_definitions_once_however_often_it_is_asked(profile):
    mina = profile.a_member()
    profile.publish("a", DOGS)
    profile.saves(mina, "m-1", "beagle")
    read: list[str] = []
    event.listen(profile.engine, "before_cursor_execute", lambda *args: read.append(args[2]))
    profile.saves(mina, "m-2", "beagle")
    assert not [statement for statement in read if "segment_versions" in statement]
    assert profile.kept(mina) == {"a"}


def test_other_rules_for_states_apply_every_segment_anew(profile):
    mina = profile.a_member()
    profile.publish("a", DOGS)
    profile.saves(mina, "m-1", "beagle")
    with profile.engine.begin() as c:
        segments_rows.spread_again(c, profile.segments.rules_of)
        assert segments_rows.to_spread(c) is None
        segments_rows.spread_again(c, lambda tenant: f"others of {tenant}")
        assert segments_rows.to_spread(c) == (TENANT, "a", "")


def test_the_worker_applies_what_is_published_and_ends_what_is_over(profile):
    mina = profile.a_member()
    profile.saves(mina, "m-1", "beagle")
    profile.saves(mina, "m-2", "beagle")
    stop, entered, left = threading.Event(), threading.Event(), threading.Event()

    def seen(*args: object) -> None:
        statement = str(args[2])
        if statement.startswith("INSERT INTO memberships"):
            entered.set()
        if statement.startswith("DELETE FROM memberships"):
            left.set()

    event.listen(profile.engine, "after_cursor_execute", seen)
    thread = threading.Thread(target=profile.segments.work, args=(stop,))
    thread.start()
    try:
        profile.manage.put(TENANT, "a", a_definition(DOGS))
        profile.manage.publish(TENANT, "a")
        assert entered.wait(20)
        profile.now_ms += 3 * HALF_MS
        profile.woken.set()
        assert left.wait(20)
    finally:
        stop.set()
        profile.woken.set()
        thread.join()
    assert profile.kept(mina) == set()
