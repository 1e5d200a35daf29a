"""A space that is served takes over what only the space before it has: what came between its fill and the switch (decision 15)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TypeVar

from google.protobuf.message import DecodeError

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.event_log import topics
from nungil.event_log.port import EventLog, Record
from nungil.object_store.keys import features_key
from nungil.pictures.features import Features
from nungil.runtime.clock import Clock
from nungil.runtime.errors import DependencyAway
from services.embed import wire
from services.embed.filling import Filled, FillIndex, Stored

logger = logging.getLogger(__name__)

T = TypeVar("T")
_RECORDS = 64
_POLL_S = 0.5
_RETRY_S = 1.0


@dataclass(frozen=True)
class Succession:
    """Runs beside everything else that embed does, as long as a space is kept. before: the name of that space.

    First what is stored there and missing here; then what another embed, still serving that space, tells of. The tail is
    opened before the store is listed, and features are stored before they are told of, so nothing falls in between.
    """

    fill: FillIndex
    log: EventLog
    before: str
    clock: Clock
    stop: Event

    def __call__(self) -> None:
        """Until `stop`. What it needs may be away for as long as it takes."""
        fill = replace(self.fill, made=self._tell)
        with self.log.tail([topics.MEDIA_EMBEDDED], since="now") as tail:
            self._note(self._patiently(lambda: fill.after(self.before, self.stop)))
            while not self.stop.is_set():
                records = self._patiently(lambda: tail.poll(max_records=_RECORDS, timeout_s=_POLL_S))
                if late := self._pictures_in(records or ()):
                    self._note(self._patiently(lambda late=late: fill.of(late, self.stop)))  # type: ignore[misc]

    def _pictures_in(self, records: Sequence[Record]) -> list[Stored]:
        """Those that were embedded in the space before; those of a tenant together."""
        spaces = (self.before, self.fill.encoding.encoder.space.name)
        found = {named for record in records if (named := _embedded_in(record, self.before))}
        return [Stored(tenant, media_id, spaces) for tenant, media_id in sorted(found)]

    def _tell(self, made: Sequence[Features]) -> None:
        """Profile may have looked for them before they were there."""
        now_ms = self.clock()
        keys = [features_key(one.tenant, one.media_id, one.encoder_space) for one in made]
        records = [wire.embedded_too(one, key, now_ms) for one, key in zip(made, keys, strict=True)]
        self._patiently(lambda: self.log.append(records))

    def _note(self, filled: Filled | None) -> None:
        here = self.fill.encoding.encoder.space.name
        if filled and filled.encoded:
            logger.info("%d pictures of %s are now in %s too", filled.encoded, self.before, here)
        if filled and filled.failed:
            # An error: `nungil up` shows it.
            logger.error(
                "%d pictures of %s cannot be embedded in %s, so they are not found; `nungil rebuild index` names them",
                filled.failed,
                self.before,
                here,
            )

    def _patiently(self, action: Callable[[], T]) -> T | None:
        """Tries at least once, so that what was begun is told of; None once it is to stop."""
        while True:
            try:
                return action()
            except DependencyAway as error:
                logger.warning("waiting %.1f s: %s", _RETRY_S, error)
            if self.stop.wait(_RETRY_S):
                return None


def _embedded_in(record: Record, space: str) -> tuple[str, str] | None:
    """Tenant and media id of a picture that was embedded in `space`; None for anything else."""
    try:
        event = MediaEmbedded.FromString(record.value or b"")
    except DecodeError:
        return None  # those who subscribe put it away
    embedded = event.outcome == MediaEmbedded.OUTCOME_EMBEDDED and event.encoder_space == space
    return (event.tenant, event.media_id) if embedded else None
