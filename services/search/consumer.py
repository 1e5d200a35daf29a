"""What search reads: item.changed and media.embedded as a group; media.changed, and what is new, as tails of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

from nungil.event_log import topics
from nungil.event_log.errors import EventLogAway
from nungil.event_log.port import EventLog, Record
from nungil.runtime.errors import DependencyAway, Rejected
from services.search import wire
from services.search.core import ItemRow
from services.search.features import FeatureMaps
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.facts import ApplyFacts
from services.search.handlers.freshness import KeepFresh
from services.search.handlers.items import ApplyItems

logger = logging.getLogger(__name__)

GROUP = "search"
TOPICS = (topics.ITEM_CHANGED, topics.MEDIA_EMBEDDED)
_BATCH = 500
_POLL_S = 0.5
_RETRY_S = 1.0


@dataclass(frozen=True)
class ReadItems:
    """Applies a batch of item.changed in one transaction; of each item, its last record."""

    apply: ApplyItems

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults: list[tuple[Record, Rejected]] = []
        changes: dict[tuple[str, str], tuple[str, str, ItemRow | None]] = {}
        for record in records:
            try:
                tenant, item_id, item = wire.item_of(record)
            except Rejected as error:
                faults.append((record, error))
                continue
            changes[tenant, item_id] = (tenant, item_id, item)
        if changes:
            self.apply(list(changes.values()))
        return faults


@dataclass(frozen=True)
class ReadPictures:
    """Keeps what pictures show up to date with media.embedded."""

    apply: ApplyFacts
    space: str

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults: list[tuple[Record, Rejected]] = []
        pictures: list[tuple[str, str]] = []
        for record in records:
            try:
                event = wire.embedded_picture(record)
            except Rejected as error:
                faults.append((record, error))
                continue
            if wire.tells_of(event, self.space):
                pictures.append((event.tenant, event.media_id))
        if pictures:
            self.apply(pictures)
        return faults


@dataclass(frozen=True)
class ReadChanges:
    """A batch of what the group reads, by topic."""

    items: ReadItems
    pictures: ReadPictures

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        of_items = [record for record in records if record.topic == topics.ITEM_CHANGED]
        of_pictures = [record for record in records if record.topic == topics.MEDIA_EMBEDDED]
        return self.items(of_items) + self.pictures(of_pictures)


@dataclass(frozen=True)
class ReadFresh:
    """Tells of each picture that is new, or that changed in the index, from now on."""

    log: EventLog
    keep: KeepFresh
    stop: Event

    def __call__(self) -> None:
        with self.log.tail([topics.MEDIA_ENCODED, topics.MEDIA_EMBEDDED], since="now") as tail:
            while not self.stop.is_set():
                try:
                    records = tail.poll(max_records=_BATCH, timeout_s=_POLL_S)
                    for record in records:
                        self._tell(record)
                except DependencyAway as error:
                    logger.warning("new pictures are found once the index shows them: %s", error)
                    self.stop.wait(_RETRY_S)

    def _tell(self, record: Record) -> None:
        if record.topic == topics.MEDIA_ENCODED:
            encoded = wire.encoded_picture(record)
            if encoded is not None:
                self.keep.encoded(encoded.tenant, encoded.media_id, encoded.encoder_space)
            return
        try:
            event = wire.embedded_picture(record)
        except Rejected:
            return  # the group puts it away as a dead letter
        self.keep.changed(event.tenant, event.media_id, gone=wire.is_removal(event))


@dataclass(frozen=True)
class ReadDeletions:
    """Denies deleted pictures, those of the past first. `caught_up` is set once the past was read."""

    log: EventLog
    denied: DeniedPictures
    maps: FeatureMaps
    stop: Event
    caught_up: Event = field(default_factory=Event)

    def __call__(self) -> None:
        with self.log.tail([topics.MEDIA_CHANGED], since="start") as tail:
            while not self.stop.is_set():
                try:
                    records = tail.poll(max_records=_BATCH, timeout_s=_POLL_S if self.caught_up.is_set() else 0.0)
                except EventLogAway as error:
                    logger.warning("deletions cannot be read now: %s", error)
                    self.stop.wait(_RETRY_S)
                    continue
                for record in records:
                    deleted = wire.deleted_picture(record)
                    if deleted is not None:
                        self.denied.deny(deleted.media_id)
                        self.maps.forget(deleted.tenant, deleted.media_id)
                if not records:
                    self.caught_up.set()

    def wait_until_caught_up(self) -> None:
        """Returns once the past was read, or the process is to stop."""
        while not self.stop.is_set() and not self.caught_up.wait(_POLL_S):
            logger.info("reading which pictures were deleted")
