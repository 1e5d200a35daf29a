"""Lens sessions for tests, without gRPC, over an index that can be slow or away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, TypeVar

from search_builders import Search, a_query

from nungil.pictures.boxes import Box
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.port import VectorIndex
from services.search.core import CropQuery
from services.search.handlers.lens import Lens, LensLimits
from services.search.handlers.regions import SearchByRegions
from services.search.lens import Ask, Closed, Fault, Frame, Ready, Refine, Shown, Tell
from services.search.rpc import SearchServicer

T = TypeVar("T", bound=Tell)
NEVER_S = 3_600.0
WAIT_S = 20.0
LIMITS: dict[str, Any] = {"sessions": 10, "rest_s": NEVER_S, "slow_s": NEVER_S, "idle_s": NEVER_S}


@dataclass
class FaultyIndex:
    """An index that is away, or slow, when a test says so."""

    index: VectorIndex
    away: bool = False
    _free: Event = field(default_factory=Event)
    waiting: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._free.set()

    @contextmanager
    def held(self) -> Any:
        """Whoever reads waits until the block ends."""
        self.waiting.clear()
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.waiting.set()
            assert self._free.wait(WAIT_S)
            if self.away:
                raise VectorIndexAway("the index is away")
            return getattr(self.index, name)(*given, **named)

        return call


@dataclass
class Session:
    """What a caller of the rpc sees."""

    lens: Lens
    query: CropQuery
    asks: asyncio.Queue[Ask | None] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._tells = self.lens(self.query, self._asked())

    async def _asked(self) -> AsyncIterator[Ask]:
        while (ask := await self.asks.get()) is not None:
            yield ask

    def frame(self, number: int, part: Box | int | None = None, *, rest: bool = False) -> None:
        self.asks.put_nowait(Frame(number, part, rest))

    def refine(self, number: int, **of: Any) -> None:
        self.asks.put_nowait(Refine(number, replace(self.query, **of)))

    def no_more(self) -> None:
        self.asks.put_nowait(None)

    async def next(self, of: type[T]) -> T:
        """The next thing told, which is of this kind."""
        tell = await asyncio.wait_for(anext(self._tells), WAIT_S)
        assert isinstance(tell, of), tell
        return tell

    async def ready(self) -> Ready:
        return await self.next(Ready)

    async def shown(self) -> Shown:
        return await self.next(Shown)

    async def fault(self) -> Fault:
        return await self.next(Fault)

    async def closed(self) -> Closed:
        closed = await self.next(Closed)
        assert [tell async for tell in self._tells] == []
        return closed

    async def rest(self) -> list[Tell]:
        """All that is told until the session ends by itself."""
        return [tell async for tell in self._tells]

    async def leave(self) -> None:
        await self._tells.aclose()


@contextmanager
def a_servicer(search: Search, **limits: Any) -> Iterator[SearchServicer]:
    """What answers the rpcs of search."""
    with ThreadPoolExecutor(4) as threads:
        by_regions = SearchByRegions(search.handler, search.gather, threads, within_s=WAIT_S)
        lens = Lens(search.handler, search.gather, threads, LensLimits(**{**LIMITS, **limits}))
        yield SearchServicer(search.handler, by_regions, lens, search.status, search.candidates)


@asynccontextmanager
async def a_lens(search: Search, **limits: Any) -> AsyncIterator[Callable[..., Session]]:
    """Opens sessions: give what differs from `a_query`. Frames rest only where they say so."""
    opened: list[Session] = []
    with ThreadPoolExecutor(4) as threads:
        lens = Lens(search.handler, search.gather, threads, LensLimits(**{**LIMITS, **limits}))

        def open_(media_id: str = "query", **of: Any) -> Session:
            opened.append(Session(lens, a_query(media_id, **of)))
            return opened[-1]

        yield open_
        for session in opened:
            await session.leave()


@asynccontextmanager
async def a_session(search: Search, limits: dict[str, Any] | None = None, **of: Any) -> AsyncIterator[Session]:
    """One, whose pool is gathered."""
    async with a_lens(search, **limits or {}) as opening:
        session = opening(**of)
        await session.ready()
        yield session
