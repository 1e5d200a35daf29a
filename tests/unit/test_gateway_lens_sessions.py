"""A lens session at the gateway, between a client and a search that the test plays: what waits, what is replaced, how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import grpc.aio
import pytest

from nungil.api.ingest.v1 import items_pb2
from nungil.api.search.v1 import search_pb2 as pb
from services.gateway.core import Allowance, Who
from services.gateway.errors import InvalidMessage, LensFull, LensMoved
from services.gateway.handlers.lens import BURST_MESSAGES, ClientLeft, Lens
from services.gateway.handlers.search import Search
from services.gateway.wire.lens import ask_of, number_in

WHO = Who("local", "p-1", frozenset({"person"}))
OPEN = {"open": {"media_id": "m-1"}}
SOMEWHERE = {"x": 0.1, "y": 0.1, "width": 0.5, "height": 0.5}


class ASearch:
    """Its stub: one stream, whose asks are read and whose tells are given by the test."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[pb.LensRequest] = asyncio.Queue(1)
        self.tells: asyncio.Queue[Any] = asyncio.Queue()
        self.left = asyncio.Event()

    def Lens(self, *, metadata: Any) -> ASearch:
        return self

    async def write(self, request: pb.LensRequest) -> None:
        await self.asked.put(request)  # waits while the one before is not read, as flow control does

    async def read(self) -> Any:
        return await self.tells.get()

    def cancel(self) -> None:
        self.left.set()

    def tell(self, **tell: Any) -> None:
        self.tells.put_nowait(pb.LensResponse(**tell))


class AClient:
    """What it says is given by the test; it takes one message at a time, when the test lets it."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[dict | str | None] = asyncio.Queue()
        self.heard: asyncio.Queue[dict] = asyncio.Queue()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> str:
        said = await self.says.get()
        if said is None:
            raise ClientLeft
        return said if isinstance(said, str) else json.dumps(said)

    async def send(self, text: str) -> None:
        await self.takes.wait()
        self.heard.put_nowait(json.loads(text))

    def say(self, *messages: dict | str | None) -> None:
        for message in messages:
            self.says.put_nowait(message)


class Peers(NamedTuple):
    search: Any
    ingest: Any = None


class ASession(NamedTuple):
    search: ASearch
    client: AClient
    lens: Lens
    served: asyncio.Task[int | None]


def a_session(*, idle_s: float = 60, most: int = 10, clock: Any = lambda: 0.0) -> ASession:
    search, client = ASearch(), AClient()
    peers: Any = Peers(search)
    lens = Lens(peers, Search(peers, 1.0), idle_s=idle_s, most=most, monotonic_s=clock)
    return ASession(search, client, lens, asyncio.create_task(lens(WHO, client)))


def frame(number: int, **fields: Any) -> dict:
    return {"frame": {"number": number, "box": SOMEWHERE} | fields}


async def settle() -> None:
    """Lets every task do what it can do without anything from outside."""
    for _ in range(20):
        await asyncio.sleep(0)


def in_time(test: Any) -> Any:
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), 10))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_time
async def test_a_picture_is_opened_under_what_results_must_be():
    session = a_session()
    session.client.say(
        {
            "open": {
                "media_id": "m-1",
                "limit": 5,
                "text": "red",
                "narrow": [{"kind": "shop", "id": "s"}],
                "colour": "red",
            }
        }
    )
    opened = (await session.search.asked.get()).open
    assert (opened.media_id, opened.limit, opened.record) == ("m-1", 5, True)
    assert (opened.caller.tenant, opened.caller.person_id) == ("local", "p-1")
    assert opened.refine.text == "red"
    assert [(chip.kind, chip.id) for chip in opened.refine.narrow] == [
        (pb.Chip.KIND_SHOP, "s"),
        (pb.Chip.KIND_COLOUR, "red"),
    ]
    session.client.say(None)
    assert await session.served is None
    assert session.search.left.is_set()


@in_time
async def test_of_frames_that_wait_only_the_newest_reaches_search_and_a_refine_is_not_lost():
    session = a_session()
    session.client.say(OPEN, frame(1), frame(2), {"refine": {"number": 3, "sort": "newest"}}, frame(4), frame(5))
    await settle()
    asked = []
    while not session.search.asked.empty():
        asked.append(session.search.asked.get_nowait())
        await settle()
    numbers = [(ask.WhichOneof("ask"), getattr(ask, ask.WhichOneof("ask"))) for ask in asked]
    assert [name for name, _ in numbers] == ["open", "refine", "frame"]
    assert [body.number for _, body in numbers[1:]] == [3, 5]
    assert numbers[1][1].sort == pb.SORT_NEWEST
    session.client.say(None)
    await session.served


@in_time
async def test_a_slow_client_gets_the_newest_answer_with_the_items_of_those_that_it_never_got():
    session = a_session()
    session.client.say(OPEN, *[frame(number) for number in range(1, 5)])
    session.client.takes.clear()
    session.search.tell(answer={"number": 1})
    await settle()  # this one is on its way
    session.search.tell(
        answer={"number": 2, "items": [items_pb2.Item(item_id="a", brand="old"), items_pb2.Item(item_id="b")]}
    )
    session.search.tell(answer={"number": 3, "items": [items_pb2.Item(item_id="a", brand="new")]})
    session.search.tell(answer={"number": 4})
    await settle()
    session.client.takes.set()
    answers = [(await session.client.heard.get())["answer"] for _ in range(2)]
    assert [answer["number"] for answer in answers] == [1, 4]
    assert {item["id"]: item["brand"] for item in answers[1]["items"]} == {"a": "new", "b": ""}
    await settle()
    assert session.client.heard.empty()
    session.client.say(None)
    await session.served


@in_time
async def test_a_wrong_message_is_a_fault_with_its_number_and_the_session_goes_on():
    session = a_session()
    session.client.say(frame(1))
    assert "the first message" in (await session.client.heard.get())["fault"]["detail"]
    session.client.say(OPEN)
    await session.search.asked.get()
    wrong = [
        (
            '{"frame": {"number": 7, "box": {"x": NaN, "y": 0, "width": 1, "height": 1}}}',
            7,
            "invalid-box",
            "between 0 and 1",
        ),
        ({"frame": {"number": 8, "box": {"x": 0, "y": 0}}}, 8, "invalid-box", "between 0 and 1"),
        ({"frame": {"number": 9, "box": SOMEWHERE, "region": 1}}, 9, "invalid-message", "not both"),
        ({"refine": {"number": 10, "sort": "cheapest"}}, 10, "invalid-message", "'newest'"),
        ({"frames": {"number": 11}}, None, "invalid-message", '{"refine": …}'),
        ({}, None, "invalid-message", '{"frame": …}'),
        ("{", None, "invalid-message", '{"frame": …}'),
        ("[" * 10_000, None, "invalid-message", '{"frame": …}'),
        (OPEN, None, "invalid-message", "connect again"),
    ]
    for message, number, type_, says in wrong:
        session.client.say(message)
        fault = (await session.client.heard.get())["fault"]
        assert (fault["number"], fault["type"]) == (number, f"urn:nungil:error:{type_}")
        assert says in fault["detail"]
    session.client.say(frame(12))
    assert (await session.search.asked.get()).frame.number == 12
    session.client.say(frame(12))
    assert "above 12" in (await session.client.heard.get())["fault"]["detail"]
    session.client.say(None)
    await session.served


@in_time
async def test_what_search_finds_wrong_is_told_with_its_number():
    session = a_session()
    session.client.say(OPEN, frame(1))
    session.search.tell(fault={"number": 1, "type": "invalid-box", "detail": "outside"})
    fault = (await session.client.heard.get())["fault"]
    assert fault == {"number": 1, "type": "urn:nungil:error:invalid-box", "detail": "outside"}
    session.client.say(None)
    await session.served


@pytest.mark.parametrize(("type_", "code"), [("no-such-picture", 4404), ("lens-idle", 4408), ("lens-moved", 1012)])
def test_the_last_word_of_search_is_the_last_word(type_: str, code: int):
    @in_time
    async def told() -> None:
        session = a_session()
        session.client.say(OPEN)
        session.search.tell(closed={"type": type_, "detail": "why"})
        session.search.tells.put_nowait(grpc.aio.EOF)
        assert await session.served == code
        assert await session.client.heard.get() == {"closed": {"type": f"urn:nungil:error:{type_}", "detail": "why"}}
        assert session.client.heard.empty()

    told()


@in_time
async def test_a_stream_that_search_ends_without_a_word_is_a_service_away():
    session = a_session()
    session.client.say(OPEN)
    session.search.tells.put_nowait(grpc.aio.EOF)
    assert await session.served == 4503
    assert (await session.client.heard.get())["closed"]["type"] == "urn:nungil:error:dependency-away"


@in_time
async def test_a_client_that_says_nothing_is_sent_away():
    session = a_session(idle_s=0.01)
    assert await session.served == 4408
    assert (await session.client.heard.get())["closed"]["type"] == "urn:nungil:error:lens-idle"


@in_time
async def test_a_client_that_says_too_much_is_sent_away():
    session = a_session()
    session.client.say(OPEN, *[frame(number) for number in range(1, int(BURST_MESSAGES) + 2)])
    assert await session.served == 4429
    assert (await session.client.heard.get())["closed"]["type"] == "urn:nungil:error:too-many-messages"


@in_time
async def test_where_the_process_ends_every_session_is_told_and_no_other_begins():
    session = a_session(most=1)
    await settle()
    with pytest.raises(LensFull):
        session.lens.check_room()
    await session.lens.end(within_s=5)
    assert session.served.done() or await session.served == 1012
    assert (await session.client.heard.get())["closed"]["type"] == "urn:nungil:error:lens-moved"
    with pytest.raises(LensMoved):
        session.lens.check_room()


@in_time
async def test_a_client_that_does_not_take_its_last_word_holds_the_end_up_for_so_long_only():
    session = a_session()
    session.client.takes.clear()
    await settle()
    await session.lens.end(within_s=0.01)
    assert not session.served.done()
    session.client.takes.set()
    assert await session.served == 1012


def test_an_allowance_is_used_up_at_once_and_grows_again_with_time():
    allowance = Allowance(per_s=2, burst=3, at_s=0.0)
    assert [allowance.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(0.5), allowance.take(0.5)] == [True, False]
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"frame": {"number": 3, "bx": 1}}', 3),
        ('{"frame": {"number": true}}', 0),
        ('{"frame": {"number": 1e400}}', 0),
        ('{"frame": [1]}', 0),
        ("[]", 0),
        ("nothing", 0),
    ],
)
def test_a_number_is_found_in_what_is_wrong_otherwise(text: str, number: int):
    with pytest.raises(InvalidMessage):
        ask_of(text)
    assert number_in(text) == number
