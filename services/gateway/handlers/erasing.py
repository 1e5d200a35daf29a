"""A person leaves: asking for it, and what the gateway keeps and remembers of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from threading import Event

from google.protobuf.message import DecodeError
from sqlalchemy import Engine

from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1 import erasure_pb2
from nungil.database.erasing import scrub
from nungil.erasing import Erased, InvalidErasure, Removed, confirmed, erased_of
from nungil.event_log import topics
from nungil.event_log.port import EventLog, Record
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway, NotFound
from services.gateway import erased_rows as rows
from services.gateway.core import Who
from services.gateway.handlers.callers import IdentifyCaller
from services.gateway.handlers.peers import Peers, ask
from services.gateway.handlers.pictures import FileNames
from services.gateway.wire.common import caller

logger = logging.getLogger(__name__)

GROUP, DATABASE = "gateway", "database"
_RECORDS = 256
_POLL_S = 0.5
_RETRY_S = 1.0


@dataclass(frozen=True)
class Leave:
    """Erases the person who asks; their keys that can do nothing else end with them."""

    engine: Engine
    peers: Peers
    identify: IdentifyCaller
    timeout_s: float

    async def __call__(self, who: Who, subject: str) -> str:
        """The id of the receipt."""
        await asyncio.to_thread(self._begin, who, subject)
        request = erasure_pb2.EraseMeRequest(caller=caller(who))
        try:
            answer = await ask(self.peers.erasure.EraseMe, request, timeout_s=self.timeout_s)
        except NotFound:
            await asyncio.to_thread(self._call_off, who)
            raise
        self.identify.forget(who.tenant, who.person_id)
        return str(answer.receipt_id)

    def _begin(self, who: Who, subject: str) -> None:
        with self.engine.begin() as c:
            rows.begin(c, who.tenant, who.person_id, subject)

    def _call_off(self, who: Who) -> None:
        with self.engine.begin() as c:
            rows.call_off(c, who.tenant, who.person_id)


@dataclass(frozen=True)
class EraseKept:
    """Removes what the gateway's database holds of an erased person. kept_ms: how long a server keeps bytes."""

    engine: Engine
    log: EventLog
    clock: Clock
    kept_ms: int

    def __call__(self, erased: Erased) -> None:
        """Idempotent."""
        with self.engine.begin() as c:
            removed = rows.erase(c, erased.tenant, erased.person_id)
        now_ms = self.clock()
        gone_by_ms = 0 if scrub(self.engine) else now_ms + self.kept_ms
        self.log.append([confirmed(erased, GROUP, Removed(DATABASE, removed, gone_by_ms), now_ms=now_ms)])
        logger.info("%s had %d rows, which are gone", erased.person_id, removed)


@dataclass(frozen=True)
class ForgetErased:
    """What this process remembers: of erased people who they are, of deleted pictures what they were called. Each process reads all."""

    log: EventLog
    identify: IdentifyCaller
    file_names: FileNames

    def read(self, loop: asyncio.AbstractEventLoop, stop: Event) -> None:
        """Until `stop`, in a thread of its own."""
        with self.log.tail([topics.USER_ERASED, topics.MEDIA_CHANGED], since="now") as tail:
            while not stop.is_set():
                try:
                    for record in tail.poll(max_records=_RECORDS, timeout_s=_POLL_S):
                        self._take(record, loop)
                except DependencyAway as error:
                    logger.warning("erased people are forgotten later: %s", error)
                    stop.wait(_RETRY_S)

    def _take(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        try:
            if record.topic == topics.USER_ERASED:
                erased = erased_of(record)
                loop.call_soon_threadsafe(self.identify.forget, erased.tenant, erased.person_id)
            else:
                event = MediaChanged.FromString(record.value or b"")
                if event.change == MediaChanged.CHANGE_DELETED:
                    loop.call_soon_threadsafe(self.file_names.forget, event.tenant, event.media_id)
        except (InvalidErasure, DecodeError) as error:
            logger.warning("%s/%d@%d is no event: %s", record.topic, record.partition, record.offset, error)
