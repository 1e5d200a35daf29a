"""Where a Kafka cluster is, what every client of ours is told, and Kafka's errors as ours."""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs

from kafka.errors import (
    ClusterAuthorizationFailedError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    NotCoordinatorError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from nungil.event_log.errors import EventLogAway, UnknownTopic
from nungil.event_log.kafka_security import CA_FILE, CERT_FILE, MECHANISM, PASSWORD, PLAIN, SASL, TLS, Security
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets

USE = (
    "write kafka://host:9092[,host:9092…][/prefix][?instance=name]; with TLS kafka+ssl://host:9093…, "
    "with TLS and a user kafka+sasl+ssl://user@host:9093…"
)
REQUEST_TIMEOUT_MS = 10_000
_ASK_AGAIN_S = 0.1
# A broker that refuses a login says so and hangs up. Where both are read at once, kafka-python 3.0.12 forgets what was said.
_HUNG_UP = "socket disconnected"

T = TypeVar("T")

_ADDRESS = re.compile(r"[^\s:/?#@,]+:[0-9]{1,5}")
_NAME = re.compile(r"[A-Za-z0-9._-]{0,100}")
_FOR_GOOD = (
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
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
    security: Security = field(default_factory=Security)

    @classmethod
    def of_url(cls, url: str) -> Cluster:
        """Reads kafka://host:9092,host:9092/prefix?instance=embed-0; what else a secured cluster needs is in the environment:
        see kafka_security. Raises Misconfigured for anything else."""
        shown = without_secrets(url)
        scheme, _, rest = url.partition("://")
        place, _, query = rest.partition("?")
        place, _, prefix = place.partition("/")
        user, _, servers = place.rpartition("@")
        options = parse_qs(query, keep_blank_values=True)
        instance = options.pop("instance", [None])[-1]
        addresses = servers.split(",")
        if (
            options
            or scheme not in (PLAIN, TLS, SASL)
            or bool(user) != (scheme == SASL)
            or not all(_ADDRESS.fullmatch(address) for address in addresses)
        ):
            raise Misconfigured(f"{shown!r} names no Kafka cluster; {USE}")
        if ":" in user:
            raise Misconfigured(
                f"{shown!r}: a URL is shown in many places, so no password goes into it: set {PASSWORD}"
            )
        if not _NAME.fullmatch(prefix) or not _NAME.fullmatch(instance or ""):
            raise Misconfigured(
                f"{shown!r}: a prefix and an instance are letters, digits, '.', '_' and '-', at most 100; {USE}"
            )
        return cls(tuple(addresses), f"{prefix}." if prefix else "", instance or None, Security.of_url(scheme, user))

    def connection(self) -> dict[str, Any]:
        """What every client is told."""
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": REQUEST_TIMEOUT_MS,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "reconnect_backoff_max_ms": 1_000,
            **self.security.options(),
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
    except UnsupportedSaslMechanismError as error:
        raise Misconfigured(f"Kafka does not take what {MECHANISM} says: {error}") from error
    except SaslAuthenticationFailedError as error:
        raise Misconfigured(f"Kafka refuses the user of its URL or the password in {PASSWORD}: {error}") from error
    except _FOR_GOOD as error:
        raise Misconfigured(f"Kafka refuses: {type(error).__name__}: {error}") from error
    except KafkaError as error:
        raise EventLogAway(f"Kafka: {type(error).__name__}: {error}") from error


@contextmanager
def explained(security: Security) -> Iterator[None]:
    """Around the making of a process's first client: why it failed. To be used inside of translated.

    kafka-python tries for as long as it may (REQUEST_TIMEOUT_MS), whatever the reason, and then says only that; the reason is
    in what it logs.
    """
    heard, log = _Heard(), logging.getLogger("kafka.net")
    log.addHandler(heard)
    try:
        yield
    except KafkaTimeoutError as error:
        if isinstance(heard.reason, _FOR_GOOD):
            raise heard.reason from error
        if tls := _tls_fault(heard.reason):
            raise Misconfigured(f"no TLS with Kafka, see {CA_FILE} and {CERT_FILE}: {tls}") from error
        if security.user and _HUNG_UP in str(heard.reason):
            raise Misconfigured(
                f"Kafka refuses the user of its URL or the password in {PASSWORD}, or does not know {security.mechanism} "
                f"({MECHANISM}): it hung up each time that we logged in"
            ) from error
        raise EventLogAway(f"Kafka: {error}: {heard.reason or 'no answer'}") from error
    finally:
        log.removeHandler(heard)


class _Heard(logging.Handler):
    """The last error that was logged, or one that will not mend. That a try was cut short by the time limit says nothing."""

    reason: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for given in record.args if isinstance(record.args, tuple) else ():
            mends = not isinstance(self.reason, _FOR_GOOD) and not _tls_fault(self.reason)
            if (
                isinstance(given, Exception)
                and mends
                and not isinstance(given, (KafkaTimeoutError, RequestTimedOutError))
            ):
                self.reason = given


def _tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    """What TLS itself objected to, where that is behind a connection's failure."""
    if error is None:
        return None
    candidates = [error, error.__context__, error.__cause__, *error.args]
    return next((each for each in candidates if isinstance(each, ssl.SSLError)), None)
