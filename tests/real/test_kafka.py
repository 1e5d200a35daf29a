"""What only Kafka does: topics, brokers that go and come back, members that are killed or come back under their name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka_builders import a_kafka_url

from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.errors import EventLogAway
from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record, Subscription
from nungil.event_log.topics import ITEM_CHANGED, MEDIA_CHANGED, TOPICS, Topic, by_name
from nungil.event_log.topics_apply import apply_topics, check_topics, delete_topics
from nungil.local_servers.kafka import Kafka
from nungil.local_servers.running import LocalServers
from nungil.runtime.errors import Misconfigured, Rejected

pytestmark = pytest.mark.real

CACHE = Path(os.environ.get("NUNGIL_SERVERS_CACHE") or Path(__file__).parents[2] / ".cache" / "servers")
PATIENCE_S = 120.0  # a broker that was killed looks through its files before it is up
PARTITIONS = by_name()[MEDIA_CHANGED].partitions


@pytest.fixture
def url() -> Iterator[str]:
    with a_kafka_url() as url:
        yield url


@pytest.fixture
def own_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServers]:
    """A broker that this test may stop, with its URL as NUNGIL_TEST_KAFKA."""
    servers = LocalServers(tmp_path, {"kafka": Kafka(CACHE)})
    servers.start()
    monkeypatch.setenv("NUNGIL_TEST_KAFKA", servers.url("kafka"))
    try:
        yield servers
    finally:
        servers.stop(by=signal.SIGKILL)


def some_records(count: int, prefix: str = "m") -> list[NewRecord]:
    return [NewRecord(MEDIA_CHANGED, f"{prefix}-{n}", b"%d" % n) for n in range(count)]


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "waited too long"


def poll_into(member: Subscription, records: list[Record], *, max_records: int = 500) -> None:
    records += member.poll(max_records=max_records, timeout_s=0.1)


def held(log: EventLog, members: Sequence[Subscription]) -> list[set[int]]:
    """The partitions of each member, once each is held."""
    found: list[set[int]] = [set() for _ in members]

    def all_held() -> bool:
        log.append(some_records(20 * PARTITIONS, "probe"))
        for mine, member in zip(found, members, strict=True):
            mine.clear()
            for _ in range(3):
                mine |= {record.partition for record in member.poll(max_records=5000, timeout_s=0.1)}
                member.commit()
        return all(found) and sum(map(len, found)) == PARTITIONS

    until(all_held)
    return found


# Topics


def test_topics_are_created_once_as_declared(url: str) -> None:
    cluster = Cluster.of_url(url)
    assert apply_topics(cluster) == []
    check_topics(cluster)
    assert settings_of(cluster, ITEM_CHANGED)["cleanup.policy"] == "compact"
    live = settings_of(cluster, MEDIA_CHANGED)
    assert (live["cleanup.policy"], int(live["retention.ms"])) == ("delete", by_name()[MEDIA_CHANGED].retention_ms)


def test_applying_mends_retention_that_someone_changed(url: str) -> None:
    cluster = Cluster.of_url(url)
    other = [Topic(MEDIA_CHANGED, PARTITIONS, retention_ms=1000 * 3600)]
    apply_topics(cluster, other)
    until(lambda: int(settings_of(cluster, MEDIA_CHANGED)["retention.ms"]) == 1000 * 3600)
    apply_topics(cluster)
    until(lambda: int(settings_of(cluster, MEDIA_CHANGED)["retention.ms"]) == by_name()[MEDIA_CHANGED].retention_ms)


def test_a_service_refuses_to_start_where_topics_are_missing(url: str) -> None:
    delete_topics(Cluster.of_url(url), [by_name()[ITEM_CHANGED]])
    until(lambda: refused(url, ITEM_CHANGED, "nungil topics apply"))


def test_too_few_partitions_are_refused_by_applying_and_by_a_service() -> None:
    few = [Topic(topic.name, 2 if topic.name == MEDIA_CHANGED else topic.partitions) for topic in TOPICS]
    with a_kafka_url(few) as url:
        with pytest.raises(Misconfigured, match=f"too few partitions: .*{MEDIA_CHANGED} has 2 of {PARTITIONS}"):
            apply_topics(Cluster.of_url(url))
        assert refused(url, "too few partitions", f"has 2 of {PARTITIONS}")


def refused(url: str, *words: str) -> bool:
    try:
        with open_event_log(url):
            return False
    except Misconfigured as error:
        return all(word in str(error) for word in words)


def settings_of(cluster: Cluster, topic: str) -> dict[str, str]:
    admin = KafkaAdminClient(**cluster.connection())
    try:
        name = cluster.prefix + topic
        described = admin.describe_configs([ConfigResource("topic", name)], config_filter="all")["topic"][name]
    finally:
        admin.close()
    return {key: str(value["value"]) for key, value in described.items()}


def test_where_no_broker_is_the_log_is_away() -> None:
    with pytest.raises(EventLogAway), open_event_log("kafka://127.0.0.1:1"):
        pass


# Members


_READS = """
import sys
from nungil.event_log.open import open_event_log
with open_event_log(sys.argv[1], session_timeout_s=3) as log, log.subscribe(["media.changed"], group="embed") as member:
    polled = 0
    while True:
        batch = member.poll(max_records=10, timeout_s=0.5)
        polled += len(batch)
        for record in batch if polled <= 50 else ():
            print(record.key, flush=True)
        if polled <= 50:
            member.commit()
            print("committed" if batch else "", flush=True)
        elif batch:
            print("uncommitted", flush=True)
"""


def test_what_a_killed_process_did_not_commit_goes_to_another_and_the_rest_does_not(url: str) -> None:
    with open_event_log(url, session_timeout_s=3) as log:
        log.append(some_records(200))
        with reading(url) as process:
            committed = lines_until(process, "uncommitted") - {"committed", ""}
            process.kill()
        assert len(committed) == 50
        rest: list[Record] = []
        with log.subscribe([MEDIA_CHANGED], group="embed") as heir:
            until(lambda: (poll_into(heir, rest), len(rest) >= 150)[1])
            heir.commit()
        assert {r.key for r in rest} | committed == {f"m-{n}" for n in range(200)}
        assert {r.key for r in rest} & committed == set()


@contextmanager
def reading(url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", _READS, url], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines_until(process: subprocess.Popen[str], last: str) -> set[str]:
    assert process.stdout
    seen: set[str] = set()
    for line in process.stdout:
        if line.strip() == last:
            return seen
        seen.add(line.strip())
    raise AssertionError(f"it ended without {last!r}")


def test_a_member_that_comes_back_under_its_name_finds_its_partitions_and_nobody_elses_move(url: str) -> None:
    with (
        open_event_log(f"{url}?instance=embed-0") as first,
        open_event_log(f"{url}?instance=embed-1") as second,
        second.subscribe([MEDIA_CHANGED], group="embed") as stays,
    ):
        with first.subscribe([MEDIA_CHANGED], group="embed") as restarts:
            before = held(first, [restarts, stays])
        second.append(some_records(20 * PARTITIONS, "while-away"))
        with first.subscribe([MEDIA_CHANGED], group="embed") as restarted:
            after = held(first, [restarted, stays])
    assert after == before
    assert {len(mine) for mine in after} == {PARTITIONS // 2}


# A broker that goes and comes back


def test_a_member_gets_the_partitions_that_a_topic_gained_though_its_polls_are_shorter_than_a_joining(url: str) -> None:
    with open_event_log(url) as log, log.subscribe([MEDIA_CHANGED], group="embed") as member:
        held(log, [member])
        cluster = Cluster.of_url(url)
        admin = KafkaAdminClient(**cluster.connection())
        try:
            admin.create_partitions({cluster.prefix + MEDIA_CHANGED: PARTITIONS + 4})
        finally:
            admin.close()
        consumer = member._consumer  # type: ignore[attr-defined]

        def has_all() -> bool:
            consumer._cluster.request_update()  # it would look by itself, later
            member.poll(max_records=1, timeout_s=0.001)
            return len(consumer.assignment()) == PARTITIONS + 4

        until(has_all)


def test_producers_and_consumers_recover_when_the_broker_was_away(own_broker: LocalServers) -> None:
    with a_kafka_url() as url, open_event_log(url) as log:
        handled: list[str] = []
        stop = threading.Event()

        def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
            handled.extend(record.key for record in batch)
            return []

        def read() -> None:
            with log.subscribe([MEDIA_CHANGED], group="embed") as member:
                consume(member, handle, DeadLetters(log, group="embed"), stop)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            written = append_patiently(log, some_records(20, "before"))
            until(lambda: set(handled) >= written)
            own_broker.stop(["kafka"], by=signal.SIGKILL)
            writer = threading.Thread(target=lambda: written.update(append_patiently(log, some_records(20, "during"))))
            writer.start()
            assert not stop.wait(5.0)
            assert writer.is_alive()  # nothing is acknowledged while nobody could keep it
            own_broker.start()
            writer.join(PATIENCE_S)
            assert not writer.is_alive()
            written |= append_patiently(log, some_records(20, "after"))
            until(lambda: set(handled) >= written)
        finally:
            stop.set()
            reader.join(PATIENCE_S)
        assert len(written) == 60
        assert not reader.is_alive()


def append_patiently(log: EventLog, records: Sequence[NewRecord]) -> set[str]:
    """Appends one by one, each until it is acknowledged. The keys."""
    for record in records:
        until(lambda record=record: appended(log, record))
    return {record.key for record in records}


def appended(log: EventLog, record: NewRecord) -> bool:
    try:
        log.append([record])
    except EventLogAway:
        return False
    return True
