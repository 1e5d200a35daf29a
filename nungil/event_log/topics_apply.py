"""Kafka's topics against the declared table: `nungil topics apply` creates them, and a service looks before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import TopicAlreadyExistsError

from nungil.event_log.kafka_cluster import REQUEST_TIMEOUT_MS, Cluster, explained, translated
from nungil.event_log.kafka_version import check_version
from nungil.event_log.topics import TOPICS, Topic
from nungil.runtime.errors import Misconfigured

BROKERS_DEFAULT = -1


def apply_topics(
    cluster: Cluster, topics: Sequence[Topic] = TOPICS, *, replication_factor: int = BROKERS_DEFAULT
) -> list[str]:
    """Creates the topics that are missing, and sets retention and compaction of all. Returns the names of those created.

    Raises Misconfigured where one has too few partitions: adding some would move keys to other partitions and break their
    order, so that is left to a person. Two at once do no harm.
    """
    with _admin(cluster) as admin:
        there = _partitions(admin, cluster)
        _refuse_too_few(cluster, topics, there)
        missing = {
            cluster.prefix + topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication_factor,
                "configs": _settings(topic),
            }
            for topic in topics
            if cluster.prefix + topic.name not in there
        }
        if missing:
            try:
                admin.create_topics(missing, timeout_ms=3 * REQUEST_TIMEOUT_MS, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                _refuse_too_few(cluster, topics, _partitions(admin, cluster))  # by another, at this very moment
        kept = [topic for topic in topics if cluster.prefix + topic.name in there]
        if kept:
            admin.alter_configs([ConfigResource("topic", cluster.prefix + t.name, configs=_settings(t)) for t in kept])
    return sorted(missing)


def check_topics(cluster: Cluster, topics: Sequence[Topic] = TOPICS) -> None:
    """Raises Misconfigured where a topic is missing or has too few partitions, with all of them in one sentence."""
    with _admin(cluster) as admin:
        there = _partitions(admin, cluster)
    missing = [cluster.prefix + topic.name for topic in topics if cluster.prefix + topic.name not in there]
    if missing:
        raise Misconfigured(
            f"Kafka at {','.join(cluster.servers)} lacks {', '.join(missing)}: run `nungil topics apply`"
        )
    _refuse_too_few(cluster, topics, there)


def delete_topics(cluster: Cluster, topics: Sequence[Topic] = TOPICS) -> None:
    """Removes those that are there, with everything in them."""
    with _admin(cluster) as admin:
        names = [cluster.prefix + topic.name for topic in topics]
        there = _partitions(admin, cluster)
        found = [name for name in names if name in there]
        if found:
            admin.delete_topics(found, timeout_ms=3 * REQUEST_TIMEOUT_MS)


@contextmanager
def _admin(cluster: Cluster) -> Iterator[KafkaAdminClient]:
    with translated():
        with explained(cluster.security):
            admin = KafkaAdminClient(**cluster.connection())
        try:
            check_version(admin._manager.broker_version)  # of the one that answered: others may be away at the moment
            yield admin
        finally:
            admin.close()


def _partitions(admin: KafkaAdminClient, cluster: Cluster) -> dict[str, int]:
    """How many each topic of ours has."""
    names = [name for name in admin.list_topics() if name.startswith(cluster.prefix)]
    return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)} if names else {}


def _refuse_too_few(cluster: Cluster, topics: Sequence[Topic], there: Mapping[str, int]) -> None:
    few = [
        f"{name} has {there[name]} of {topic.partitions}"
        for topic in topics
        if (name := cluster.prefix + topic.name) in there and there[name] < topic.partitions
    ]
    if few:
        raise Misconfigured(
            f"too few partitions: {', '.join(few)}; stop the services, delete such a topic and run `nungil topics apply`, "
            "or start afresh under another prefix: adding partitions to a topic in use would break the order of its keys"
        )


def _settings(topic: Topic) -> dict[str, str]:
    """compact: the last record of each key for ever, tombstones for a day. Else: everything, for its retention."""
    if topic.compacted:
        return {"cleanup.policy": "compact", "retention.ms": "-1"}
    return {"cleanup.policy": "delete", "retention.ms": str(topic.retention_ms)}
