"""A picture opened once, then frames that move over it: what is told, in which order, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from lens_builders import FaultyIndex, Session, a_lens, a_session
from search_builders import (
    DOG,
    JUNO,
    LAMP,
    LEFT,
    MINA,
    RIGHT,
    SOFA,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    like,
)

from nungil.pictures.boxes import Box
from nungil.runtime.errors import DependencyAway
from services.search.core import Filters
from services.search.errors import LensIdle, NoSuchPicture, TooManySessions
from services.search.lens import Fault, Ready, Shown


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(
            a_picture("query", {LEFT: DOG, RIGHT: SOFA}),
            *(a_picture(f"dog-{n}", like(DOG, 0.9 - n / 50)) for n in range(12)),
            *(a_picture(f"sofa-{n}", like(SOFA, 0.9 - n / 50)) for n in range(12)),
            a_picture("both", {LEFT: LAMP, RIGHT: like(DOG, 0.95)}),
        )
        yield search


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def found(shown: Shown) -> list[str]:
    return [hit.media_id for hit in shown.hits]


async def settled(session: Session) -> None:
    """Until the session has heard all that was asked."""
    while not session.asks.empty():
        await asyncio.sleep(0)


def test_a_frame_is_answered_with_what_its_part_looks_like(search: Search) -> None:
    async def story() -> None:
        async with a_lens(search) as opening:
            session = opening(limit=3)
            ready = await session.ready()
            assert (ready.number, ready.rows) == (0, 27)
            assert {n: region.box for n, region in ready.regions.items() if n} == {1: LEFT, 2: RIGHT}
            session.frame(1, LEFT)
            dogs = await session.shown()
            assert found(dogs) == ["both", "dog-0", "dog-1"]
            assert (dogs.number, dogs.full, dogs.matched, dogs.partial, dogs.box) == (1, False, True, False, LEFT)
            session.frame(2, RIGHT)
            assert found(await session.shown()) == ["sofa-0", "sofa-1", "sofa-2"]
            session.frame(3, 1)
            assert found(await session.shown()) == found(dogs)

    run(story())


def test_the_pool_gives_the_hits_and_scores_of_a_full_search(search: Search) -> None:
    search.items(an_item("i-1", "dog-3", "dog-5"), an_item("i-2", "dog-5"), an_item("i-3", "sofa-1"))

    async def story() -> None:
        async with a_session(search, limit=30) as session:  # more than there are: the maps reorder the first hits
            for number, part in enumerate([LEFT, RIGHT, Box(0.2, 0.1, 0.5, 0.6), 2, None], start=1):
                session.frame(number, part)
                shown, answer = await session.shown(), search(part=part, limit=30)
                full = [(hit.media_id, hit.item.item_id if hit.item else None, hit.score) for hit in answer.hits]
                pooled = [(hit.media_id, hit.item_id, hit.score) for hit in shown.hits]
                assert pooled == sorted(pooled, key=lambda hit: -hit[2])
                # a full search orders by the maps too, of those that are alike at all
                assert {hit for hit in pooled if hit[2] > 0} == {hit for hit in full if hit[2] > 0}

    run(story())


def test_of_frames_that_wait_only_the_newest_is_answered(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            for number in range(1, 8):
                session.frame(number, LEFT if number < 7 else RIGHT)
            session.no_more()
            numbers = [tell.number for tell in await session.rest() if isinstance(tell, Shown) and not tell.full]
            assert numbers[-1] == 7
            assert len(numbers) < 7

    run(story())


def test_a_frame_that_rests_is_answered_by_a_full_search(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, limit=2) as session:
            session.frame(1, LEFT, rest=True)
            first, second = await session.shown(), await session.shown()
            assert (first.full, second.full, second.number) == (False, True, 1)
            assert found(second) == search.found(part=LEFT, limit=2)
            assert second.hits[0].box == RIGHT
        async with a_session(search, {"rest_s": 0.0}) as session:
            session.frame(1, LEFT)
            assert [(await session.shown()).full for _ in range(2)] == [False, True]

    run(story())


def test_a_full_answer_of_a_frame_that_has_moved_on_is_never_told(search: Search) -> None:
    index = FaultyIndex(search.index)

    async def story() -> None:
        async with a_session(search.like(index=index)) as session:
            with index.held():
                session.frame(1, LEFT, rest=True)
                assert not (await session.shown()).full
                await asyncio.to_thread(index.waiting.wait)
                session.frame(2, RIGHT)
                assert (await session.shown()).number == 2
            session.frame(3, RIGHT, rest=True)
            told = [await session.shown() for _ in range(2)]
            assert [(shown.number, shown.full) for shown in told] == [(3, False), (3, True)]

    run(story())


def test_a_box_that_leaves_the_picture_is_clipped_and_said_so(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, Box(-0.5, 0.0, 1.0, 2.0))
            shown = await session.shown()
            assert (shown.box, shown.clipped) == (LEFT, True)

    run(story())


@pytest.mark.parametrize(
    "part", [Box(2, 0, 1, 1), Box(0, 0, 0, 1), Box(0, 0, -1, 1), Box(float("nan"), 0, 1, 1), 9], ids=str
)
def test_a_wrong_frame_is_a_fault_with_its_number_and_the_session_lives(search: Search, part: Box | int) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, part)
            fault = await session.fault()
            assert (fault.number, fault.error.http_status) == (1, 422)
            session.frame(2, LEFT)
            assert found(await session.shown())[0] == "both"

    run(story())


def test_numbers_that_do_not_grow_are_faults(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.frame(0, LEFT)
            assert (await session.fault()).number == 0
            session.frame(5, LEFT)
            assert (await session.shown()).number == 5
            session.frame(5, RIGHT)
            assert (await session.fault()).number == 5
            session.refine(4)
            assert (await session.fault()).number == 4

    run(story())


def test_filters_hold_in_the_pool_and_refining_gathers_again_while_the_old_pool_answers(search: Search) -> None:
    search.items(an_item("i-1", "dog-4", offers=[an_offer()]), an_item("i-2", "dog-9", offers=[an_offer(market="US")]))
    index = FaultyIndex(search.index)

    async def story() -> None:
        async with a_session(search.like(index=index), filters=Filters(market="KR")) as session:
            session.frame(1, LEFT)
            assert found(await session.shown()) == ["dog-4"]
            with index.held():
                session.refine(2, filters=Filters(market="US"))
                await asyncio.to_thread(index.waiting.wait)
                session.frame(3, RIGHT)
                old = await session.shown()
                assert (old.number, found(old)) == (3, ["dog-4"])
            told = [await session.next(Ready | Shown) for _ in range(2)]  # type: ignore[arg-type]
            assert {(tell.number, isinstance(tell, Ready) or found(tell) == ["dog-9"]) for tell in told} <= {
                (2, True),
                (3, True),
            }

    run(story())


def test_refining_answers_the_last_frame_again_under_its_number(search: Search) -> None:
    search.items(an_item("i-1", "dog-4", offers=[an_offer()]))

    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, LEFT)
            assert len(found(await session.shown())) > 1
            session.refine(2, filters=Filters(items_only=True))
            session.no_more()
            told = await session.rest()
            assert [tell.number for tell in told if isinstance(tell, Ready)] == [2]
            answers = [tell for tell in told if isinstance(tell, Shown)]
            assert {(tell.number, *found(tell)) for tell in answers} == {(2, "dog-4")}
            assert answers[-1].full

    run(story())


def test_words_hold_in_the_pool_and_their_reading_is_told(search: Search) -> None:
    search.items(
        an_item("i-1", "dog-4", offers=[an_offer()]), an_item("i-2", "dog-9", offers=[an_offer(price_minor=40_000)])
    )

    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, LEFT)
            await session.shown()
            session.refine(2, text="3만원 이하", want_chips=True)
            session.no_more()
            told = await session.rest()
            [ready] = [tell for tell in told if isinstance(tell, Ready)]
            assert ready.understood is not None
            assert (ready.rows, ready.understood.filters.max_price_minor) == (1, 30_000)
            answers = [tell for tell in told if isinstance(tell, Shown)]
            assert {tuple(found(tell)) for tell in answers} == {("dog-4",)}
            assert answers[-1].chips is not None
            assert answers[-1].chips.counted == 1

    run(story())


def test_an_item_is_told_once_and_again_where_it_changed(search: Search) -> None:
    search.items(an_item("i-1", "dog-4", offers=[an_offer()]))

    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, LEFT)
            [item] = (await session.shown()).items
            assert (item.item_id, item.offers[0].price_minor) == ("i-1", 12_900)
            session.frame(2, LEFT)
            assert (await session.shown()).items == ()
            search.items(an_item("i-1", "dog-4", offers=[an_offer(price_minor=9_900)]))
            session.frame(3, LEFT, rest=True)
            assert (await session.shown()).items == ()
            [item] = (await session.shown()).items
            assert item.offers[0].price_minor == 9_900

    run(story())


def test_the_boxes_of_hits_come_once_they_were_read(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, limit=1) as session:
            session.frame(1, LEFT)
            [hit] = (await session.shown()).hits
            assert (hit.media_id, hit.box) == ("both", None)
            for number in range(2, 10_000):
                session.frame(number, LEFT)
                [hit] = (await session.shown()).hits
                if hit.box:
                    break
            assert hit.box == RIGHT

    run(story())


def test_a_deleted_picture_is_no_hit_any_more_at_once(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, limit=2) as session:
            search.denied.deny("both")
            session.frame(1, LEFT)
            assert found(await session.shown()) == ["dog-0", "dog-1"]

    run(story())


def test_a_picture_that_is_deleted_while_it_is_open_closes_the_session(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, LEFT)
            await session.shown()
            search.denied.deny("query")
            session.frame(2, LEFT)
            assert isinstance((await session.closed()).error, NoSuchPicture)
        async with a_session(search, media_id="dog-1") as idle:
            search.denied.deny("dog-1")
            assert isinstance((await idle.closed()).error, NoSuchPicture)

    run(story())


@pytest.mark.parametrize("media_id", ["unknown", "hers", "gone"])
def test_a_picture_that_is_not_the_callers_to_see_cannot_be_opened(search: Search, media_id: str) -> None:
    search.put(a_picture("hers", owner=JUNO), a_picture("gone"))
    search.denied.deny("gone")

    async def story() -> None:
        async with a_lens(search) as opening:
            with pytest.raises(NoSuchPicture):
                await opening(media_id).ready()

    run(story())


def test_a_picture_only_searched_with_works_the_same_and_is_forgotten(search: Search) -> None:
    search.put_transient(a_picture("mine", {LEFT: DOG, RIGHT: SOFA}, owner=MINA))

    async def story() -> None:
        async with a_session(search, media_id="mine", limit=1) as session:
            search(media_id="mine", part=RIGHT, limit=1)  # what hits look like stays
            before = search.maps.size_bytes
            session.frame(1, RIGHT, rest=True)
            assert [found(await session.shown()) for _ in range(2)] == [["query"], ["query"]]
        assert search.maps.size_bytes < before

    run(story())


def test_while_the_index_is_away_the_pool_answers_and_a_full_answer_comes_when_it_is_back(search: Search) -> None:
    index = FaultyIndex(search.index)

    async def story() -> None:
        async with a_session(search.like(index=index), limit=1) as session:
            index.away = True
            session.frame(1, LEFT, rest=True)
            told = [await session.shown(), await session.shown()]
            assert [(t.number, t.full, t.partial, found(t)) for t in told] == [
                (1, False, False, ["both"]),
                (1, False, True, ["both"]),
            ]
            session.frame(2, RIGHT)
            assert (await session.shown()).partial
            index.away = False
            session.frame(3, RIGHT, rest=True)
            while not (shown := await session.shown()).full:
                assert found(shown) == ["sofa-0"]
            assert (shown.number, shown.partial, found(shown)) == (3, False, ["sofa-0"])

    run(story())


def test_a_slow_index_holds_no_frame_up(search: Search) -> None:
    index = FaultyIndex(search.index)

    async def story() -> None:
        async with a_session(search.like(index=index), {"slow_s": 0.0}, limit=1) as session:
            with index.held():
                session.frame(1, LEFT, rest=True)
                while not (shown := await session.shown()).partial:
                    assert not shown.full
                session.frame(2, RIGHT)
                shown = await session.shown()
                assert (shown.number, shown.partial, found(shown)) == (2, True, ["sofa-0"])
            session.frame(3, RIGHT, rest=True)
            while not (shown := await session.shown()).full:
                pass
            assert (shown.number, found(shown)) == (3, ["sofa-0"])

    run(story())


def test_a_session_opened_while_the_index_is_away_says_so_and_recovers(search: Search) -> None:
    index = FaultyIndex(search.index, away=True)

    async def story() -> None:
        async with a_lens(search.like(index=index)) as opening:
            session = opening(limit=1)
            session.frame(1, LEFT)
            shown = await session.shown()
            assert (shown.partial, shown.hits) == (True, ())
            index.away = False
            assert (await session.ready()).rows == 27
            shown = await session.shown()
            assert (shown.number, shown.partial, found(shown)) == (1, False, ["both"])

    run(story())


def test_what_a_person_rests_on_is_recorded_once_a_box(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, record=True) as session:
            for number, part in enumerate([LEFT, LEFT, RIGHT, LEFT], start=1):
                session.frame(number, part, rest=True)
                while not (await session.shown()).full:
                    pass

    run(story())
    assert [(event.person_id, event.box.x) for event in search.activities()] == [(MINA, 0.0), (MINA, 0.5)]


def test_a_process_holds_only_so_many_sessions(search: Search) -> None:
    async def story() -> None:
        async with a_lens(search, sessions=1) as opening:
            first = opening()
            await first.ready()
            with pytest.raises(TooManySessions):
                await opening().ready()
            await first.leave()
            await opening().ready()

    run(story())
    assert issubclass(TooManySessions, DependencyAway)


def test_a_session_that_is_asked_nothing_ends(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, {"idle_s": 0.0}) as session:
            assert isinstance((await session.closed()).error, LensIdle)

    run(story())


def test_what_is_due_is_told_after_the_caller_ended_its_side(search: Search) -> None:
    async def story() -> None:
        async with a_lens(search) as opening:
            session = opening()
            session.frame(1, Box(3, 3, 1, 1))
            session.frame(2, LEFT, rest=True)
            session.no_more()
            told = await session.rest()
            assert [type(tell) for tell in told if isinstance(tell, Fault | Ready)].count(Fault) == 1
            assert [tell.full for tell in told if isinstance(tell, Shown)][-1]

    run(story())
