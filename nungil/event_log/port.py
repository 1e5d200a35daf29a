"""The event log port: what every service may expect of Kafka, or of SQLite on one machine.

Terms. A *topic* is cut into a fixed number of *partitions*; a record's key chooses its partition, so records of one
key are delivered in the order of their appending. A *group* is a set of processes that share a topic's partitions:
each partition belongs to one live member at a time, and is handed over when that member leaves or dies. A *commit*
stores the position after the records polled so far. What was polled and not committed is delivered again, to
whoever holds the partition next: delivery is at least once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to append. `value` None is a tombstone: in a compacted topic it removes the key."""

    topic: str
    key: str
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as delivered. `offset` grows within its partition; gaps are possible (compaction)."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: Mapping[str, str]
    appended_at_ms: int


class Subscription(Protocol):
    """A member of a group. Belongs to one thread."""

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Up to `max_records` next records of the partitions held, in order within each partition.

        Waits at most `timeout_s` for the first; an empty answer is no error. Polling also keeps the membership
        alive and takes over or hands over partitions. Raises EventLogAway where the log cannot be reached.
        """

    def commit(self) -> None:
        """Stores the position after everything that this member has polled.

        Raises PartitionLost where a partition was handed to another member meanwhile; the others are committed
        all the same, and the lost records are delivered to the new holder.
        """

    def keep_alive(self) -> None:
        """Keeps the membership and its partitions without taking records. Call it while a batch takes long."""


class Tail(Protocol):
    """Every record of a topic, for this reader alone: no group, nothing committed. Belongs to one thread."""

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        """As Subscription.poll, over all partitions."""


class EventLog(Protocol):
    """Append, subscribe, tail. Safe for use by many threads; subscriptions and tails are not."""

    def append(self, records: Sequence[NewRecord]) -> None:
        """Returns once every record is durable: it survives the end of this process at any moment.

        Records of one key keep the order of `records`. Raises UnknownTopic (nothing was appended) and EventLogAway
        (some may have been appended: append again, readers are idempotent).
        """

    def subscribe(self, topics: Sequence[str], *, group: str) -> AbstractContextManager[Subscription]:
        """Joins `group`. A group that never committed begins at the start of each partition. Leaving hands over at once."""

    def tail(self, topics: Sequence[str], *, since: Literal["start", "now"]) -> AbstractContextManager[Tail]:
        """Reads from the start, or whatever is appended from now on."""

    def lag(self, topics: Sequence[str], *, group: str) -> Mapping[str, int]:
        """Records appended and not yet committed by `group`, per topic."""
