"""An event log URL becomes an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from nungil.database import sqlite
from nungil.event_log.port import EventLog
from nungil.event_log.sqlite import SESSION_TIMEOUT_S, SqliteEventLog
from nungil.runtime.errors import Misconfigured

KAFKA = ("kafka://", "kafka+ssl://", "kafka+sasl+ssl://")


@contextmanager
def open_event_log(url: str, *, session_timeout_s: float | None = None) -> Iterator[EventLog]:
    """The event log at `url`.

    'sqlite:///abs/path/log.db': made with its folder and topics where absent. 'kafka://host:9092[,host:9092…][/prefix]
    [?instance=name]': its topics must be there (see Cluster for the prefix and the instance); 'kafka+ssl://…' and
    'kafka+sasl+ssl://user@…' the same over TLS (see kafka_security).
    session_timeout_s: a member that has not polled for so long may lose its partitions to another; None: the adapter's own.
    Raises Misconfigured for a URL that we cannot open or topics that are not as declared, EventLogAway where it cannot be reached.
    """
    if url.startswith(sqlite.SCHEME):
        silence_s = SESSION_TIMEOUT_S if session_timeout_s is None else session_timeout_s
        with closing(SqliteEventLog(sqlite.path_of(url), session_timeout_s=silence_s)) as log:
            yield log
    elif url.startswith(KAFKA):
        from nungil.event_log.kafka import KafkaEventLog  # its client takes a while to import
        from nungil.event_log.kafka_cluster import Cluster
        from nungil.event_log.topics_apply import check_topics

        cluster = Cluster.of_url(url)
        check_topics(cluster)
        with closing(KafkaEventLog(cluster, session_timeout_s=session_timeout_s)) as kafka:
            yield kafka
    else:
        check_event_log_url(url)


def check_event_log_url(url: str) -> None:
    """Raises Misconfigured for a URL that we cannot open. Connects to nothing."""
    if url.startswith(sqlite.SCHEME):
        sqlite.path_of(url)
    elif url.startswith(KAFKA):
        from nungil.event_log.kafka_cluster import Cluster

        Cluster.of_url(url)
    else:
        raise Misconfigured(
            f"no event log adapter for {url.partition('://')[0]!r}: write sqlite:///absolute/path/log.db, or kafka://host:9092"
        )
