"""Watches in search: what comes is matched with the crops that people wait for, and told once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from search_builders import (
    DOG,
    JUNO,
    LEFT,
    MINA,
    NOW_MS,
    RIGHT,
    SOFA,
    SPACE,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    delivered,
    item_changed,
    item_deleted,
    like,
)

from nungil.api.common.v1.common_pb2 import PURPOSE_CATALOGUE
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.profile.v1.events_pb2 import WatchChanged
from nungil.api.profile.v1.profile_pb2 import Watch as WatchMessage
from nungil.api.search.v1.events_pb2 import WatchMatched
from nungil.database.open import reading
from nungil.event_log import topics
from nungil.event_log.port import NewRecord
from nungil.object_store import keys
from nungil.object_store.errors import ObjectStoreAway
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.features import box_to_proto
from services.search import store
from services.search.consumer import ReadChanges
from services.search.core import Filters
from services.search.handlers.watches import KeepWatches, MatchItems, StoredPictures, TellMatches
from services.search.watch_consumer import ReadThenMatch, ReadWatches
from services.search.watch_wire import watch_of
from services.search.watches import Watch, Watches, can_be_bought

CUT = 0.5


@dataclass
class Watching:
    """One process of search beside others: its own watches, everybody's stores."""

    search: Search
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        clock = lambda: self.search.now[0]  # noqa: E731
        self.watches, self.pictures = Watches(), StoredPictures(self.search.objects, SPACE.name)
        self.tell = TellMatches(self.search.engine, self.search.log, clock)
        self.keep = KeepWatches(self.watches, self.pictures, self.search.engine, self.search.find, self.tell, CUT)
        self.match = MatchItems(
            self.watches, self.pictures, self.search.engine, self.search.denied, self.tell, clock, CUT
        )
        changes = ReadChanges(self.search.read, self.search.read_pictures)
        self.read = ReadThenMatch(changes, self.match, SPACE.name)
        self.reader = ReadWatches(self.search.log, self.keep, self.stop)

    def follow(self, *records: NewRecord) -> None:
        """Appends, and reads all that was told of watches, as the tail does at a start."""
        self.search.log.append(records)
        thread = threading.Thread(target=self.reader)
        thread.start()
        try:
            self.reader.wait_until_caught_up()
        finally:
            self.stop.set()
            thread.join()
            self.stop.clear()
        assert self.reader.caught_up.is_set()

    def handle(self, *records: NewRecord) -> list[str]:
        """One batch of the group; the reasons of what was refused."""
        return [str(error) for _, error in self.read(delivered(*records))]

    def told(self) -> list[tuple[str, str, str, str]]:
        """Who was told of which watch, item and picture, in order."""
        return [(e.person_id, e.watch_id, e.item_id, e.media_id) for e in self.events()]

    def events(self) -> list[WatchMatched]:
        with self.search.log.tail([topics.WATCH_MATCHED], since="start") as tail:
            records = tail.poll(max_records=1_000, timeout_s=0)
        assert all(record.key == WatchMatched.FromString(record.value or b"").person_id for record in records)
        return [WatchMatched.FromString(record.value or b"") for record in records]


def a_watch(watch_id="w-1", media_id="crop", box=WHOLE, *, person_id=MINA, tenant=TENANT, **of) -> NewRecord:
    message = WatchMessage(watch_id=watch_id, media_id=media_id, box=box_to_proto(box), **({"market": "KR"} | of))
    event = WatchChanged(event_id=f"e-{watch_id}", tenant=tenant, person_id=person_id, watch=message)
    return NewRecord(topics.WATCH_CHANGED, f"{tenant}/{watch_id}", event.SerializeToString())


def an_end(watch_id="w-1", tenant=TENANT) -> NewRecord:
    return NewRecord(topics.WATCH_CHANGED, f"{tenant}/{watch_id}", None)


def read(record: NewRecord) -> Watch:
    _, watch = watch_of(delivered(record)[0])
    assert watch is not None
    return watch


def embedded(media_id: str, *, outcome=MediaEmbedded.OUTCOME_EMBEDDED, space: str = SPACE.name) -> NewRecord:
    event = MediaEmbedded(
        event_id=f"f-{media_id}",
        tenant=TENANT,
        media_id=media_id,
        outcome=outcome,
        owner="catalogue",
        purpose=PURPOSE_CATALOGUE,
        encoder_space=space,
    )
    return NewRecord(topics.MEDIA_EMBEDDED, media_id, event.SerializeToString())


def a_dog_for_sale(item_id="i-1", media_id="dog", **of) -> NewRecord:
    return item_changed(an_item(item_id, media_id, offers=[an_offer(**of)]))


@pytest.fixture
def search(tmp_path):
    with a_search(tmp_path) as search:
        search.put(a_picture("crop", {LEFT: DOG, RIGHT: SOFA}, owner=MINA))
        search.put(a_picture("dog", like(DOG, 0.9)))
        yield search


@pytest.fixture
def watching(search):
    return Watching(search)


def test_an_item_that_looks_like_a_crop_and_can_be_bought_there_is_told(watching):
    watching.follow(a_watch(box=LEFT))
    assert watching.told() == []
    assert watching.handle(a_dog_for_sale()) == []
    [event] = watching.events()
    assert (event.tenant, event.person_id, event.watch_id) == (TENANT, MINA, "w-1")
    assert (event.item_id, event.media_id, event.occurred_at_ms) == ("i-1", "dog", NOW_MS)
    assert event.score == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize(
    ("watch", "offer"),
    [
        (a_watch(box=LEFT), {"market": "US"}),
        (a_watch(box=LEFT), {"in_stock": False}),
        (a_watch(box=LEFT), {"expires_at_ms": NOW_MS}),
        (a_watch(box=LEFT, currency="KRW", max_price_minor=12_000), {}),
        (a_watch(box=LEFT, currency="USD", max_price_minor=20_000), {}),
        (a_watch(box=RIGHT), {}),
    ],
)
def test_what_cannot_be_bought_so_or_looks_otherwise_is_not_told(watching, watch, offer):
    watching.follow(watch)
    watching.handle(a_dog_for_sale(**offer))
    assert watching.told() == []


def test_a_price_that_falls_and_a_stock_that_returns_are_told(watching):
    watching.follow(a_watch(box=LEFT, currency="KRW", max_price_minor=12_000), a_watch("w-2", box=LEFT))
    watching.handle(a_dog_for_sale(in_stock=False))
    assert watching.told() == []
    watching.handle(a_dog_for_sale())
    assert watching.told() == [(MINA, "w-2", "i-1", "dog")]
    watching.handle(a_dog_for_sale(price_minor=12_000))
    assert watching.told() == [(MINA, "w-2", "i-1", "dog"), (MINA, "w-1", "i-1", "dog")]


def test_a_watch_and_an_item_are_told_once_however_often_the_item_is_delivered_or_changes(watching, search):
    watching.follow(a_watch(box=LEFT))
    for price_minor in (12_900, 12_900, 11_000):
        watching.handle(a_dog_for_sale(price_minor=price_minor))
    assert len(watching.events()) == 1
    after_restart = Watching(search)
    after_restart.follow()
    after_restart.handle(a_dog_for_sale())
    assert len(watching.events()) == 1
    after_restart.handle(a_dog_for_sale("i-2"))
    assert [item for _, _, item, _ in watching.told()] == ["i-1", "i-2"]


def test_a_match_that_was_told_before_a_crash_is_told_again_under_the_same_id(watching, search):
    watching.follow(a_watch(box=LEFT))
    watching.handle(a_dog_for_sale())
    with search.engine.begin() as c:  # as where the process died between the event and its note
        c.execute(store.WATCHES_TOLD.delete())
    watching.handle(a_dog_for_sale())
    first, second = watching.events()
    assert first.event_id == second.event_id
    assert len({first.event_id, first.watch_id, first.item_id}) == 3


def test_every_process_knows_every_watch_and_whichever_handles_an_item_tells_it_once(watching, search):
    other = Watching(search)
    watching.follow(a_watch(box=LEFT), a_watch("w-2", box=LEFT, person_id=JUNO))
    other.follow()
    other.handle(a_dog_for_sale())
    watching.handle(a_dog_for_sale())
    assert sorted(watching.told()) == [(JUNO, "w-2", "i-1", "dog"), (MINA, "w-1", "i-1", "dog")]


def test_processes_that_handle_an_item_at_the_same_time_tell_it_once(search):
    processes = [Watching(search) for _ in range(4)]
    search.items(an_item("i-1", "dog", offers=[an_offer()]))
    for process in processes:
        process.watches.put(read(a_watch(box=LEFT)), DOG)
    together = threading.Barrier(len(processes))

    def handle(process: Watching) -> int:
        together.wait()
        return len(process.match([(TENANT, "i-1")], []))

    with ThreadPoolExecutor(len(processes)) as threads:
        assert sum(threads.map(handle, processes)) == 1
    assert processes[0].told() == [(MINA, "w-1", "i-1", "dog")]


def test_what_is_there_already_is_told_of_a_new_watch_and_once(watching, search):
    watching.handle(a_dog_for_sale(), item_changed(an_item("i-2", "dog", offers=[an_offer(market="US")])))
    search.put(a_picture("of-mina", DOG, owner=MINA))
    watching.follow(a_watch(box=LEFT))
    assert watching.told() == [(MINA, "w-1", "i-1", "dog")]
    Watching(search).follow()
    assert len(watching.told()) == 1


def test_a_process_that_learns_of_a_watch_late_looks_for_what_it_handled_before(watching, search):
    late = Watching(search)
    late.follow()
    watching.follow(a_watch(box=LEFT))
    late.handle(a_dog_for_sale())
    assert watching.told() == []
    late.keep.begin(read(a_watch(box=LEFT)))
    late.keep.settle()
    late.keep.look_through()
    assert watching.told() == [(MINA, "w-1", "i-1", "dog")]


def test_an_item_whose_picture_is_embedded_later_is_told_then(watching, search):
    watching.follow(a_watch(box=LEFT))
    watching.handle(a_dog_for_sale(media_id="late"))
    assert watching.told() == []
    search.put(a_picture("late", like(DOG, 0.9)))
    watching.handle(embedded("late", space="other-space"))
    assert watching.told() == []
    watching.handle(embedded("late"))
    assert watching.told() == [(MINA, "w-1", "i-1", "late")]
    watching.handle(embedded("late"))
    assert len(watching.told()) == 1


def test_a_picture_that_is_removed_or_no_items_tells_nothing(watching, search):
    watching.follow(a_watch(box=LEFT))
    watching.handle(embedded("dog"), embedded("dog", outcome=MediaEmbedded.OUTCOME_REMOVED))
    search.denied.deny("dog")
    watching.handle(a_dog_for_sale())
    assert watching.told() == []


def test_a_personal_picture_is_never_an_items(watching, search):
    search.put(a_picture("of-juno", DOG, owner=JUNO))
    watching.follow(a_watch(box=LEFT))
    watching.handle(a_dog_for_sale(media_id="of-juno"))
    assert watching.told() == []


def test_an_item_that_was_deleted_in_the_same_batch_is_not_told(watching):
    watching.follow(a_watch(box=LEFT))
    watching.handle(a_dog_for_sale(), item_deleted("i-1"))
    assert watching.told() == []


def test_a_watch_that_ended_is_matched_no_more_and_nothing_is_remembered_of_it(watching, search):
    watching.follow(a_watch(box=LEFT), a_watch("w-2", box=LEFT))
    watching.handle(a_dog_for_sale())
    assert len(watching.told()) == 2
    after = Watching(search)
    after.follow(an_end("w-1"))
    after.handle(a_dog_for_sale("i-2"))
    assert [watch_id for _, watch_id, _, _ in watching.told()][2:] == ["w-2"]
    with reading(search.engine) as c:
        assert {row.watch_id for row in c.execute(store.WATCHES_TOLD.select())} == {"w-2"}
        assert {row.watch_id for row in c.execute(store.WATCHES_LOOKED.select())} == {"w-2"}


def test_another_tenants_items_match_no_watch_of_ours(watching, search):
    search.put(a_picture("dog", DOG, tenant="other"))
    watching.follow(a_watch(box=LEFT), a_watch("w-2", "dog", tenant="other"))
    watching.handle(item_changed(an_item("i-1", "dog", offers=[an_offer()]), tenant="other"))
    assert watching.told() == [(MINA, "w-2", "i-1", "dog")]
    assert watching.events()[0].tenant == "other"


def test_a_watch_whose_picture_has_no_features_yet_waits_for_them(watching, search):
    watching.follow(a_watch(media_id="unknown"))
    assert watching.keep.waits
    watching.handle(a_dog_for_sale())
    search.put(a_picture("unknown", DOG, owner=MINA))
    watching.keep.settle()
    watching.keep.look_through()
    assert not watching.keep.waits
    assert watching.told() == [(MINA, "w-1", "i-1", "dog")]


def test_features_that_cannot_be_read_hold_nobody_up(watching, search):
    for media_id in ("damaged", "also"):
        search.objects.put(keys.features_key(TENANT, media_id, SPACE.name), b"\xff\xff")
    watching.follow(a_watch("w-0", "damaged"), a_watch(box=LEFT))
    item = an_item("i-1", "also", "dog", offers=[an_offer()])
    assert watching.handle(item_changed(item)) == []
    assert watching.told() == [(MINA, "w-1", "i-1", "dog")]


def test_records_that_are_no_watches_are_passed_over(watching):
    no_person = a_watch("w-3", person_id="")
    wrong_key = NewRecord(topics.WATCH_CHANGED, f"{TENANT}/other", a_watch().value)
    no_event = NewRecord(topics.WATCH_CHANGED, f"{TENANT}/w-4", b"\xff")
    no_box = a_watch("w-5", box=Box(2.0, 0.0, 1.0, 1.0))
    watching.follow(no_person, wrong_key, no_event, no_box, NewRecord(topics.WATCH_CHANGED, "x", None), a_watch())
    assert [watch.watch_id for watch in watching.watches.of(TENANT).watches] == ["w-1"]


def test_a_bad_record_in_a_batch_is_refused_and_the_others_are_matched(watching):
    watching.follow(a_watch(box=LEFT))
    broken = NewRecord(topics.ITEM_CHANGED, f"{TENANT}/i-9", b"\xff")
    refused = watching.handle(broken, NewRecord(topics.MEDIA_EMBEDDED, "x", b"\xff"), a_dog_for_sale())
    assert len(refused) == 2
    assert [item for _, _, item, _ in watching.told()] == ["i-1"]


def test_while_the_object_store_is_away_nothing_is_lost(watching, search, monkeypatch):
    watching.follow(a_watch(box=LEFT))
    with monkeypatch.context() as away:
        away.setattr(type(search.objects), "get", lambda *_: (_ for _ in ()).throw(ObjectStoreAway("away")))
        with pytest.raises(ObjectStoreAway):
            watching.handle(a_dog_for_sale())
        watching.keep.begin(read(a_watch("w-2", box=LEFT)))
        with pytest.raises(ObjectStoreAway):
            watching.keep.settle()
    watching.handle(a_dog_for_sale())
    watching.keep.settle()
    watching.keep.look_through()
    assert sorted(watching.told()) == [(MINA, "w-1", "i-1", "dog"), (MINA, "w-2", "i-1", "dog")]


@pytest.mark.parametrize(
    "filters",
    [
        Filters(in_stock=True),
        Filters(market="KR", in_stock=True),
        Filters(currency="KRW", max_price_minor=10_000),
        Filters(currency="KRW", min_price_minor=10_000),
        Filters(shop="Nun"),
    ],
)
def test_what_can_be_bought_is_what_a_search_shows(search, filters):
    offers = [
        {"market": market, "currency": currency, "price_minor": price, "in_stock": stock, "expires_at_ms": expires}
        for market, currency in (("KR", "KRW"), ("US", "USD"))
        for price in (9_999, 10_000, 10_001)
        for stock in (True, False)
        for expires in (0, NOW_MS, NOW_MS + 1)
    ]
    items = [an_item(f"i-{n}", f"m-{n}", offers=[an_offer(**offer)]) for n, offer in enumerate(offers)]
    search.items(*items)
    with reading(search.engine) as c:
        shown = store.items_of(c, TENANT, [f"m-{n}" for n in range(len(offers))], filters, now_ms=NOW_MS)
        rows = store.load_items(c, TENANT, [item.item_id for item in items], Filters(), now_ms=0)
    by_search = {item_id for ids in shown.values() for item_id in ids}
    assert by_search == {item_id for item_id, row in rows.items() if can_be_bought(row, filters, NOW_MS)}
    assert 0 < len(by_search) < len(items)
