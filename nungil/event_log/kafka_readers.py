"""What reads from Kafka: a member of a group, and a tail. Each has a consumer of its own, and belongs to one thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.coordinator.base import MemberState
from kafka.errors import CommitFailedError, NoError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from nungil.event_log.errors import EventLogAway, PartitionLost
from nungil.event_log.kafka_cluster import REQUEST_TIMEOUT_MS, Cluster, once_coordinated, translated
from nungil.event_log.port import Record

FETCHED_AT_ONCE = 500
REBALANCE_PATIENCE_S = 10.0
_REBALANCE_POLL_S = 0.2


class KafkaSubscription:
    """See port.Subscription."""

    def __init__(self, consumer: KafkaConsumer, cluster: Cluster, *, group: str) -> None:
        self._consumer = consumer
        self._cluster = cluster
        self._group = group
        self.holdings = Holdings()

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        # Kafka's client empties what it fetched of one partition before the next, so we fetch more and deal it out in turns.
        here = self.holdings.count()
        most = max(FETCHED_AT_ONCE, max_records) if here < max_records else 0
        self._poll(0 if here and self._settled() else timeout_s, most=most)
        # What is dealt out while partitions are being shared out could not be committed before that ends.
        return self.holdings.deal(max_records) if self._settled() else []

    def commit(self) -> None:
        until = time.monotonic() + REBALANCE_PATIENCE_S
        while self.holdings.polled and not self._committed():
            if time.monotonic() > until:
                raise EventLogAway(
                    f"the group {self._group} has been sharing out partitions for {REBALANCE_PATIENCE_S:g} s"
                )
            self._poll(_REBALANCE_POLL_S, most=0)
        lost, self.holdings.lost = self.holdings.lost, set()
        if lost:
            names = ", ".join(f"{tp.topic}[{tp.partition}]" for tp in sorted(lost))
            raise PartitionLost(f"{names} went to another member before the commit")

    def keep_alive(self) -> None:
        # A poll could hand over partitions whose records are in work. This only says that we live; the group waits for our
        # commit before it shares out anew, for POLL_INTERVAL_S at most.
        with translated():
            self._consumer._coordinator.poll_heartbeat()

    def _poll(self, timeout_s: float, *, most: int) -> None:
        """Polls as Kafka demands of a live member, for `most` records; 0: with what is held paused, so that none are taken."""
        coordinator = self._consumer._coordinator
        join = coordinator._join_task
        if join is not None and join.is_done:
            coordinator._join_task = _EndedJoin(join)
        if coordinator.rejoining:
            # A joining that began because a topic changed, and lasts longer than a poll, makes kafka-python 3.0.12 believe that
            # none is under way, once it leads the group: it would never take what it was assigned, and send no heartbeats.
            coordinator.rejoin_needed = True
        with translated():
            if not most:
                self._consumer.pause(*self._consumer.assignment())
            fetched = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=most or 1)
            if not most:
                self._consumer.resume(*self._consumer.paused())
        for partition, records in records_of(fetched, self._cluster.prefix).items():
            self.holdings.waiting.setdefault(partition, deque()).extend(records)

    def _settled(self) -> bool:
        return self._consumer.group_metadata().state is MemberState.STABLE

    def _committed(self) -> bool:
        """Commits once. False where the group must share out its partitions first, for which this member has to poll."""
        offsets = {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in self.holdings.polled.items()}
        try:
            with translated():
                self._consumer.commit(offsets, timeout_ms=REQUEST_TIMEOUT_MS)
        except EventLogAway as error:
            if _is_rebalance(error.__cause__):
                return False
            if not isinstance(error.__cause__, CommitFailedError):
                raise
            self._commit_from_outside(offsets)
        self.holdings.polled.clear()
        return True

    def _commit_from_outside(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """After we were silent for too long. Kafka allows it while the group has no member: then nobody took our place."""
        with translated():
            admin = KafkaAdminClient(**self._cluster.connection())
            try:
                answers = once_coordinated(lambda: admin.alter_group_offsets(self._group, offsets))
            finally:
                admin.close()
        self.holdings.lost |= {partition for partition, error in answers.items() if error is not NoError}


@dataclass
class Holdings(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """What a member has of its partitions: fetched and waiting, polled and not committed; and what it lost of the latter."""

    waiting: dict[TopicPartition, deque[Record]] = field(default_factory=dict)
    polled: dict[TopicPartition, int] = field(default_factory=dict)
    lost: set[TopicPartition] = field(default_factory=set)

    def count(self) -> int:
        """Records that wait."""
        return sum(map(len, self.waiting.values()))

    def deal(self, max_records: int) -> list[Record]:
        """Records that waited, one of each partition in turn."""
        dealt: list[Record] = []
        while self.waiting and len(dealt) < max_records:
            partition = next(iter(self.waiting))
            queue = self.waiting.pop(partition)
            dealt.append(queue.popleft())
            self.polled[partition] = dealt[-1].offset + 1
            if queue:
                self.waiting[partition] = queue  # at the end now
        return dealt

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Another member gets them."""
        for partition in revoked:
            self.waiting.pop(partition, None)
            if self.polled.pop(partition, None) is not None:
                self.lost.add(partition)

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """Another member has them already."""
        self.on_partitions_revoked(lost)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Nothing to do: a partition comes with its position, the last commit."""


class _EndedJoin:
    """A joining of the group that ended between two polls, made to look as if it had not.

    kafka-python 3.0.12 waits on for one that has not ended, but forgets one that has, and joins again: members that are
    polled in turns would join for ever.
    """

    is_done = False

    def __init__(self, join: Any) -> None:
        self.add_callback = join.add_callback
        self.add_errback = join.add_errback


class KafkaTail:
    """See port.Tail."""

    def __init__(self, consumer: KafkaConsumer, prefix: str) -> None:
        self._consumer = consumer
        self._prefix = prefix

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        with translated():
            fetched = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        return [record for records in records_of(fetched, self._prefix).values() for record in records]


def records_of(fetched: Mapping[TopicPartition, Sequence[Any]], prefix: str) -> dict[TopicPartition, list[Record]]:
    """Kafka's records as ours."""
    return {
        partition: [
            Record(
                topic=record.topic.removeprefix(prefix),
                partition=record.partition,
                offset=record.offset,
                key=(record.key or b"").decode(),
                value=record.value,
                headers={key: value.decode() for key, value in record.headers},
                appended_at_ms=record.timestamp,
            )
            for record in records
        ]
        for partition, records in fetched.items()
    }


def _is_rebalance(error: BaseException | None) -> bool:
    """Whether a commit failed because partitions are being shared out; the client says so itself or wraps the broker's word."""
    wrapped = error.args[0] if isinstance(error, CommitFailedError) and error.args else error
    return isinstance(wrapped, RebalanceInProgressError)
