"""A picture opened once, then frames that move over it: answered from a pool in memory, and by a full search where they rest."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from nungil.pictures.boxes import WHOLE, Box
from nungil.runtime import metrics, tracing
from nungil.runtime.errors import DependencyAway, NotFound, NungilError
from nungil.runtime.ids import new_event_id
from nungil.vector_index.port import region_of
from services.search.core import CropQuery, Found, ItemRow
from services.search.errors import InvalidQuery, LensIdle, LensMoved, NoSuchPicture, TooManySessions
from services.search.features import FeatureMap
from services.search.handlers.crops import SearchByCrop, query_vector
from services.search.handlers.pools import Gathered, GatherPool
from services.search.lens import Ask, Closed, Fault, LensHit, Pooled, Ready, Refine, Shown, Tell, Wrong
from services.search.pool import pool_of
from services.search.windows import vectors_of
from services.search.wire import Answer

logger = logging.getLogger(__name__)
T = TypeVar("T")

ROWS_A_WINDOW = 400
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0  # before an index that was away is asked again
LOOK_S = 0.5  # how often a session that is asked nothing looks whether its picture is still there
_NOTHING = Gathered(pool_of([], {}), {})


@dataclass(frozen=True)
class LensLimits:
    """sessions: in this process. rest_s: a frame that nothing follows for so long rests. slow_s: an index that takes longer
    counts as away. idle_s: a session that is asked nothing for so long ends."""

    sessions: int
    rest_s: float
    slow_s: float
    idle_s: float


@dataclass(frozen=True)
class Lens:
    """Opens sessions. Belongs to one event loop; what blocks runs in `threads`."""

    search: SearchByCrop
    gather: GatherPool
    threads: Executor
    limits: LensLimits
    _sessions: set[_Session] = field(default_factory=set, init=False)

    async def __call__(self, opened: CropQuery, asks: AsyncIterator[Ask]) -> AsyncGenerator[Tell, None]:
        """Until the picture is gone, the caller leaves, or nothing is asked for too long.

        Raises NoSuchPicture, TooManySessions, and what is wrong with the first conditions.
        """
        if len(self._sessions) >= self.limits.sessions:
            raise TooManySessions(
                f"this process holds {self.limits.sessions} lens sessions, as many as it may: try again"
            )
        session = _Session(self, opened)
        self._sessions.add(session)
        metrics.LENS_SESSIONS.add(1)
        try:
            async with aclosing(session.tells(asks)) as tells:
                async for tell in tells:
                    yield tell
        finally:
            self._sessions.discard(session)
            metrics.LENS_SESSIONS.add(-1)

    def close(self) -> None:
        """Ends every session, each with a last word. Call it on the event loop."""
        for session in self._sessions:
            session.end(LensMoved())

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Runs what blocks, in the trace that this code runs in."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self.threads, context.run, call)


class _Session:
    """What was asked last, what is known, what is still to be told. `_next` decides; all else takes notes and wakes it."""

    def __init__(self, lens: Lens, opened: CropQuery) -> None:
        self._lens = lens
        self._feature_map: FeatureMap
        self._tells: deque[Tell] = deque()
        self._wake = asyncio.Event()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._bug: BaseException | None = None
        self._ended: NungilError | None = None
        # asked
        self._refined = Refine(0, opened)
        self._frame: Pooled | None = None
        self._newest = 0
        self._heard_s = time.monotonic()
        self._asks_ended = False
        self._rest: asyncio.TimerHandle | None = None
        # known
        self._gathered, self._gathered_for = _NOTHING, None  # type: Gathered, Refine | None
        self._away = False
        self._wait_s = FIRST_WAIT_S
        self._answer: tuple[Answer, float] | None = None  # by a full search, of the present frame
        # told
        self._shown: tuple[Pooled, Gathered, bool] | None = None  # from the pool
        self._searched: tuple[Pooled, Refine] | None = None  # in full
        self._told: dict[str, ItemRow] = {}
        self._event_ids: dict[Box | int | None, str] = {}
        self._recorded: set[Box | int | None] = set()
        self._looked_for: set[str] = set()

    async def tells(self, asks: AsyncIterator[Ask]) -> AsyncGenerator[Tell, None]:
        lens, query = self._lens, self._refined.query
        self._feature_map = await asyncio.to_thread(lens.search.authorised, query)
        self._refined = await self._with_words(self._refined)
        tracing.note(media_id=query.media_id)
        try:
            self._start("read", self._read(asks))
            self._start("gather", self._gather())
            while True:
                self._wake.clear()
                if self._bug is not None:
                    raise self._bug
                tell = self._next()
                if tell is not None:
                    yield tell
                    if isinstance(tell, Closed):
                        return
                elif self._asks_ended and not self._jobs and self._rest is None:
                    return
                else:
                    await self._woken()
        finally:
            self._stop()

    def end(self, error: NungilError) -> None:
        """The session says this and ends."""
        self._ended = self._ended or error
        self._wake.set()

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            if time.monotonic() - self._heard_s > self._lens.limits.idle_s:
                self.end(LensIdle())

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        """One job of a name at a time: those that run see by themselves what is newer."""
        running = self._jobs.get(name)
        if running is not None and not running.done():
            work.close()
            return
        task = self._jobs[name] = asyncio.create_task(work)
        task.add_done_callback(lambda task: self._finished(name, task))

    def _finished(self, name: str, task: asyncio.Task[None]) -> None:
        if self._jobs.get(name) is task:
            del self._jobs[name]
        if not task.cancelled():
            self._bug = self._bug or task.exception()
        self._wake.set()

    def _stop(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        for task in self._jobs.values():
            task.cancel()
        if self._feature_map.stale_at_ms is not None:  # only searched with
            self._lens.search.maps.forget(self._refined.query.tenant, self._refined.query.media_id)

    # What is asked.

    async def _read(self, asks: AsyncIterator[Ask]) -> None:
        async for ask in asks:
            self._heard_s = time.monotonic()
            try:
                self._take(await self._with_words(ask) if isinstance(ask, Refine) else ask)
            except NungilError as error:
                self._tells.append(Fault(ask.number, error))
            self._wake.set()
        self._asks_ended = True
        if self._rest is not None:
            self._rest_in(0.0)  # nothing will follow

    async def _with_words(self, refine: Refine) -> Refine:
        """Its words read, which looks into search's copy."""
        asked, understood = await asyncio.to_thread(
            self._lens.search.words, refine.query
        )  # no thread that an index may hold
        return replace(refine, query=asked, understood=understood)

    def _take(self, ask: Ask) -> None:
        if isinstance(ask, Wrong):
            self._newest = max(self._newest, ask.number)
            raise ask.error
        if ask.number <= self._newest:
            raise InvalidQuery(f"the number is {ask.number} after {self._newest}: numbers are above 0 and grow")
        self._newest = ask.number
        if isinstance(ask, Refine):
            self._refined, self._answer = ask, None
            self._start("gather", self._gather())
            self._rest_in(0.0)
            return
        vector, box, clipped = query_vector(self._feature_map, ask.part)
        if self._frame is not None and self._unanswered(self._frame):
            metrics.LENS_FRAMES_SUPERSEDED.add()
        self._frame, self._answer = Pooled(ask, vector, box, clipped), None
        self._rest_in(0.0 if ask.rest else self._lens.limits.rest_s)

    def _unanswered(self, frame: Pooled) -> bool:
        pooled, searched = self._shown, self._searched
        return (pooled is None or pooled[0] is not frame) and (searched is None or searched[0] is not frame)

    def _rest_in(self, wait_s: float) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._rest = None
        if self._frame is not None:
            self._rest = asyncio.get_running_loop().call_later(wait_s, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._start("search", self._search())

    # What becomes known.

    async def _gather(self) -> None:
        lens, vectors = self._lens, vectors_of(self._feature_map)
        while self._gathered_for is not (refined := self._refined):
            query = refined.query
            gather = partial(lens.gather, vectors, query.conditions, rows_each=ROWS_A_WINDOW, without=(query.media_id,))
            try:
                gathered = await self._patiently(gather)
            except DependencyAway as error:
                if not await self._again_after(error):
                    return
                continue
            if refined is self._refined:
                self._gathered, self._gathered_for = gathered, refined
                rows, regions = len(gathered.pool), self._feature_map.regions
                self._tells.append(Ready(refined.number, rows, regions, refined.understood))
                self._wake.set()

    async def _search(self) -> None:
        """In full, until the frame that rests has its answer."""
        while self._rest is None and (frame := self._frame) and self._searched != (asked := (frame, self._refined)):
            query, began_s = self._query_of(frame), time.perf_counter()
            try:
                answer = await self._patiently(partial(self._lens.search, query))
            except NotFound as error:
                self.end(error)
                return
            except DependencyAway as error:
                if not await self._again_after(error):
                    return
                continue
            if query.record:
                self._recorded.add(query.part)
            took_s = time.perf_counter() - began_s
            metrics.SEARCH_SECONDS.observe(took_s)
            if asked == (self._frame, self._refined):
                self._searched, self._answer = asked, (answer, 1000 * took_s)
                self._wake.set()

    def _query_of(self, frame: Pooled) -> CropQuery:
        query, part = self._refined.query, frame.frame.part
        event_id = self._event_ids.setdefault(part, new_event_id())
        return replace(query, part=part, record=query.record and part not in self._recorded, event_id=event_id)

    async def _patiently(self, call: Callable[[], T]) -> T:
        """Meanwhile, after a while, the index counts as away."""
        late = asyncio.get_running_loop().call_later(self._lens.limits.slow_s, self._away_now, True)
        try:
            result = await self._lens.in_thread(call)
        finally:
            late.cancel()
        self._away_now(False)
        self._wait_s = FIRST_WAIT_S
        return result

    async def _again_after(self, error: DependencyAway) -> bool:
        """Whether to try again, once it has waited. Nobody waits for a session whose caller has left."""
        logger.warning("a lens session answers from its pool alone: %s", error)
        self._away_now(True)
        if self._asks_ended:
            return False
        await asyncio.sleep(self._wait_s)
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        return True

    def _away_now(self, away: bool) -> None:
        self._away = away
        self._wake.set()

    def _read_boxes(self, tenant: str, media_ids: Iterable[str]) -> None:
        """For the answers to come: the present one does not wait."""
        missing = [id_ for id_ in media_ids if id_ not in self._looked_for]
        if missing and "boxes" not in self._jobs:
            self._looked_for.update(missing)
            self._start("boxes", self._boxes_of(tenant, missing))

    async def _boxes_of(self, tenant: str, media_ids: Sequence[str]) -> None:
        def read() -> None:
            for media_id in media_ids:
                self._lens.search.maps.boxes_of(tenant, media_id)

        try:
            await self._lens.in_thread(read)
        except DependencyAway as error:
            logger.warning("hits go without their boxes: %s", error)
            self._looked_for.difference_update(media_ids)

    # What is told.

    def _next(self) -> Tell | None:
        query, frame = self._refined.query, self._frame
        denied = self._lens.search.denied
        if query.media_id in denied or query.person_id in denied:  # deleted, or of a person who was erased
            self.end(NoSuchPicture(f"no picture {query.media_id}"))
        if self._ended is not None:
            return Closed(self._ended)
        if self._tells:
            return self._tells.popleft()
        if frame is None:
            return None
        if self._answer is not None:
            answer, took_ms = self._answer
            self._answer = None
            return self._in_full(frame, answer, took_ms)
        showing = (frame, self._gathered, self._away)
        known = self._gathered_for is not None or self._away
        if not known or self._shown == showing or self._searched == (frame, self._refined):
            return None
        self._shown = showing
        return self._from_pool(frame)

    def _in_full(self, frame: Pooled, answer: Answer, took_ms: float) -> Shown:
        metrics.LENS_ANSWERS.add(source="search")
        items = [hit.item for hit in answer.hits if hit.item is not None]
        return Shown(
            number=max(frame.frame.number, self._refined.number),
            full=True,
            matched=answer.matched,
            hits=tuple(
                LensHit(hit.media_id, hit.item.item_id if hit.item else None, hit.score, hit.box, hit.same)
                for hit in answer.hits
            ),
            items=self._untold(items),
            box=answer.box,
            clipped=answer.clipped,
            partial=answer.partial,
            took_ms=took_ms,
            chips=answer.chips,
        )

    def _from_pool(self, frame: Pooled) -> Shown:
        began_s = time.perf_counter()
        search, query, pool = self._lens.search, self._refined.query, self._gathered.pool
        found = pool.best(frame.vector, query.limit, search.denied.among(pool.media_ids))
        hits = tuple(self._hit(query.tenant, each) for each in found)
        items = [item for each in found if (item := self._gathered.items.get(each.item_id or ""))]
        number, newest = frame.frame.number, self._gathered_for is self._refined
        took_s = time.perf_counter() - began_s
        metrics.LENS_SECONDS.observe(took_s)
        metrics.LENS_ANSWERS.add(source="pool")
        self._read_boxes(query.tenant, (hit.media_id for hit in hits if hit.box is None))
        return Shown(
            number=max(number, self._refined.number) if newest else number,
            full=False,
            matched=bool(found) and found[0].match.score >= search.match_cosine,
            hits=hits,
            items=self._untold(items),
            box=frame.box,
            clipped=frame.clipped,
            partial=self._away or self._gathered.partial,
            took_ms=1000 * took_s,
        )

    def _hit(self, tenant: str, found: Found) -> LensHit:
        match, n = found.match, region_of(found.match.id)
        boxes = {0: WHOLE} if n == 0 else self._lens.search.maps.held_boxes(tenant, match.media_id)
        same = match.score >= self._lens.search.match_cosine
        return LensHit(match.media_id, found.item_id, match.score, boxes.get(n), same)

    def _untold(self, items: Iterable[ItemRow]) -> tuple[ItemRow, ...]:
        untold = tuple(item for item in items if self._told.get(item.item_id) != item)
        self._told.update((item.item_id, item) for item in untold)
        return untold
