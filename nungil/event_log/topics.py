"""The one table of topics: what `nungil topics apply` creates and every service may name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000
RETENTION_MS = 90 * DAY_MS
NOTES_MS = DAY_MS  # of what is worth nothing a minute later


@dataclass(frozen=True, slots=True)
class Topic:
    """`compacted` topics keep the last record of each key for ever; the others keep `retention_ms`."""

    name: str
    partitions: int
    compacted: bool = False
    retention_ms: int = RETENTION_MS


MEDIA_CHANGED = "media.changed"
ITEM_CHANGED = "item.changed"
MEDIA_ENCODED = "media.encoded"
MEDIA_EMBEDDED = "media.embedded"
USER_ACTIVITY = "user.activity"
USER_ERASED = "user.erased"
ERASURE_CONFIRMED = "erasure.confirmed"
WATCH_CHANGED = "watch.changed"
WATCH_MATCHED = "watch.matched"

_LIVE = (
    Topic(MEDIA_CHANGED, partitions=12),
    Topic(ITEM_CHANGED, partitions=12, compacted=True),
    Topic(MEDIA_ENCODED, partitions=12, retention_ms=NOTES_MS),
    Topic(MEDIA_EMBEDDED, partitions=12),
    Topic(USER_ACTIVITY, partitions=12),
    Topic(USER_ERASED, partitions=3),
    Topic(ERASURE_CONFIRMED, partitions=3),
    Topic(WATCH_CHANGED, partitions=3, compacted=True),
    Topic(WATCH_MATCHED, partitions=3),
)

# Who subscribes to what: a dead letter topic exists for each pair. (What search and gateway tail, they put nothing of away.)
READERS = (
    (MEDIA_CHANGED, "embed"),
    (MEDIA_CHANGED, "profile"),
    (ITEM_CHANGED, "search"),
    (ITEM_CHANGED, "profile"),
    (MEDIA_EMBEDDED, "ingest"),
    (MEDIA_EMBEDDED, "search"),
    (MEDIA_EMBEDDED, "profile"),
    (USER_ACTIVITY, "profile"),
    (WATCH_MATCHED, "profile"),
    (USER_ERASED, "ingest"),
    (USER_ERASED, "embed"),
    (USER_ERASED, "search"),
    (USER_ERASED, "gateway"),
    (USER_ERASED, "profile"),
    (ERASURE_CONFIRMED, "profile"),
)


def dead_topic(topic: str, group: str) -> str:
    """Where `group` puts the records of `topic` that it cannot handle."""
    return f"{topic}.dead.{group}"


TOPICS: tuple[Topic, ...] = _LIVE + tuple(Topic(dead_topic(t, g), partitions=1) for t, g in READERS)


def by_name(topics: Iterable[Topic] = TOPICS) -> dict[str, Topic]:
    """The table as a mapping."""
    return {topic.name: topic for topic in topics}
