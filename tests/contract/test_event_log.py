"""What every event log promises. A new adapter joins by the URL of an empty log, its topics created."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import real_servers
from kafka_builders import a_kafka_url

from nungil.event_log.errors import PartitionLost, UnknownTopic
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record, Subscription, Tail
from nungil.event_log.topics import ITEM_CHANGED, MEDIA_CHANGED, MEDIA_EMBEDDED, by_name

SESSION_TIMEOUT_S = {"sqlite": 1.0, "kafka": 3.0}  # Kafka's members need a few round trips to share out anew
PATIENCE_S = 120.0  # for what comes in a second, on a machine with other things to do
PARTITIONS = by_name()[MEDIA_CHANGED].partitions


EVENT_LOGS = ["sqlite", *real_servers.where("NUNGIL_TEST_KAFKA", "kafka")]


@pytest.fixture(params=EVENT_LOGS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/log.db"
    else:
        with a_kafka_url() as url:
            yield url


@pytest.fixture
def session_timeout_s(url: str) -> float:
    return SESSION_TIMEOUT_S[url.partition("://")[0]]


@pytest.fixture
def log(url: str, session_timeout_s: float) -> Iterator[EventLog]:
    with open_event_log(url, session_timeout_s=session_timeout_s) as log:
        yield log


def a_record(key: str = "m-1", value: bytes | None = b"x", topic: str = MEDIA_CHANGED, **headers: str) -> NewRecord:
    return NewRecord(topic, key, value, headers)


def some_records(count: int, prefix: str = "m", topic: str = MEDIA_CHANGED) -> list[NewRecord]:
    return [a_record(f"{prefix}-{n}", b"%d" % n, topic) for n in range(count)]


def taken(reader: Subscription | Tail, count: int, *, max_records: int = 500) -> list[Record]:
    """Polls until `count` records are here. More than that is an error; too few fail the test."""
    records: list[Record] = []
    until(lambda: more(reader, records, max_records) >= count)
    assert len(records) == count
    return records


def more(reader: Subscription | Tail, into: list[Record], max_records: int = 500) -> int:
    """Polls once. How many there are now."""
    into += reader.poll(max_records=max_records, timeout_s=0.1)
    return len(into)


def nothing_comes(reader: Subscription | Tail) -> bool:
    return not reader.poll(max_records=500, timeout_s=0.2)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "waited too long"


def keys(records: Sequence[Record]) -> set[str]:
    return {record.key for record in records}


def partitions(records: Sequence[Record]) -> set[tuple[str, int]]:
    return {(record.topic, record.partition) for record in records}


def settled(log: EventLog, members: Sequence[Subscription], topic: str = MEDIA_CHANGED) -> list[set[tuple[str, int]]]:
    """The partitions of each member, once every partition has one holder, no two members differ by more than one, and all is read."""
    total = by_name()[topic].partitions
    held: list[set[tuple[str, int]]] = []

    def fair() -> bool:
        log.append(some_records(20 * total, "probe", topic))
        seen: list[set[tuple[str, int]]] = [set() for _ in members]
        for _ in range(3):
            for mine, member in zip(seen, members, strict=True):
                mine |= {at for at in partitions(member.poll(max_records=5000, timeout_s=0.05)) if at[0] == topic}
                member.commit()
        held[:] = seen
        sizes = [len(mine) for mine in seen]
        return sum(sizes) == total == len(set().union(*seen)) and max(sizes) - min(sizes) <= 1

    def nothing_waits() -> bool:
        for member in members:
            member.poll(max_records=5000, timeout_s=0.05)
            member.commit()
        return log.lag([topic], group="embed") == {topic: 0}

    until(fair)
    until(nothing_waits)
    return held


# Records


def test_a_record_arrives_as_it_was_appended(log: EventLog) -> None:
    before_ms = time.time_ns() // 1_000_000
    log.append([a_record("m-1", b"\x00\xff first", event="MediaChanged", traceparent="00-ab")])
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        [record] = taken(embed, 1)
    assert (record.topic, record.key, record.value) == (MEDIA_CHANGED, "m-1", b"\x00\xff first")
    assert record.headers == {"event": "MediaChanged", "traceparent": "00-ab"}
    assert before_ms <= record.appended_at_ms <= time.time_ns() // 1_000_000 + 1


def test_keys_and_headers_may_be_in_any_script(log: EventLog) -> None:
    log.append([a_record("가게/강아지-🐕", b"", title="눈길")])
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        [record] = taken(tail, 1)
    assert (record.key, record.value, record.headers) == ("가게/강아지-🐕", b"", {"title": "눈길"})


def test_a_tombstone_is_not_an_empty_value(log: EventLog) -> None:
    log.append([a_record("item-1", None, ITEM_CHANGED)])
    with log.tail([ITEM_CHANGED], since="start") as tail:
        [record] = taken(tail, 1)
    assert record.value is None


def test_appending_nothing_is_no_error(log: EventLog) -> None:
    log.append([])


def test_records_of_one_key_keep_their_order(log: EventLog) -> None:
    for n in range(0, 60, 2):
        log.append([a_record(f"m-{k}", b"%d" % (n + more)) for more in (0, 1) for k in range(5)])
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        records = taken(embed, 300, max_records=7)
    for k in range(5):
        assert [int(r.value or b"") for r in records if r.key == f"m-{k}"] == list(range(60))


def test_records_of_one_key_share_a_partition_and_keys_spread_over_all(log: EventLog, url: str) -> None:
    log.append(some_records(20 * PARTITIONS))
    with open_event_log(url) as another:
        another.append(some_records(20 * PARTITIONS))
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        records = taken(tail, 40 * PARTITIONS)
    where = defaultdict(set)
    for record in records:
        where[record.key].add(record.partition)
    assert all(len(numbers) == 1 for numbers in where.values())
    assert set().union(*where.values()) == set(range(PARTITIONS))


def test_offsets_grow_within_a_partition(log: EventLog) -> None:
    log.append(some_records(100))
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        records = taken(tail, 100, max_records=9)
    offsets = defaultdict(list)
    for record in records:
        offsets[record.partition].append(record.offset)
    assert all(numbers == sorted(set(numbers)) for numbers in offsets.values())


def test_what_was_appended_is_there_when_the_log_is_opened_again(url: str) -> None:
    with open_event_log(url) as log:
        log.append([a_record("m-1")])
    with open_event_log(url) as log, log.tail([MEDIA_CHANGED], since="start") as tail:
        assert keys(taken(tail, 1)) == {"m-1"}


def test_many_threads_append_to_one_log(log: EventLog) -> None:
    def append(writer: int) -> None:
        for n in range(25):
            log.append([a_record(f"m-{writer}", b"%d" % n)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(8)))
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        records = taken(tail, 200)
    for writer in range(8):
        assert [int(r.value or b"") for r in records if r.key == f"m-{writer}"] == list(range(25))


def test_the_last_record_of_each_key_stays_in_a_compacted_topic(log: EventLog) -> None:
    for n in range(50):
        log.append([a_record(f"item-{k}", b"%d" % n, ITEM_CHANGED) for k in range(4)])
    with log.tail([ITEM_CHANGED], since="start") as tail:
        last: dict[str, bytes | None] = {}
        until(
            lambda: last.update({r.key: r.value for r in tail.poll(max_records=500, timeout_s=0.1)}) or len(last) == 4
        )
        last.update({r.key: r.value for r in tail.poll(max_records=500, timeout_s=0.2)})
    assert last == {f"item-{k}": b"49" for k in range(4)}


@pytest.mark.parametrize("topic", ["media.unheard-of", "", "media.changed "])
def test_a_topic_that_nobody_declared_is_unknown(log: EventLog, topic: str) -> None:
    with pytest.raises(UnknownTopic):
        log.append([a_record("m-1"), a_record("m-2", topic=topic)])
    with pytest.raises(UnknownTopic), log.subscribe([topic], group="embed"):
        pass
    with pytest.raises(UnknownTopic), log.tail([topic], since="start"):
        pass
    with pytest.raises(UnknownTopic):
        log.lag([topic], group="embed")
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        assert nothing_comes(tail)


# What a group remembers


def test_records_polled_but_not_committed_are_delivered_again(log: EventLog) -> None:
    log.append([a_record("m-1", b"first")])
    with log.subscribe([MEDIA_CHANGED], group="embed") as before_crash:
        taken(before_crash, 1)
    with log.subscribe([MEDIA_CHANGED], group="embed") as after_restart:
        [record] = taken(after_restart, 1)
    assert record.value == b"first"


def test_records_committed_are_not_delivered_again(log: EventLog) -> None:
    log.append(some_records(30))
    with log.subscribe([MEDIA_CHANGED], group="embed") as before:
        taken(before, 30)
        before.commit()
        assert nothing_comes(before)
    log.append([a_record("m-new")])
    with log.subscribe([MEDIA_CHANGED], group="embed") as after:
        assert keys(taken(after, 1)) == {"m-new"}


def test_a_commit_covers_what_was_polled_and_no_more(log: EventLog) -> None:
    log.append(some_records(30))
    with log.subscribe([MEDIA_CHANGED], group="embed") as before:
        done = taken(before, 10, max_records=5)
        before.commit()
        taken(before, 5, max_records=5)
    with log.subscribe([MEDIA_CHANGED], group="embed") as after:
        rest = taken(after, 20)
    assert keys(done) | keys(rest) == {f"m-{n}" for n in range(30)}


def test_a_commit_with_nothing_polled_is_no_error(log: EventLog) -> None:
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        embed.commit()
        log.append([a_record()])
        taken(embed, 1)
        embed.commit()
        embed.commit()


def test_a_group_that_never_committed_begins_at_the_start(log: EventLog) -> None:
    log.append(some_records(30))
    for group in ("embed", "search"):
        with log.subscribe([MEDIA_CHANGED], group=group) as member:
            taken(member, 30)
            member.commit()


def test_a_poll_gives_no_more_than_asked_for(log: EventLog) -> None:
    log.append(some_records(50))
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        until(lambda: bool(found := embed.poll(max_records=3, timeout_s=0.1)) and len(found) <= 3)


def test_no_partition_starves_while_another_is_full(log: EventLog) -> None:
    log.append([a_record("busy", b"%d" % n) for n in range(400)])
    log.append(some_records(5 * PARTITIONS, "quiet"))
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        seen: list[Record] = []
        while not seen or len(seen) < 10 * 2 * PARTITIONS:
            seen += embed.poll(max_records=10, timeout_s=0.1)
    assert sum(key.startswith("quiet") for key in keys(seen)) > 2 * PARTITIONS


def test_an_empty_poll_waits_as_long_as_it_was_told(log: EventLog) -> None:
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        began = time.monotonic()
        assert not embed.poll(max_records=10, timeout_s=0.3)
        assert time.monotonic() - began >= 0.29


def test_a_waiting_poll_returns_when_a_record_comes(log: EventLog) -> None:
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        nothing_comes(embed)
        later = threading.Timer(0.2, lambda: log.append([a_record("m-late")]))
        later.start()
        began = time.monotonic()
        assert keys(embed.poll(max_records=10, timeout_s=PATIENCE_S)) == {"m-late"}
        assert time.monotonic() - began < PATIENCE_S / 2
        later.join()


def test_one_member_reads_several_topics(log: EventLog) -> None:
    log.append([a_record("m-1"), a_record("m-1", topic=MEDIA_EMBEDDED), a_record("item-1", topic=ITEM_CHANGED)])
    with log.subscribe([MEDIA_CHANGED, MEDIA_EMBEDDED], group="search") as search:
        assert {r.topic for r in taken(search, 2)} == {MEDIA_CHANGED, MEDIA_EMBEDDED}
        assert nothing_comes(search)


def test_lag_counts_what_a_group_has_not_committed(log: EventLog) -> None:
    log.append(some_records(30))
    log.append(some_records(5, topic=MEDIA_EMBEDDED))
    topics = [MEDIA_CHANGED, MEDIA_EMBEDDED]
    assert log.lag(topics, group="search") == {MEDIA_CHANGED: 30, MEDIA_EMBEDDED: 5}
    with log.subscribe(topics, group="search") as search:
        taken(search, 35)
        assert log.lag(topics, group="search") == {MEDIA_CHANGED: 30, MEDIA_EMBEDDED: 5}
        search.commit()
    assert log.lag(topics, group="search") == {MEDIA_CHANGED: 0, MEDIA_EMBEDDED: 0}
    log.append([a_record()])
    assert log.lag([MEDIA_CHANGED], group="search") == {MEDIA_CHANGED: 1}
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 31}


# How members share


@pytest.mark.parametrize("count", [2, 3, 5])
def test_members_share_the_partitions_evenly(log: EventLog, count: int) -> None:
    with ExitStack() as stack:
        members = [stack.enter_context(log.subscribe([MEDIA_CHANGED], group="embed")) for _ in range(count)]
        settled(log, members)


def test_more_members_than_partitions_do_no_harm(log: EventLog) -> None:
    topic = "media.changed.dead.embed"
    log.append(some_records(20, topic=topic))
    with log.subscribe([topic], group="operator") as first, log.subscribe([topic], group="operator") as second:
        assert keys(taken(first, 20)) == {f"m-{n}" for n in range(20)}
        assert nothing_comes(second)


def test_members_of_different_groups_each_get_everything(log: EventLog) -> None:
    log.append(some_records(30))
    with (
        log.subscribe([MEDIA_CHANGED], group="embed") as embed,
        log.subscribe([MEDIA_CHANGED], group="search") as search,
    ):
        assert keys(taken(embed, 30)) == keys(taken(search, 30))


def test_members_of_one_group_may_read_different_topics(log: EventLog) -> None:
    log.append(some_records(30) + some_records(30, topic=MEDIA_EMBEDDED))
    with (
        log.subscribe([MEDIA_CHANGED], group="search") as changes,
        log.subscribe([MEDIA_EMBEDDED], group="search") as embeddings,
    ):
        assert {r.topic for r in taken(changes, 30)} == {MEDIA_CHANGED}
        assert {r.topic for r in taken(embeddings, 30)} == {MEDIA_EMBEDDED}


def test_a_member_that_joins_gets_its_share_and_nothing_is_read_twice(log: EventLog) -> None:
    log.append(some_records(600))
    seen: list[Record] = []
    with log.subscribe([MEDIA_CHANGED], group="embed") as first:
        seen += first.poll(max_records=20, timeout_s=PATIENCE_S)
        with log.subscribe([MEDIA_CHANGED], group="embed") as second:
            first.commit()
            helped = 0

            def all_read() -> bool:
                nonlocal helped
                for member in (first, second):
                    batch = member.poll(max_records=20, timeout_s=0.05)
                    helped += len(batch) * (member is second)
                    seen.extend(batch)
                    member.commit()
                return len(seen) >= 600

            until(all_read)
    assert sorted(r.key for r in seen) == sorted(f"m-{n}" for n in range(600))
    assert helped > 100


def test_a_member_that_leaves_hands_over_at_once(url: str) -> None:
    # Where its membership had to end by itself, nobody would wait for so long.
    with (
        open_event_log(url, session_timeout_s=2 * PATIENCE_S) as log,
        log.subscribe([MEDIA_CHANGED], group="embed") as stays,
    ):
        with log.subscribe([MEDIA_CHANGED], group="embed") as leaves:
            settled(log, [stays, leaves])
            stays.poll(max_records=5000, timeout_s=0)
            stays.commit()
        log.append(some_records(100))
        assert keys(taken(stays, 100)) == {f"m-{n}" for n in range(100)}


def test_what_a_member_left_uncommitted_goes_to_the_others(log: EventLog) -> None:
    with log.subscribe([MEDIA_CHANGED], group="embed") as stays:
        with log.subscribe([MEDIA_CHANGED], group="embed") as leaves:
            settled(log, [stays, leaves])
            log.append(some_records(100))
            abandoned: list[Record] = []
            until(lambda: more(leaves, abandoned) > 0)
        assert keys(abandoned) <= keys(taken(stays, 100))


def test_a_member_that_is_silent_too_long_loses_its_partitions(log: EventLog) -> None:
    log.append(some_records(50))
    with log.subscribe([MEDIA_CHANGED], group="embed") as silent:
        polled = taken(silent, 50)
        with log.subscribe([MEDIA_CHANGED], group="embed") as heir:
            inherited = taken(heir, 50)  # polls past the silent member's session
            assert keys(inherited) == keys(polled)
            with pytest.raises(PartitionLost):
                silent.commit()
            heir.commit()
            both = settled(log, [silent, heir])  # the silent one polls again, and is a member again
    assert all(both)


def test_losing_some_partitions_commits_the_others_all_the_same(log: EventLog) -> None:
    with log.subscribe([MEDIA_CHANGED], group="embed") as slow:
        log.append(some_records(50))
        taken(slow, 50)
        slow.commit()
        with log.subscribe([MEDIA_CHANGED], group="embed") as quick:
            settled(log, [slow, quick])
            log.append(some_records(100, "late"))
            mine: list[Record] = []
            until(lambda: more(slow, mine) > 0)
            theirs = [r for r in taken(quick, 100) if r.key not in keys(mine)]
            with pytest.raises(PartitionLost):
                slow.commit()
            assert theirs
            quick.commit()
        assert nothing_comes(slow)
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}


def test_a_member_that_is_kept_alive_keeps_its_partitions(log: EventLog, session_timeout_s: float) -> None:
    log.append(some_records(50))
    with log.subscribe([MEDIA_CHANGED], group="embed") as busy:
        taken(busy, 50)
        with another_member(log) as other:
            kept_alive_until(busy, lambda: other.polls > 0)  # however long the other takes to join
            ends = time.monotonic() + 2 * session_timeout_s
            kept_alive_until(busy, lambda: time.monotonic() > ends and other.polls > 1)
            assert other.records == []
            busy.commit()
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}


def kept_alive_until(member: Subscription, done: Callable[[], bool]) -> None:
    pause = threading.Event()
    until(lambda: (member.keep_alive(), pause.wait(0.05), done())[-1])


@dataclass
class Other:
    """How often another member has polled, and what it got."""

    polls: int = 0
    records: list[Record] = field(default_factory=list)


@contextmanager
def another_member(log: EventLog) -> Iterator[Other]:
    """A member that polls in a thread of its own, as another process would: whatever it waits for, nobody here waits with it."""
    other, stop = Other(), threading.Event()

    def poll() -> None:
        with log.subscribe([MEDIA_CHANGED], group="embed") as member:
            while not stop.is_set():
                other.records += member.poll(max_records=50, timeout_s=0.05)
                other.polls += 1

    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(poll)
        try:
            yield other
        finally:
            stop.set()
        polling.result()


def test_a_member_alone_may_take_as_long_as_it_likes(log: EventLog, session_timeout_s: float) -> None:
    log.append(some_records(50))
    with log.subscribe([MEDIA_CHANGED], group="embed") as alone:
        taken(alone, 50)
        threading.Event().wait(1.5 * session_timeout_s)
        alone.commit()
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}


# Tails


def test_every_tail_sees_every_record_and_commits_nothing(log: EventLog) -> None:
    log.append(some_records(30))
    with log.tail([MEDIA_CHANGED], since="start") as one, log.tail([MEDIA_CHANGED], since="start") as two:
        assert keys(taken(one, 30)) == keys(taken(two, 30)) == {f"m-{n}" for n in range(30)}
        log.append([a_record("m-new")])
        assert keys(taken(one, 1)) == keys(taken(two, 1)) == {"m-new"}
    with log.tail([MEDIA_CHANGED], since="start") as again:
        taken(again, 31)


def test_a_tail_from_now_on_sees_what_comes_after_it_was_opened(log: EventLog) -> None:
    log.append(some_records(30))
    with log.tail([MEDIA_CHANGED], since="now") as tail:
        log.append([a_record("m-new")])
        assert keys(taken(tail, 1)) == {"m-new"}
        assert nothing_comes(tail)


def test_a_tail_takes_nothing_from_a_group(log: EventLog) -> None:
    log.append(some_records(30))
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed, log.tail([MEDIA_CHANGED], since="start") as tail:
        taken(tail, 30)
        taken(embed, 30)
