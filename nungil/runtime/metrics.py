"""What a process tells Prometheus: one typed list of names, and the page that serves them.

metrics.CONSUMER_RECORDS.add(len(batch), topic=topic, group=group)
with metrics.EMBED_SECONDS.timed(step="forward"): ...

Labels take few values that we know beforehand: never an id, a tenant or what a stranger sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import prometheus_client

from nungil.runtime.errors import Misconfigured

Kind = Literal["counter", "gauge", "histogram"]
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
_REGISTRY = prometheus_client.CollectorRegistry()
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each
prometheus_client.ProcessCollector(registry=_REGISTRY)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class Metric:
    """A name in the list. Names end with their unit, counters with _total."""

    kind: ClassVar[Kind]
    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counter(Metric):
    """Only grows."""

    kind = "counter"
    _series: prometheus_client.Counter = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = prometheus_client.Counter(self.name, self.help, self.labels, registry=_REGISTRY)
        object.__setattr__(self, "_series", made)

    def add(self, by: float = 1, **labels: str) -> None:
        """Raises ValueError where `labels` are not those of the list."""
        (self._series.labels(**labels) if self.labels or labels else self._series).inc(by)


@dataclass(frozen=True)
class Gauge(Metric):
    """Goes up and down."""

    kind = "gauge"
    _series: prometheus_client.Gauge = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = prometheus_client.Gauge(self.name, self.help, self.labels, registry=_REGISTRY)
        object.__setattr__(self, "_series", made)

    def set(self, value: float, **labels: str) -> None:
        """Raises ValueError where `labels` are not those of the list."""
        (self._series.labels(**labels) if self.labels or labels else self._series).set(value)

    def add(self, by: float, **labels: str) -> None:
        """`by` may be negative. Raises ValueError where `labels` are not those of the list."""
        (self._series.labels(**labels) if self.labels or labels else self._series).inc(by)

    def ask(self, value: Callable[[], float], **labels: str) -> None:
        """`value` is called whenever the metrics are read: for what grows while nothing happens."""
        (self._series.labels(**labels) if self.labels or labels else self._series).set_function(value)


@dataclass(frozen=True)
class Histogram(Metric):
    """How often, how much in all, and how many were at most each of `buckets`."""

    kind = "histogram"
    buckets: tuple[float, ...] = _SECONDS
    _series: prometheus_client.Histogram = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = prometheus_client.Histogram(self.name, self.help, self.labels, buckets=self.buckets, registry=_REGISTRY)
        object.__setattr__(self, "_series", made)

    def observe(self, value: float, **labels: str) -> None:
        """Raises ValueError where `labels` are not those of the list."""
        (self._series.labels(**labels) if self.labels or labels else self._series).observe(value)

    @contextmanager
    def timed(self, **labels: str) -> Iterator[None]:
        """Observes the seconds that the block takes, however it ends."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - began_s, **labels)


HTTP_REQUESTS = Counter(
    "nungil_http_requests_total",
    "requests answered; route is the template, 'none' where there is no such address",
    ("route", "method", "status"),
)
HTTP_SECONDS = Histogram(
    "nungil_http_seconds",
    "from a request to the beginning of its answer, so that open streams do not count",
    ("route",),
)
RPC_REQUESTS = Counter("nungil_rpc_requests_total", "gRPC calls answered, health checks aside", ("method", "code"))
RPC_SECONDS = Histogram("nungil_rpc_seconds", "how long gRPC calls took", ("method",))

GATEWAY_LENS_SESSIONS = Gauge("nungil_gateway_lens_sessions", "lens sessions that are open at this gateway")
GATEWAY_LENS_FRAMES = Counter(
    "nungil_gateway_lens_frames_total",
    "frames that clients sent; outcome is 'answered', 'superseded' by a newer one, or 'faulted'",
    ("outcome",),
)
GATEWAY_LENS_AGE = Histogram(
    "nungil_gateway_lens_age_seconds",
    "how old a frame was, since it came to the gateway, when its first answer was sent",
)

CONSUMER_RECORDS = Counter("nungil_consumer_records_total", "records handled and committed", ("topic", "group"))
CONSUMER_SECONDS = Histogram(
    "nungil_consumer_batch_seconds", "from a poll's answer to its commit; the count is of batches", ("group",)
)
CONSUMER_DEAD_LETTERS = Counter(
    "nungil_consumer_dead_letters_total",
    "records put away; reason is 'rejected' (wrong for ever) or 'bug' (ours)",
    ("topic", "group", "reason"),
)
CONSUMER_RETRIES = Counter(
    "nungil_consumer_retries_total",
    "times that a consumer waited for a dependency that was away",
    ("group", "dependency"),
)
CONSUMER_AGE = Gauge(
    "nungil_consumer_oldest_seconds",
    "age of the oldest record that is being handled, since it was appended; 0 where none is",
    ("group",),
)
CONSUMER_LAG = Gauge(
    "nungil_consumer_lag_records",
    "records appended and not yet committed, seen by the gateway, also while the consumer is down",
    ("topic", "group"),
)

OUTBOX_RECORDS = Gauge("nungil_outbox_records", "events written and not yet published, when last looked")
OUTBOX_AGE = Gauge(
    "nungil_outbox_oldest_seconds", "how long the first unpublished event has been waiting; 0 where none is"
)

INGEST_PICTURES = Counter(
    "nungil_ingest_pictures_total",
    "pictures given; outcome is 'stored', 'duplicate' or 'refused'",
    ("purpose", "outcome"),
)
INGEST_BYTES = Counter("nungil_ingest_bytes_total", "bytes of pictures given, as received", ("purpose",))

EMBED_PICTURES = Counter(
    "nungil_embed_pictures_total",
    "pictures done; outcome is 'embedded', 'rejected', 'removed', or 'searched' for one that is only searched with",
    ("outcome",),
)
EMBED_SECONDS = Histogram(
    "nungil_embed_seconds",
    "step is 'prepare' (read, decode; a picture), 'forward' (a pass), 'finish' (regions, store; a picture), "
    "'index' (upsert, flush; a batch)",
    ("step",),
)
EMBED_QUEUE = Gauge("nungil_embed_device_queue", "passes that wait for the device")
EMBED_IN_FLIGHT = Gauge(
    "nungil_embed_in_flight_pictures",
    "pictures of the log given to the device and not yet in the index; a slow index lets no more than three passes be on their way",
)

SEARCH_SECONDS = Histogram("nungil_search_seconds", "how long crop searches took")
SEARCH_ROWS = Histogram(
    "nungil_search_rows", "index rows fetched for a search", buckets=(10, 30, 100, 300, 1000, 3000, 10000, 30000)
)
SEARCH_WAYS = Counter(
    "nungil_search_ways_total",
    "searches by how they were answered: 'nearest' rows of the index checked, all that pass scored ('exact'), or 'partial'",
    ("way",),
)
SEARCH_CACHE = Counter(
    "nungil_search_cache_total",
    "look-ups; cache is 'maps', 'boxes', 'looks' or 'rows', outcome is 'hit' or 'miss'",
    ("cache", "outcome"),
)
SEARCH_ACTIVITIES_DROPPED = Counter(
    "nungil_search_activities_dropped_total",
    "crop searches that were answered and never recorded, as the event log was away for too long",
)
LENS_SESSIONS = Gauge("nungil_lens_sessions", "pictures that are open for a moving frame")
LENS_SECONDS = Histogram(
    "nungil_lens_frame_seconds",
    "how long scoring a frame against its pool took",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
)
LENS_ANSWERS = Counter(
    "nungil_lens_answers_total",
    "answers in lens sessions; source is 'pool', or 'search' where the frame rested",
    ("source",),
)
LENS_FRAMES_SUPERSEDED = Counter(
    "nungil_lens_frames_superseded_total", "frames that were never answered, as a newer one had come"
)
LENS_POOL_ROWS = Histogram(
    "nungil_lens_pool_rows", "candidates that a session gathered", buckets=(100, 300, 1000, 2000, 3000, 5000, 10000)
)

SEARCH_WATCHES = Gauge("nungil_search_watches", "crops that people wait for, known to this process")
SEARCH_WATCH_MATCHES = Counter(
    "nungil_search_watch_matches_total", "items told to people who wait for their like, once a watch and item"
)

PROFILE_FOLDED = Counter("nungil_profile_folded_total", "journal rows folded on top of a person's state")
PROFILE_REFOLDS = Counter("nungil_profile_refolds_total", "persons folded again from the start of their journal")

METRICS: tuple[Metric, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Metric))


def exposition() -> bytes:
    """Everything, in Prometheus' text format, with the process's own memory, processor time and files."""
    return prometheus_client.generate_latest(_REGISTRY)


@contextmanager
def serving_metrics(listen: str) -> Iterator[None]:
    """Answers GET /metrics on 'host:port' until the block ends; nothing where `listen` is empty. Raises Misconfigured."""
    if not listen:
        yield
        return
    host, _, port = listen.rpartition(":")
    try:
        server, thread = prometheus_client.start_http_server(int(port), host.strip("[]"), registry=_REGISTRY)
    except (OSError, ValueError, OverflowError) as error:
        raise Misconfigured(f"NUNGIL_METRICS_LISTEN: cannot listen on {listen}: {error}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
