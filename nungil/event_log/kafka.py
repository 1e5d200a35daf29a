"""The event log on Apache Kafka, through kafka-python.

Topics are created by `nungil topics apply` from topics.py, never here: a broker that creates one by itself gives it one
partition and no compaction, and every order that we rely on would be gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from nungil.event_log.errors import UnknownTopic
from nungil.event_log.kafka_cluster import REQUEST_TIMEOUT_MS, Cluster, once_coordinated, translated
from nungil.event_log.kafka_readers import KafkaSubscription, KafkaTail
from nungil.event_log.port import NewRecord, Subscription, Tail
from nungil.event_log.topics import TOPICS, Topic, by_name

logger = logging.getLogger(__name__)

SESSION_TIMEOUT_S = 10.0  # a member that died loses its partitions after so long
STATIC_SESSION_TIMEOUT_S = 45.0  # one that is expected back under its name
POLL_INTERVAL_S = (
    300.0  # one that lives, and neither polls nor keeps itself alive; and so long others wait for its commit
)
HEARTBEAT_S = 1.0  # how soon a member hears of another that comes or goes
METADATA_AGE_MS = 30_000  # how soon a member that shared out partitions without knowing a topic shares out again


class KafkaEventLog:
    """See port.EventLog. One idempotent producer for the process; each subscription and tail has a consumer of its own."""

    def __init__(
        self, cluster: Cluster, *, topics: Sequence[Topic] = TOPICS, session_timeout_s: float | None = None
    ) -> None:
        """session_timeout_s: for how long a member may be silent, in any way. None: the times above."""
        self._cluster = cluster
        self._silence_s = session_timeout_s
        self._declared = by_name(topics)
        self._lock = threading.Lock()  # of the two clients below, each made when first needed
        self._producer: KafkaProducer | None = None
        self._admin: KafkaAdminClient | None = None

    def close(self) -> None:
        """Ends appending. Subscriptions and tails close by themselves."""
        with self._lock:
            if self._producer is not None:
                _close(self._producer, timeout=REQUEST_TIMEOUT_MS / 1000)
            if self._admin is not None:
                _close(self._admin)

    def append(self, records: Sequence[NewRecord]) -> None:
        names = [self._name(record.topic) for record in records]
        if not records:
            return
        with translated():
            producer = self._open_producer()
            try:
                _send(producer, names, records)
            except KafkaError:
                self._drop(producer)
                raise

    @contextmanager
    def subscribe(self, topics: Sequence[str], *, group: str) -> Iterator[Subscription]:
        names = [self._name(topic) for topic in topics]
        instance = self._cluster.instance
        session_s = self._silence_s or (STATIC_SESSION_TIMEOUT_S if instance else SESSION_TIMEOUT_S)
        group = self._cluster.prefix + group
        with translated():
            consumer = self._consumer(
                group_id=group,
                group_instance_id=f"{instance}-{'-'.join(sorted(topics))}" if instance else None,
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=int(session_s * 1000),
                heartbeat_interval_ms=int(min(session_s / 5, HEARTBEAT_S) * 1000),
                max_poll_interval_ms=int(POLL_INTERVAL_S * 1000),
            )
            if (
                self._silence_s
            ):  # Kafka has one name for this and for how long the others wait for a commit: see keep_alive
                consumer._coordinator.heartbeat.config["max_poll_interval_ms"] = int(self._silence_s * 1000)
        try:
            member = KafkaSubscription(consumer, self._cluster, group=group)
            with translated():
                consumer.subscribe(names, listener=member.holdings)
            yield member
        finally:
            _close(consumer, autocommit=False, timeout_ms=REQUEST_TIMEOUT_MS)

    @contextmanager
    def tail(self, topics: Sequence[str], *, since: Literal["start", "now"]) -> Iterator[Tail]:
        names = [self._name(topic) for topic in topics]
        with translated():
            consumer = self._consumer()
        try:
            with translated():
                partitions = [
                    TopicPartition(name, number) for name in names for number in consumer.partitions_for_topic(name)
                ]
                consumer.assign(partitions)
                offsets = consumer.beginning_offsets if since == "start" else consumer.end_offsets
                for partition, offset in offsets(partitions).items():
                    consumer.seek(partition, offset)
            yield KafkaTail(consumer, self._cluster.prefix)
        finally:
            _close(consumer, autocommit=False, timeout_ms=REQUEST_TIMEOUT_MS)

    def lag(self, topics: Sequence[str], *, group: str) -> Mapping[str, int]:
        """As the port says, counted in offsets: those that compaction took away are counted too."""
        topic_of = {self._name(topic): topic for topic in topics}
        group = self._cluster.prefix + group
        with self._lock, translated():
            if self._admin is None:
                self._admin = KafkaAdminClient(**self._cluster.connection())
            described = self._admin.describe_topics(list(topic_of))
            partitions = [TopicPartition(t["name"], p["partition_index"]) for t in described for p in t["partitions"]]
            first = self._admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            last = self._admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
            admin = self._admin
            committed = once_coordinated(lambda: admin.list_group_offsets({group: partitions}))[group]
        behind = dict.fromkeys(topics, 0)
        for partition in partitions:
            position = committed[partition].offset if partition in committed else -1
            behind[topic_of[partition.topic]] += last[partition].offset - max(position, first[partition].offset)
        return behind

    def _name(self, topic: str) -> str:
        if topic not in self._declared:
            raise UnknownTopic(f"{topic!r} is no topic: see nungil/event_log/topics.py")
        return self._cluster.prefix + topic

    def _open_producer(self) -> KafkaProducer:
        with self._lock:
            if self._producer is None:
                self._producer = KafkaProducer(
                    **self._cluster.connection(),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=5,
                    max_block_ms=REQUEST_TIMEOUT_MS,
                    delivery_timeout_ms=2 * REQUEST_TIMEOUT_MS,
                    allow_auto_create_topics=False,
                )
            return self._producer

    def _drop(self, producer: KafkaProducer) -> None:
        """The next append gets a new one: what this one still holds must not go out after what is appended again."""
        with self._lock:
            dropped = self._producer is producer
            if dropped:
                self._producer = None
        if dropped:
            _close(producer, timeout=0)

    def _consumer(self, **more: Any) -> KafkaConsumer:
        return KafkaConsumer(
            **self._cluster.connection(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_AGE_MS,
            max_partition_fetch_bytes=256 * 1024,
            **more,
        )


def _send(producer: KafkaProducer, names: Sequence[str], records: Sequence[NewRecord]) -> None:
    """Sends, and waits until all are acknowledged. Raises KafkaError."""
    sent = [
        producer.send(
            name,
            key=record.key.encode(),
            value=record.value,
            headers=[(key, value.encode()) for key, value in record.headers.items()],
        )
        for name, record in zip(names, records, strict=True)
    ]
    producer.flush(timeout=3 * REQUEST_TIMEOUT_MS / 1000)
    for future in sent:
        future.get(timeout=REQUEST_TIMEOUT_MS / 1000)


def _close(client: Any, **how: Any) -> None:
    """Closes a client; that its last words did not reach the brokers harms nobody."""
    try:
        client.close(**how)
    except KafkaError as error:
        logger.warning("not closed in order: %s: %s", type(error).__name__, error)
