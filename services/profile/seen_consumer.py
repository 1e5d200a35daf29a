"""What people do with things, heard beside what is learnt of it: what was seen is not recommended again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1 import profile_pb2
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected
from services.profile.handlers.recommendations import NoteSeen
from services.profile.store.recommendation_rows import Seen, What
from services.profile.wire.events import activity_of, media_changed_of

Read = Callable[[Sequence[Record]], Sequence[tuple[Record, Rejected]]]
_SEEN = frozenset(
    profile_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{name}")
    for name in ("SAVED", "LIKED", "TRIED", "SHARED", "CLOSED_UP", "CLICKED_OUT", "HIDDEN", "BOUGHT")
)


@dataclass(frozen=True)
class ReadSeen:
    """Notes what a batch says was seen, then lets it be read. What cannot be read is the reader's to refuse."""

    read: Read
    note: NoteSeen

    def __call__(self, records: Sequence[Record]) -> Sequence[tuple[Record, Rejected]]:
        acted: dict[tuple[str, str], list[Seen]] = defaultdict(list)
        for record in records:
            try:
                if record.topic == topics.USER_ACTIVITY:
                    activity_of(record)  # raises for what is none
                    event = UserActivity.FromString(record.value or b"")
                    if event.kind in _SEEN:
                        acted[event.tenant, event.person_id] += _seen(event)
                elif record.topic == topics.MEDIA_CHANGED:
                    changed = media_changed_of(record)
                    if changed.change == MediaChanged.CHANGE_DELETED:
                        self.note.forget_picture(changed.tenant, changed.media_id)
            except Rejected:
                continue
        self.note(acted)
        return self.read(records)


def _seen(event: UserActivity) -> list[Seen]:
    hidden = event.kind == profile_pb2.ACTIVITY_KIND_HIDDEN
    item = [Seen(What.ITEM, event.item_id, event.occurred_at_ms, hidden)] if event.item_id else []
    picture = [Seen(What.PICTURE, event.media_id, event.occurred_at_ms, hidden)] if event.media_id else []
    return [*item, *picture]
