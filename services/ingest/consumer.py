"""media.embedded, as ingest reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected
from services.ingest.handlers.outcomes import Outcomes
from services.ingest.wire import Embedded, embedded_of


@dataclass(frozen=True)
class EmbeddedReader:
    """A `nungil.event_log.consume.Handler`."""

    outcomes: Outcomes

    def __call__(self, records: Sequence[Record]) -> Iterable[tuple[Record, Rejected]]:
        events: list[Embedded] = []
        wrong: list[tuple[Record, Rejected]] = []
        for record in records:
            try:
                events.append(embedded_of(record))
            except Rejected as error:
                wrong.append((record, error))
        self.outcomes.apply(events)
        return wrong
