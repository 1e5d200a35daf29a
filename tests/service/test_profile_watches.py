"""Watches as profile keeps them: one a crop, ended with their picture, told by the outbox, met once an item."""

from __future__ import annotations

import pytest
from profile_builders import LEFT, NOW_MS, RIGHT, TENANT, a_deletion, a_picture, a_profile, a_record
from sqlalchemy import func, select

from nungil.api.profile.v1.events_pb2 import WatchChanged
from nungil.api.search.v1.events_pb2 import WatchMatched
from nungil.commerce import UnknownCurrency, UnknownMarket
from nungil.database.open import reading
from nungil.event_log import topics
from nungil.pictures.boxes import WHOLE, Box, InvalidBox
from services.profile.errors import (
    InvalidMatch,
    InvalidWatch,
    NoSuchPicture,
    NoSuchWatch,
    PictureNotKept,
    TooManyWatches,
    UnknownPerson,
)
from services.profile.store import tables
from services.profile.watches import MATCHES_KEPT, Crop

IN_KOREA = Crop("m-1", market="KR", currency="KRW", max_price_minor=30_000)


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def mina(profile):
    mina = profile.a_person()
    profile.put(a_picture(owner=mina, shows={LEFT: [("golden_retriever", 0.9)], RIGHT: [("alp", 0.8)]}))
    return mina


def told(profile):
    """What waits to be published: the event, or None for a tombstone, by the watch's key."""
    with reading(profile.engine) as c:
        rows = c.execute(tables.OUTBOX.select().order_by(tables.OUTBOX.c.id)).all()
    assert {row.topic for row in rows} <= {topics.WATCH_CHANGED}
    return [(row.key, None if row.value is None else WatchChanged.FromString(row.value)) for row in rows]


def a_match(person_id, watch_id, item_id="i-1", *, tenant=TENANT, at_ms=NOW_MS + 1, **of):
    event = WatchMatched(
        event_id=f"{watch_id}/{item_id}",
        tenant=tenant,
        person_id=person_id,
        watch_id=watch_id,
        item_id=item_id,
        media_id="m-item",
        score=0.75,
        occurred_at_ms=at_ms,
    )
    for name, value in of.items():
        setattr(event, name, value)
    return a_record(topics.WATCH_MATCHED, person_id, event.SerializeToString())


def matches(profile, person_id):
    return [[m.item_id for m in watch.matches] for watch in profile.watches.of(TENANT, person_id)]


def test_a_watch_is_kept_with_its_crop_and_told_with_ids_alone(profile, mina):
    watch, created, clipped = profile.watches.create(TENANT, mina, IN_KOREA, LEFT)
    assert (created, clipped) == (True, False)
    assert (watch.crop.box, watch.crop.market, watch.created_at_ms) == (LEFT, "KR", NOW_MS)
    assert profile.watches.of(TENANT, mina) == [watch]
    [(key, event)] = told(profile)
    assert key == f"{TENANT}/{watch.watch_id}"
    assert (event.tenant, event.person_id, event.watch.watch_id) == (TENANT, mina, watch.watch_id)
    assert (event.watch.media_id, event.watch.box.width, event.watch.max_price_minor) == ("m-1", 0.5, 30_000)


def test_the_same_crop_under_the_same_conditions_is_one_watch(profile, mina):
    first, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, LEFT)
    nearly = Box(0.00001, 0.0, 0.5, 1.0)
    assert profile.watches.create(TENANT, mina, IN_KOREA, nearly) == (first, False, False)
    assert len(told(profile)) == 1
    for other in (Crop("m-1", market="US"), Crop("m-1")):
        assert profile.watches.create(TENANT, mina, other, LEFT)[1]
    assert profile.watches.create(TENANT, mina, IN_KOREA, None)[0].crop.box == WHOLE
    assert len(profile.watches.of(TENANT, mina)) == 4


def test_a_box_that_leaves_the_picture_is_clipped_and_said_so(profile, mina):
    watch, _, clipped = profile.watches.create(TENANT, mina, IN_KOREA, Box(-0.5, 0.0, 1.0, 1.0))
    assert clipped
    assert watch.crop.box == LEFT


@pytest.mark.parametrize(
    ("asked", "box", "error"),
    [
        (Crop("m-1", market="Korea"), None, UnknownMarket),
        (Crop("m-1", currency="WON"), None, UnknownCurrency),
        (Crop("m-1", max_price_minor=100), None, InvalidWatch),
        (Crop("m-1", currency="KRW", max_price_minor=-1), None, InvalidWatch),
        (Crop("m-1"), Box(2.0, 0.0, 1.0, 1.0), InvalidBox),
        (Crop("m-1"), Box(0.0, 0.0, 0.0, 1.0), InvalidBox),
        (Crop("m-1"), Box(float("nan"), 0.0, 1.0, 1.0), InvalidBox),
        (Crop("unknown"), None, NoSuchPicture),
        (Crop("../m-1"), None, NoSuchPicture),
        (Crop(""), None, NoSuchPicture),
    ],
)
def test_what_cannot_be_watched_is_refused_and_nothing_is_told(profile, mina, asked, box, error):
    with pytest.raises(error):
        profile.watches.create(TENANT, mina, asked, box)
    assert told(profile) == []


def test_a_picture_that_is_only_searched_with_must_be_kept_first(profile, mina):
    profile.put(a_picture("m-2", owner=mina), transient=True)
    with pytest.raises(PictureNotKept, match="keep it first"):
        profile.watches.create(TENANT, mina, Crop("m-2"), None)
    profile.put(a_picture("m-2", owner=mina))
    assert profile.watches.create(TENANT, mina, Crop("m-2"), None)[1]


def test_a_picture_of_the_catalogue_can_be_watched_and_another_persons_cannot(profile, mina):
    juno = profile.a_person("juno")
    profile.put(a_picture("m-2", owner="catalogue"))
    assert profile.watches.create(TENANT, juno, Crop("m-2"), None)[1]
    for transient in (True, False):
        profile.put(a_picture("m-3", owner=mina), transient=transient)
        with pytest.raises(NoSuchPicture):
            profile.watches.create(TENANT, juno, Crop("m-3"), None)


def test_another_tenant_sees_neither_the_picture_nor_the_watch(profile, mina):
    watch, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, None)
    stranger = profile.identify("elsewhere", "mina")
    for person_id in (stranger, mina):
        with pytest.raises((NoSuchPicture, UnknownPerson)):
            profile.watches.create("elsewhere", person_id, IN_KOREA, None)
        with pytest.raises(NoSuchWatch):
            profile.watches.delete("elsewhere", person_id, watch.watch_id)
    assert profile.watches.of("elsewhere", stranger) == []
    profile.read(a_match(mina, watch.watch_id, tenant="elsewhere"))
    assert matches(profile, mina) == [[]]


def test_a_person_has_so_many_watches_at_most(profile, mina):
    profile.most_watches = 2
    first, _, _ = profile.watches.create(TENANT, mina, Crop("m-1"), LEFT)
    profile.watches.create(TENANT, mina, Crop("m-1"), RIGHT)
    with pytest.raises(TooManyWatches, match="2 watches"):
        profile.watches.create(TENANT, mina, Crop("m-1"), None)
    assert profile.watches.create(TENANT, mina, Crop("m-1"), LEFT)[0] == first
    profile.watches.delete(TENANT, mina, first.watch_id)
    assert profile.watches.create(TENANT, mina, Crop("m-1"), None)[1]


def test_a_watch_that_is_deleted_is_gone_with_what_was_found_and_leaves_a_tombstone(profile, mina):
    watch, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, None)
    profile.read(a_match(mina, watch.watch_id))
    with pytest.raises(NoSuchWatch):
        profile.watches.delete(TENANT, profile.a_person("juno"), watch.watch_id)
    profile.watches.delete(TENANT, mina, watch.watch_id)
    assert profile.watches.of(TENANT, mina) == []
    assert told(profile)[-1] == (f"{TENANT}/{watch.watch_id}", None)
    with pytest.raises(NoSuchWatch):
        profile.watches.delete(TENANT, mina, watch.watch_id)
    assert profile.read(a_match(mina, watch.watch_id, "i-2")) == []
    with reading(profile.engine) as c:
        assert c.execute(select(func.count()).select_from(tables.WATCH_MATCHES)).scalar_one() == 0


def test_every_watch_of_a_deleted_picture_ends_and_none_can_begin(profile, mina):
    juno = profile.a_person("juno")
    profile.put(a_picture("m-2", owner="catalogue"))
    ended = [profile.watches.create(TENANT, who, Crop("m-2"), None)[0].watch_id for who in (mina, juno)]
    stays, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, None)
    profile.read(a_deletion("m-2"), a_deletion("m-2"))
    assert profile.watches.of(TENANT, juno) == []
    assert profile.watches.of(TENANT, mina) == [stays]
    tombstones = [key for key, event in told(profile) if event is None]
    assert sorted(tombstones) == sorted(f"{TENANT}/{watch_id}" for watch_id in ended)
    with pytest.raises(NoSuchPicture):
        profile.watches.create(TENANT, mina, Crop("m-2"), None)


def test_a_match_counts_once_however_often_it_is_delivered(profile, mina):
    watch, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, None)
    first, second = a_match(mina, watch.watch_id, "i-1"), a_match(mina, watch.watch_id, "i-2", at_ms=NOW_MS + 2)
    assert profile.read(first, second, first) == []
    assert profile.read(second, a_match(mina, watch.watch_id, "i-1", at_ms=NOW_MS + 9)) == []
    assert matches(profile, mina) == [["i-2", "i-1"]]
    [newest, _] = profile.watches.of(TENANT, mina)[0].matches
    assert (newest.media_id, newest.score, newest.matched_at_ms) == ("m-item", 0.75, NOW_MS + 2)


def test_of_many_matches_the_newest_are_kept(profile, mina):
    watch, _, _ = profile.watches.create(TENANT, mina, IN_KOREA, None)
    many = [a_match(mina, watch.watch_id, f"i-{n}", at_ms=NOW_MS + n) for n in range(MATCHES_KEPT + 3)]
    profile.read(*many)
    profile.read(many[0])
    assert matches(profile, mina) == [[f"i-{n}" for n in reversed(range(3, MATCHES_KEPT + 3))]]


@pytest.mark.parametrize("of", [{"watch_id": ""}, {"item_id": ""}, {"tenant": ""}, {"occurred_at_ms": 0}])
def test_a_record_that_is_no_match_is_put_away(profile, mina, of):
    [(_, error)] = profile.read(a_match(mina, **{"watch_id": "w-1", **of}))
    assert isinstance(error, InvalidMatch)
    [(_, error)] = profile.read(a_record(topics.WATCH_MATCHED, mina, b"\xff"))
    assert isinstance(error, InvalidMatch)


def test_crops_that_nothing_was_found_for_are_told_by_what_they_show_and_name_nobody(profile, mina):
    juno = profile.a_person("juno")
    profile.put(a_picture("dog", owner="catalogue"), a_picture("alp", owner=juno, shows=[("alp", 0.9)]))
    in_korea = [Crop("m-1", market="KR"), Crop("dog", market="KR"), Crop("dog", market="KR", currency="KRW")]
    watches = [
        profile.watches.create(TENANT, who, crop, LEFT)[0]
        for who, crop in zip((mina, juno, juno), in_korea, strict=True)
    ]
    profile.watches.create(TENANT, juno, Crop("alp", market="KR"), None)
    profile.watches.create(TENANT, mina, Crop("m-1", market="US"), LEFT)
    [group] = profile.watches.unmet(TENANT, 0)
    assert (group.label, group.market, group.watches, group.people) == ("golden_retriever", "KR", 3, 2)
    assert group.score == pytest.approx(0.9, abs=1e-3)
    assert profile.watches.unmet("elsewhere", 0) == []

    profile.read(a_match(mina, watches[0].watch_id))
    assert profile.watches.unmet(TENANT, 0) == []
    profile.least_people = 1
    groups = [(g.label, g.market, g.watches) for g in profile.watches.unmet(TENANT, 0)]
    assert groups == [("golden_retriever", "KR", 2), ("alp", "KR", 1), ("golden_retriever", "US", 1)]
    assert profile.watches.unmet(TENANT, 1)[0].watches == 2
    for limit in (-1, 101):
        with pytest.raises(InvalidWatch):
            profile.watches.unmet(TENANT, limit)


def test_crops_that_show_nothing_with_a_name_are_a_group_without_a_label(profile, mina):
    profile.least_people = 1
    profile.put(a_picture("m-2", owner=mina, shows=[("rug", 0.05)]))
    profile.watches.create(TENANT, mina, Crop("m-2"), None)
    assert [(g.label, g.people) for g in profile.watches.unmet(TENANT, 0)] == [("", 1)]
