"""media.embedded, as ingest reads it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nungil.event_log.port import Record
from nungil.runtime import tracing
from nungil.runtime.errors import Rejected
from nungil.runtime.tracing import Span
from services.ingest.handlers.outcomes import Outcomes
from services.ingest.wire import Embedded, embedded_of


@dataclass(frozen=True)
class EmbeddedReader:
    """A `nungil.event_log.consume.Handler`."""

    outcomes: Outcomes

    def __call__(self, records: Sequence[Record]) -> Iterable[tuple[Record, Rejected]]:
        events: list[Embedded] = []
        spans: list[Span] = []
        wrong: list[tuple[Record, Rejected]] = []
        for record in records:
            try:
                event = embedded_of(record)
            except Rejected as error:
                wrong.append((record, error))
                continue
            events.append(event)
            spans.append(_span_of(record, event))
        self.outcomes.apply(events)
        for span in spans:
            span.end()
        return wrong


def _span_of(record: Record, event: Embedded) -> Span:
    return tracing.begin(
        "ingest outcome",
        record.headers,
        media_id=event.media_id,
        version=event.version,
        outcome=Embedded.Outcome.Name(event.outcome).removeprefix("OUTCOME_").lower(),
        appended_at_ms=record.appended_at_ms,
    )
