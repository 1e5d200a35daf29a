"""The list of metrics: whole, used, in the docs; what consumers and outboxes tell."""

from __future__ import annotations

import ast
import re
import socket
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import prometheus_client
import pytest
from metrics_told import value_of
from sqlalchemy import MetaData

from nungil.database.open import open_database
from nungil.database.outbox import outbox_table, put_out, relay
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.errors import EventLogAway
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.topics import MEDIA_CHANGED, READERS
from nungil.runtime import metrics
from nungil.runtime.errors import DependencyAway, Misconfigured, Rejected
from nungil.runtime.metrics_page import PAGE, with_table
from services.gateway.handlers.health import ReportStatus

ROOT = Path(__file__).resolve().parents[2]


def names_used() -> set[str]:
    """X wherever the code says metrics.X, X in capitals."""
    used = set()
    for folder in ("nungil", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "metrics":
                    used.add(node.attr)
    return {name for name in used if name.isupper() and name != "CONTENT_TYPE"}


def test_every_metric_that_the_code_names_is_in_the_list_and_the_reverse():
    listed = {name for name, value in vars(metrics).items() if isinstance(value, metrics.Metric)}
    assert names_used() == listed
    assert len({metric.name for metric in metrics.METRICS}) == len(metrics.METRICS) == len(listed)


def test_only_the_list_speaks_to_prometheus():
    importing = [
        path.relative_to(ROOT)
        for folder in ("nungil", "services")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) prometheus_client", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert importing == [Path("nungil/runtime/metrics.py")]


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_names_and_labels_are_as_prometheus_asks(metric):
    assert re.fullmatch(r"nungil_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help
    assert not {"tenant", "person", "person_id", "media_id", "item_id", "trace_id"} & set(metric.labels)


def test_the_default_registry_is_left_alone():
    assert b"nungil_" not in prometheus_client.generate_latest()


def test_a_label_that_is_not_in_the_list_is_refused():
    with pytest.raises(ValueError, match="label"):
        metrics.HTTP_REQUESTS.add(route="/", method="GET", status="200", tenant="a")


def test_the_table_in_the_docs_is_fresh():
    page = PAGE.read_text("utf-8")
    assert with_table(page) == page, "python -m nungil.runtime.metrics_page"
    assert all(f"`{metric.name}`" in page for metric in metrics.METRICS)


def test_metrics_are_served_until_the_block_ends_and_a_taken_address_is_said():
    with pytest.raises(Misconfigured, match="NUNGIL_METRICS_LISTEN"), metrics.serving_metrics("nowhere"):
        pass
    port = a_free_port()
    with metrics.serving_metrics(f"127.0.0.1:{port}"):
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
        assert b"nungil_consumer_records_total" in answer.read()
        with pytest.raises(Misconfigured, match=str(port)), metrics.serving_metrics(f"127.0.0.1:{port}"):
            pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class FirstAway:
    """A handler: its dependency is away at first, and what says `wrong` is wrong."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.calls = 0
        self.ages: list[float] = []

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        self.calls += 1
        self.ages.append(value_of("nungil_consumer_oldest_seconds", group="embed"))
        if self.calls == 1:
            raise DependencyAway("not there", slug="shelf-away")
        self.stop.set()
        return [(record, Rejected("it is wrong")) for record in records if record.value == b"wrong"]


def test_a_consumer_counts_its_records_retries_and_dead_letters_and_tells_the_age_of_the_oldest(tmp_path):
    def counted():
        return [
            value_of("nungil_consumer_records_total", topic=MEDIA_CHANGED, group="embed"),
            value_of("nungil_consumer_batch_seconds_count", group="embed"),
            value_of("nungil_consumer_retries_total", group="embed", dependency="shelf-away"),
            value_of("nungil_consumer_dead_letters_total", topic=MEDIA_CHANGED, group="embed", reason="rejected"),
        ]

    before, stop = counted(), threading.Event()
    handler = FirstAway(stop)
    with open_event_log(f"sqlite://{tmp_path}/log.db") as log, log.subscribe([MEDIA_CHANGED], group="embed") as changes:
        log.append([NewRecord(MEDIA_CHANGED, "m-1", value) for value in (b"right", b"wrong", b"right")])
        consume(changes, handler, DeadLetters(log, group="embed"), stop)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [3, 1, 1, 1]
    assert 0 <= handler.ages[0] < handler.ages[1]
    assert value_of("nungil_consumer_oldest_seconds", group="embed") == 0


class AwayLog:
    """A log that takes nothing while `away`."""

    def __init__(self, done: threading.Event) -> None:
        self.away = True
        self.tried = threading.Semaphore(0)
        self.done = done

    def append(self, records: Sequence[NewRecord]) -> None:
        self.tried.release()
        if self.away:
            raise EventLogAway("not there")
        self.done.set()


def test_an_outbox_tells_how_many_events_wait_and_for_how_long(tmp_path):
    metadata = MetaData()
    table = outbox_table(metadata)
    stop, woken, done = threading.Event(), threading.Event(), threading.Event()
    log = AwayLog(done)
    with open_database(f"sqlite:///{tmp_path}/x.db") as engine:
        with engine.begin() as connection:
            metadata.create_all(connection)
            put_out(connection, table, [NewRecord(MEDIA_CHANGED, f"m-{n}", b"x") for n in range(3)])
        thread = threading.Thread(target=relay, args=(engine, table, log, stop, woken))
        thread.start()
        try:
            assert log.tried.acquire(timeout=10)
            assert log.tried.acquire(timeout=10)
            assert value_of("nungil_outbox_records") == 3
            first = value_of("nungil_outbox_oldest_seconds")
            assert log.tried.acquire(timeout=10)
            assert value_of("nungil_outbox_oldest_seconds") > first > 0
            log.away = False
            assert done.wait(10)
        finally:
            stop.set()
            woken.set()
            thread.join()
    assert value_of("nungil_outbox_records") == value_of("nungil_outbox_oldest_seconds") == 0


class GoneForAMoment:
    """A log that is away when it is first asked for the lag."""

    def __init__(self, log: EventLog, asked: threading.Semaphore) -> None:
        self.log = log
        self.asked = asked
        self.times = 0

    def lag(self, topics: Sequence[str], *, group: str) -> Mapping[str, int]:
        self.times += 1
        self.asked.release()
        if self.times == 1:
            raise EventLogAway("not there")
        return self.log.lag(topics, group=group)


def test_the_gateway_tells_how_far_a_consumer_that_is_down_is_behind_once_the_log_answers(tmp_path):
    stop, asked = threading.Event(), threading.Semaphore(0)
    with open_event_log(f"sqlite://{tmp_path}/log.db") as log:
        log.append([NewRecord(MEDIA_CHANGED, f"m-{n}", b"x") for n in range(7)])
        status = ReportStatus(None, GoneForAMoment(log, asked), 1.0)
        thread = threading.Thread(target=lambda: status.watch_lag(stop, every_s=0.01))
        thread.start()
        try:
            for _ in range(1 + 2 * len({group for _, group in READERS})):  # away once, then twice around
                assert asked.acquire(timeout=10)
        finally:
            stop.set()
            thread.join()
    assert value_of("nungil_consumer_lag_records", topic=MEDIA_CHANGED, group="embed") == 7
    assert value_of("nungil_consumer_lag_records", topic=MEDIA_CHANGED, group="profile") == 7
