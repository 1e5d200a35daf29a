"""Lens sessions: between a client that moves a frame and search, which holds the session. Nothing waits here but the newest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import grpc
import grpc.aio

from nungil.api.search.v1 import search_pb2
from nungil.runtime import metrics, tracing
from nungil.runtime.errors import DependencyAway, NotFound, NungilError
from nungil.runtime.rpc import calling, metadata
from services.gateway.core import Allowance, Who
from services.gateway.errors import InvalidMessage, LensFull, LensIdle, LensMoved, TooManyMessages
from services.gateway.handlers.peers import Peers
from services.gateway.handlers.search import Search
from services.gateway.wire.lens import LensAsk, LensOpenModel, LensRefineModel, ask_of, number_in, told_text

T = TypeVar("T")
MESSAGES_PER_S = 120.0  # twice what most screens draw
BURST_MESSAGES = 240.0
_FAILED, _SERVICE_RESTART = 1011, 1012  # https://www.iana.org/assignments/websocket/
_OWN_CODES = 4000
_CODES_OF_SEARCH = {"lens-moved": _SERVICE_RESTART, "lens-idle": 4408}
_GONE = 4404


class ClientLeft(Exception):
    """The client's connection has ended."""


class Client(Protocol):
    """Where the messages come from and go to."""

    async def receive(self) -> str:
        """The next message. Raises ClientLeft."""

    async def send(self, text: str) -> None:
        """Waits while the client does not take what was sent before. Raises ClientLeft."""


class _Closed(Exception):
    """The session has told its last."""

    def __init__(self, code: int) -> None:
        self.code = code


class Newest(Generic[T]):
    """What waits to be passed on: of each kind the newest, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[str, T] = {}
        self._there = asyncio.Event()

    def put(self, kind: str, value: T) -> None:
        """In place of what waits of this kind."""
        self._waiting.pop(kind, None)
        self._waiting[kind] = value
        self._there.set()

    def waiting(self, kind: str) -> T | None:
        """What waits of this kind."""
        return self._waiting.get(kind)

    async def take(self) -> T:
        """The next, once there is one."""
        while not self._waiting:
            self._there.clear()
            await self._there.wait()
        return self._waiting.pop(next(iter(self._waiting)))


@dataclass
class Lens:
    """Every session of this gateway. idle_s: without a message for so long, one is closed. most: as many at a time."""

    peers: Peers
    search: Search
    idle_s: float
    most: int
    monotonic_s: Callable[[], float] = time.monotonic
    _open: set[_Session] = field(default_factory=set, init=False)
    _ended: bool = field(default=False, init=False)
    _empty: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def check_room(self) -> None:
        """Raises LensFull, and LensMoved where this process ends."""
        if self._ended:
            raise LensMoved
        if len(self._open) >= self.most:
            raise LensFull

    async def __call__(self, who: Who, client: Client) -> int | None:
        """Serves one session. The code to close the connection with; None where the client left."""
        session = _Session(self, who, client)
        self._open.add(session)
        metrics.GATEWAY_LENS_SESSIONS.set(len(self._open))
        try:
            return await session.run()
        finally:
            self._open.discard(session)
            metrics.GATEWAY_LENS_SESSIONS.set(len(self._open))
            if not self._open:
                self._empty.set()

    async def end(self, *, within_s: float) -> None:
        """Tells every session that it ends, and waits until they have; those that begin after are refused."""
        self._ended = True
        for session in list(self._open):
            session.close(LensMoved())
        self._empty.clear()
        if self._open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), within_s)


class _Frames:
    """Which frames are due, and what became of them."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._due: dict[int, float] = {}  # number -> when it came; numbers grow
        self.count = {"answered": 0, "superseded": 0, "faulted": 0}

    def came(self, number: int) -> None:
        self._due[number] = self._monotonic_s()

    def answered(self, number: int) -> None:
        """Those before it never will be. A second answer to the same frame counts no more."""
        for before in [due for due in self._due if due < number]:
            del self._due[before]
            self._add("superseded")
        if number in self._due:
            metrics.GATEWAY_LENS_AGE.observe(self._monotonic_s() - self._due.pop(number))
            self._add("answered")

    def faulted(self, number: int) -> None:
        if self._due.pop(number, None) is not None:
            self._add("faulted")

    def _add(self, outcome: str) -> None:
        self.count[outcome] += 1
        metrics.GATEWAY_LENS_FRAMES.add(outcome=outcome)


class _Session:
    """One picture, opened by one client."""

    def __init__(self, lens: Lens, who: Who, client: Client) -> None:
        self._lens = lens
        self._who = who
        self._client = client
        self._asked: Newest[search_pb2.LensRequest] = Newest()
        self._told: Newest[search_pb2.LensResponse] = Newest()
        self._frames = _Frames(lens.monotonic_s)
        self._allowance = Allowance(MESSAGES_PER_S, BURST_MESSAGES, lens.monotonic_s())
        self._opened: LensOpenModel | None = None
        self._number = 0  # the highest asked
        self._refine = 0  # the last refine's
        self._code = 0  # to close with, once that is decided

    async def run(self) -> int | None:
        """Until the client leaves (None), or until the session has told its last (the code to close with)."""
        code: int | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for task in (self._listen, self._relay, self._tell):
                    group.create_task(task())
        except* _Closed as closed:
            code = closed.exceptions[0].code  # type: ignore[union-attr]  # one task raises it
        except* ClientLeft:
            pass
        finally:
            media_id = self._opened.media_id if self._opened else ""
            tracing.note(media_id=media_id, code=code or 0, **self._frames.count)
        return code

    def close(self, error: NungilError) -> None:
        """Says why, then ends. The first reason counts."""
        if not self._code:
            self._code = _code_of(error)
            closed = search_pb2.LensClosed(type=error.slug, detail=_detail(error))
            self._told.put("closed", search_pb2.LensResponse(closed=closed))

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._lens.idle_s):
                    text = await self._client.receive()
            except TimeoutError:
                return self.close(LensIdle())
            if not self._allowance.take(self._lens.monotonic_s()):
                return self.close(TooManyMessages())
            try:
                self._accept(ask_of(text))
            except InvalidMessage as error:
                fault = search_pb2.LensFault(number=number_in(text), type=error.slug, detail=str(error))
                self._fault(search_pb2.LensResponse(fault=fault))

    def _accept(self, ask: LensAsk) -> None:
        if isinstance(ask, LensOpenModel):
            if self._opened is not None:
                raise InvalidMessage("a session has one picture and this one is open: connect again for another")
            self._opened = ask
            self._asked.put("open", ask.proto(self._who))
            return
        if self._opened is None:
            raise InvalidMessage('the first message names the picture: {"open": {"media_id": …}}')
        if ask.number <= self._number:
            raise InvalidMessage(f"number is {ask.number}; it must be above {self._number}, the last one")
        self._number = ask.number
        if isinstance(ask, LensRefineModel):
            self._refine = ask.number
            self._asked.put("refine", ask.proto(self._who))
        else:
            self._frames.came(ask.number)
            self._asked.put("frame", ask.proto(self._who))

    async def _relay(self) -> None:
        opening = await self._asked.take()  # nothing else is accepted before it
        try:
            with calling():
                await self._converse(opening)
            self.close(DependencyAway())
        except NotFound as error:
            try:
                await self._lens.search.check_on_its_way(opening.open.caller, opening.open.media_id)
                self.close(error)
            except NungilError as better:
                self.close(error if isinstance(better, DependencyAway) else better)
        except NungilError as error:
            self.close(error)

    async def _converse(self, opening: search_pb2.LensRequest) -> None:
        """Until search ends the stream."""
        call = self._lens.peers.search.Lens(metadata=metadata())
        asking = asyncio.create_task(self._ask(call, opening))
        try:
            while (response := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # missing in the stubs
                self._heard(response)
        finally:
            asking.cancel()
            call.cancel()

    async def _ask(self, call: Any, opening: search_pb2.LensRequest) -> None:
        with suppress(grpc.RpcError, asyncio.InvalidStateError):  # it has ended: who reads is told why
            await call.write(opening)
            while True:
                await call.write(await self._asked.take())

    def _heard(self, response: search_pb2.LensResponse) -> None:
        match response.WhichOneof("tell"):
            case "answer":
                if unsent := self._told.waiting("answer"):
                    _keep_items(unsent.answer, response.answer)
                self._told.put("answer", response)
            case "fault":
                self._fault(response)
            case "ready":
                self._told.put("ready", response)
            case "closed" if not self._code:
                self._code = _CODES_OF_SEARCH.get(response.closed.type, _GONE)
                self._told.put("closed", response)

    def _fault(self, response: search_pb2.LensResponse) -> None:
        of_refine = response.fault.number and response.fault.number == self._refine
        self._told.put("fault of refine" if of_refine else "fault", response)

    async def _tell(self) -> None:
        while True:
            response = await self._told.take()
            await self._client.send(told_text(response))
            match response.WhichOneof("tell"):
                case "answer":
                    self._frames.answered(response.answer.number)
                case "fault":
                    self._frames.faulted(response.fault.number)
                case "closed":
                    raise _Closed(self._code)


def _keep_items(unsent: search_pb2.LensAnswer, answer: search_pb2.LensAnswer) -> None:
    """Items are told once a session: those of an answer that is never sent go with the next."""
    told = {item.item_id for item in answer.items}
    answer.items.extend(item for item in unsent.items if item.item_id not in told)


def _code_of(error: NungilError) -> int:
    if isinstance(error, LensMoved):
        return _SERVICE_RESTART
    return _FAILED if error.http_status == 500 else _OWN_CODES + error.http_status


def _detail(error: NungilError) -> str:
    if error.slug == DependencyAway().slug:  # gRPC's own words have addresses in them
        return "A service that this needs is away; open the session again in a moment."
    if error.http_status == 500:
        return "We failed in a way that we did not foresee; the trace id finds it in our logs."
    return str(error)
