"""The Kafka of NUNGIL_TEST_KAFKA, for a test: topics under a prefix of its own, gone at its end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.topics import TOPICS, Topic
from nungil.event_log.topics_apply import apply_topics, delete_topics
from nungil.runtime.ids import new_media_id


@contextmanager
def a_kafka_url(topics: Sequence[Topic] = TOPICS, *, variable: str = "NUNGIL_TEST_KAFKA") -> Iterator[str]:
    """'kafka://host:port/prefix', with its topics."""
    url = f"{os.environ[variable].rstrip('/')}/test-{new_media_id()}"
    cluster = Cluster.of_url(url)
    apply_topics(cluster, topics)
    try:
        yield url
    finally:
        delete_topics(cluster, topics)
