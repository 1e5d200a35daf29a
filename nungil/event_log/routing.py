"""One subscription to several topics, each with a handler of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from nungil.event_log.consume import Handler
from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected


@dataclass(frozen=True)
class ByTopic:
    """A Handler: what follows each other of one topic goes to that topic's handler, in the order of delivery."""

    handlers: Mapping[str, Handler]

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return list(self.handlers)

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults: list[tuple[Record, Rejected]] = []
        for topic, run in groupby(records, key=lambda record: record.topic):
            faults += self.handlers[topic](list(run))
        return faults
