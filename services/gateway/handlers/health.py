"""How the system is."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from threading import Event

from nungil.api.search.v1 import search_pb2
from nungil.event_log.port import EventLog
from nungil.event_log.topics import READERS
from nungil.runtime import metrics
from nungil.runtime.errors import DependencyAway, NungilError
from services.gateway.handlers.peers import Peers, ask
from services.gateway.wire.status import IndexModel, LagModel, ServiceModel, StatusModel

logger = logging.getLogger(__name__)

_LAG_EVERY_S = 15.0


@dataclass(frozen=True)
class ReportStatus:
    """Health of every service, rows of the index, lag of every consumer."""

    peers: Peers
    log: EventLog
    timeout_s: float

    async def serving(self) -> dict[str, bool]:
        """Whether each service says that it serves."""
        names = list(self.peers.channels)
        return dict(zip(names, await asyncio.gather(*map(self.peers.is_serving, names)), strict=True))

    async def __call__(self) -> StatusModel:
        """Raises EventLogAway."""
        serving, index, lag = await asyncio.gather(self.serving(), self._index(), asyncio.to_thread(self._lag))
        services = {"gateway": ServiceModel(healthy=True)} | {n: ServiceModel(healthy=h) for n, h in serving.items()}
        return StatusModel(healthy=all(serving.values()), services=services, index=index, lag=lag)

    def watch_lag(self, stop: Event, *, every_s: float = _LAG_EVERY_S) -> None:
        """Measures how far consumers are behind, until `stop`: also those that are down, which cannot say so themselves."""
        while not stop.is_set():
            try:
                for lag in self._lag():
                    metrics.CONSUMER_LAG.set(lag.records, topic=lag.topic, group=lag.group)
            except NungilError as error:
                logger.warning("the lag of consumers is not known: %s", error)
            stop.wait(every_s)

    async def _index(self) -> IndexModel | None:
        try:
            answer = await ask(self.peers.search.GetStatus, search_pb2.GetStatusRequest(), timeout_s=self.timeout_s)
        except DependencyAway:
            return None
        return IndexModel(rows=answer.index_rows, items=answer.items, encoder_space=answer.encoder_space)

    def _lag(self) -> list[LagModel]:
        topics_of = defaultdict(list)
        for topic, group in READERS:
            topics_of[group].append(topic)
        return [
            LagModel(topic=topic, group=group, records=records)
            for group, topics in topics_of.items()
            for topic, records in sorted(self.log.lag(topics, group=group).items())
        ]
