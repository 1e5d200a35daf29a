"""Lens sessions and searches by regions as others meet them: over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from lens_builders import FaultyIndex, a_servicer
from metrics_told import value_of
from search_builders import (
    DOG,
    LAMP,
    LEFT,
    MINA,
    RIGHT,
    SOFA,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    like,
)

from nungil.api.common.v1.common_pb2 import Box, Caller
from nungil.api.search.v1 import search_pb2 as pb
from nungil.api.search.v1.search_pb2_grpc import SearchServiceStub, add_SearchServiceServicer_to_server
from nungil.runtime.errors import NotFound, NungilError, Rejected
from nungil.runtime.rpc import aio_server, calling, open_aio_channel
from services.search.rpc import SearchServicer

WAIT_S = 20.0
CALLER = Caller(tenant=TENANT, person_id=MINA)


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(
            a_picture("query", {LEFT: DOG, RIGHT: SOFA}),
            a_picture("dog", like(DOG, 0.9)),
            a_picture("sofa", {LEFT: LAMP, RIGHT: like(SOFA, 0.9)}),
        )
        yield search


@asynccontextmanager
async def serving(search: Search, folder: Path, **limits: Any) -> AsyncIterator[tuple[Any, SearchServicer]]:
    address = f"unix:{folder}/search.sock"
    with a_servicer(search, **limits) as servicer:
        register = lambda server: add_SearchServiceServicer_to_server(servicer, server)  # noqa: E731
        async with aio_server(register, listen=address, grace_s=WAIT_S), open_aio_channel(address) as channel:
            yield SearchServiceStub(channel), servicer


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 3 * WAIT_S))


def an_opening(media_id: str = "query", **of: Any) -> pb.LensRequest:
    return pb.LensRequest(open=pb.LensOpen(caller=CALLER, media_id=media_id, **of))


def a_frame(number: int, **of: Any) -> pb.LensRequest:
    return pb.LensRequest(frame=pb.LensFrame(number=number, **of))


LEFT_BOX, RIGHT_BOX = Box(x=0, y=0, width=0.5, height=1), Box(x=0.5, y=0, width=0.5, height=1)


def test_a_session_from_opening_to_its_end(search: Search, tmp_path: Path) -> None:
    search.items(an_item("i-1", "dog", offers=[an_offer()]))

    async def story() -> None:
        async with serving(search, tmp_path) as (stub, _):
            call = stub.Lens()
            await call.write(an_opening(limit=1))
            ready = (await call.read()).ready
            assert (ready.number, ready.rows, [region.n for region in ready.regions]) == (0, 4, [0, 1, 2])
            assert ready.regions[1].box == LEFT_BOX
            await call.write(a_frame(1, box=LEFT_BOX))
            answer = (await call.read()).answer
            assert (answer.number, answer.full, answer.matched, answer.box) == (1, False, True, LEFT_BOX)
            assert [(hit.media_id, hit.item_id, hit.box.width) for hit in answer.hits] == [("dog", "i-1", 1.0)]
            assert [(item.item_id, item.offers[0].price_minor) for item in answer.items] == [("i-1", 12_900)]
            await call.write(a_frame(2, box=RIGHT_BOX, rest=True))
            pooled, full = (await call.read()).answer, (await call.read()).answer
            assert [(each.full, each.hits[0].media_id) for each in (pooled, full)] == [(False, "sofa"), (True, "sofa")]
            assert (full.hits[0].box, full.hits[0].item_id) == (RIGHT_BOX, "")
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF

    run(story())


def test_wrong_asks_are_faults_and_the_stream_lives(search: Search, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(search, tmp_path) as (stub, _):
            call = stub.Lens()
            await call.write(an_opening())
            await call.read()
            for number, ask, slug in (
                (1, a_frame(1, box=Box(x=2, y=2, width=1, height=1)), "invalid-box"),
                (2, a_frame(2, region=9), "invalid-query"),
                (
                    3,
                    pb.LensRequest(refine=pb.LensRefine(number=3, filters=pb.Filters(market="Korea"))),
                    "unknown-market",
                ),
                (0, an_opening(), "invalid-query"),
                (0, pb.LensRequest(), "invalid-query"),
            ):
                await call.write(ask)
                fault = (await call.read()).fault
                assert (fault.number, fault.type) == (number, slug)
                assert fault.detail
            await call.write(a_frame(4))
            assert (await call.read()).answer.number == 4

    run(story())


@pytest.mark.parametrize(
    ("first", "error"),
    [
        (an_opening("unknown"), NotFound),
        (an_opening(""), Rejected),
        (a_frame(1), Rejected),
        (an_opening(limit=101), Rejected),
        (an_opening(refine=pb.LensRefine(filters=pb.Filters(market="Korea"))), Rejected),
        (None, Rejected),
    ],
    ids=["unknown picture", "no picture", "no open", "limit", "market", "nothing"],
)
def test_what_cannot_be_opened_ends_the_call(
    search: Search, tmp_path: Path, first: pb.LensRequest | None, error: type[NungilError]
) -> None:
    async def story() -> None:
        async with serving(search, tmp_path) as (stub, _):
            call = stub.Lens()
            if first is not None:
                await call.write(first)
            await call.done_writing()
            with pytest.raises(error), calling():
                async for _ in call:
                    pass

    before = value_of("nungil_rpc_requests_total", method="SearchService/Lens", code=error.grpc_code.name)
    run(story())
    assert value_of("nungil_rpc_requests_total", method="SearchService/Lens", code=error.grpc_code.name) == before + 1


def test_a_caller_that_leaves_frees_its_session(search: Search, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(search, tmp_path, sessions=1) as (stub, _):
            for _ in range(3):
                call = stub.Lens()
                await call.write(an_opening())
                while (await call.read()).WhichOneof("tell") != "ready":
                    pass
                call.cancel()
                while value_of("nungil_lens_sessions"):
                    await asyncio.sleep(0)

    run(story())


def test_a_server_that_stops_ends_its_sessions_with_a_last_word(search: Search, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(search, tmp_path) as (stub, servicer):
            call = stub.Lens()
            await call.write(an_opening())
            await call.read()
            servicer.lens.close()
            assert (await call.read()).closed.type == "lens-moved"
            assert await call.read() is grpc.aio.EOF

    run(story())


def test_every_region_is_searched_for_at_once(search: Search, tmp_path: Path) -> None:
    search.items(an_item("i-1", "dog", offers=[an_offer()]))

    async def story() -> None:
        async with serving(search, tmp_path) as (stub, _):
            request = pb.SearchByRegionsRequest(caller=CALLER, media_id="query", limit=1)
            answer = await stub.SearchByRegions(request)
            assert [(each.region.n, each.matched, [hit.media_id for hit in each.hits]) for each in answer.regions] == [
                (1, True, ["dog"]),
                (2, True, ["sofa"]),
            ]
            assert (answer.partial, answer.regions[0].hits[0].item.item_id) == (False, "i-1")
            assert answer.regions[1].hits[0].box == RIGHT_BOX
            request.filters.items_only = True
            answer = await stub.SearchByRegions(request)
            assert [[hit.media_id for hit in each.hits] for each in answer.regions] == [["dog"], ["dog"]]
            of_one = await stub.SearchByRegions(pb.SearchByRegionsRequest(caller=CALLER, media_id="dog"))
            assert [each.region.n for each in of_one.regions] == [0]
            for wrong, error in ((pb.SearchByRegionsRequest(caller=CALLER, media_id="unknown"), NotFound), (pb.SearchByRegionsRequest(caller=CALLER, media_id="query", limit=-1), Rejected)):  # fmt: skip
                with pytest.raises(error), calling():
                    await stub.SearchByRegions(wrong)

    run(story())


def test_regions_that_the_index_keeps_waiting_are_left_out(search: Search, tmp_path: Path) -> None:
    index = FaultyIndex(search.index)

    async def story() -> None:
        async with serving(search.like(index=index), tmp_path) as (stub, servicer):
            object.__setattr__(servicer.by_regions, "within_s", 0.05)
            with index.held():
                answer = await stub.SearchByRegions(pb.SearchByRegionsRequest(caller=CALLER, media_id="query"))
                assert (list(answer.regions), answer.partial) == ([], True)

    run(story())
