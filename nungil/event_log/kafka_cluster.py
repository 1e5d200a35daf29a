"""Where a Kafka cluster is, what every client of ours is told, and Kafka's errors as ours."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

from kafka.errors import (
    ClusterAuthorizationFailedError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    KafkaError,
    NotCoordinatorError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)

from nungil.event_log.errors import EventLogAway, UnknownTopic
from nungil.runtime.errors import Misconfigured

SCHEME = "kafka://"
USE = "write kafka://host:9092[,host:9092…][/prefix][?instance=name]"
REQUEST_TIMEOUT_MS = 10_000
_ASK_AGAIN_S = 0.1

T = TypeVar("T")

_ADDRESS = re.compile(r"[^\s:/?#@,]+:[0-9]{1,5}")
_NAME = re.compile(r"[A-Za-z0-9._-]{0,100}")
_FOR_GOOD = (
    SaslAuthenticationFailedError,
    ClusterAuthorizationFailedError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)


@dataclass(frozen=True)
class Cluster:
    """The brokers; what the names of this installation's topics and groups begin with; which member of its groups we are.

    `instance` makes memberships static: a process that comes back under the same name within the session timeout finds its
    partitions as it left them. Only for names that do come back, as a StatefulSet's; two at once with one name shut each other out.
    """

    servers: tuple[str, ...]
    prefix: str = ""
    instance: str | None = None

    @classmethod
    def of_url(cls, url: str) -> Cluster:
        """Reads kafka://host:9092,host:9092/prefix?instance=embed-0. Raises Misconfigured for anything else."""
        place, _, query = url.removeprefix(SCHEME).partition("?")
        servers, _, prefix = place.partition("/")
        options = parse_qs(query, keep_blank_values=True)
        instance = options.pop("instance", [None])[-1]
        addresses = servers.split(",")
        if options or not url.startswith(SCHEME) or not all(_ADDRESS.fullmatch(address) for address in addresses):
            raise Misconfigured(f"{url!r} names no Kafka cluster; {USE}")
        if not _NAME.fullmatch(prefix) or not _NAME.fullmatch(instance or ""):
            raise Misconfigured(
                f"{url!r}: a prefix and an instance are letters, digits, '.', '_' and '-', at most 100; {USE}"
            )
        return cls(tuple(addresses), f"{prefix}." if prefix else "", instance or None)

    def connection(self) -> dict[str, Any]:
        """What every client is told."""
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": REQUEST_TIMEOUT_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "reconnect_backoff_max_ms": 1_000,
        }


def once_coordinated(ask: Callable[[], T]) -> T:
    """Asks again while a group's coordinator is being chosen, as at the very first use of a cluster: the admin client does not."""
    until, pause = time.monotonic() + REQUEST_TIMEOUT_MS / 1000, threading.Event()
    while True:
        try:
            return ask()
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            if time.monotonic() > until:
                raise
        pause.wait(_ASK_AGAIN_S)


@contextmanager
def translated() -> Iterator[None]:
    """Kafka's errors as ours: UnknownTopic; Misconfigured for what waiting will not mend; else EventLogAway."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise UnknownTopic(f"Kafka does not have it: {error}; run `nungil topics apply`") from error
    except _FOR_GOOD as error:
        raise Misconfigured(f"Kafka refuses: {type(error).__name__}: {error}") from error
    except KafkaError as error:
        raise EventLogAway(f"Kafka: {type(error).__name__}: {error}") from error
