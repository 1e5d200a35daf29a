"""Learning from events."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nungil.api.common.v1.common_pb2 import PURPOSE_PERSONAL
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.database.outbox import put_out
from nungil.runtime.errors import Rejected
from nungil.runtime.tracing import Span
from services.profile import core
from services.profile.handlers.boards import Boards
from services.profile.handlers.corrections import Corrections
from services.profile.handlers.tried import TriedThings
from services.profile.journal import Journal
from services.profile.store import tables
from services.profile.watching import Watches
from services.profile.wire.events import uploaded


@dataclass(frozen=True)
class PicturesEmbedded:
    """Pictures have their features now, or never will: tells of uploads, and fills the rows that waited."""

    journal: Journal
    woken: threading.Event

    def __call__(self, told: Sequence[tuple[MediaEmbedded, Span]]) -> dict[tuple[str, str], Rejected]:
        """span: of all that is done about the event. Answers the pictures that cannot be read, by tenant and media id."""
        faults: dict[tuple[str, str], Rejected] = {}
        tenants = sorted({event.tenant for event, _ in told})
        for tenant in tenants:
            mine = [(event, span) for event, span in told if event.tenant == tenant]
            faults |= {(tenant, media_id): error for media_id, error in self._of_tenant(tenant, mine).items()}
        return faults

    def _of_tenant(self, tenant: str, told: Sequence[tuple[MediaEmbedded, Span]]) -> Mapping[str, Rejected]:
        """Features first: a row that can be filled is, whatever else is said of its picture."""
        found = [(event, span) for event, span in told if event.outcome == MediaEmbedded.OUTCOME_EMBEDDED]
        given_up = {event.media_id for event, _ in told if event.outcome == MediaEmbedded.OUTCOME_REJECTED}
        faults: Mapping[str, Rejected] = {}
        if found:
            removed = self.journal.removed(tenant, {event.media_id for event, _ in found})
            found = [(event, span) for event, span in found if event.media_id not in removed]
            self._tell([(event, span) for event, span in found if event.purpose == PURPOSE_PERSONAL])
            faults = self.journal.resolve(tenant, {event.media_id for event, _ in found})
        if given_up:
            self.journal.give_up(tenant, given_up)
        return faults

    def _tell(self, uploads: Sequence[tuple[MediaEmbedded, Span]]) -> None:
        if uploads:
            with self.journal.engine.begin() as c:
                put_out(c, tables.OUTBOX, [uploaded(event, span.headers()) for event, span in uploads])
            self.woken.set()


@dataclass(frozen=True)
class PictureChanged:
    """A picture was deleted: it is taken out of every journal, off every board and out of what was tried; nobody waits for a part of it."""

    journal: Journal
    watches: Watches
    boards: Boards
    tried: TriedThings

    def __call__(self, event: MediaChanged) -> None:
        if event.change == MediaChanged.CHANGE_DELETED:
            self.journal.forget_picture(event.tenant, event.media_id)
            self.watches.forget_picture(event.tenant, event.media_id)
            self.boards.forget_picture(event.tenant, event.media_id)
            self.tried.forget_picture(event.tenant, event.media_id)


@dataclass(frozen=True)
class PeopleActed:
    """People did things with pictures, the only thing that makes interests, or said something of an interest."""

    journal: Journal
    corrections: Corrections

    def __call__(self, activities: Sequence[core.Activity]) -> Mapping[core.Activity, Rejected]:
        faults = self.journal.add([activity for activity in activities if not activity.interest])
        for activity in activities:
            if activity.interest:
                try:
                    self.corrections.heard(activity)
                except Rejected as error:
                    faults[activity] = error
        return faults
