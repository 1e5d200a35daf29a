"""The SQLite event log's own: several processes, kill -9, cleaning, the file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from nungil.database import sqlite as sqlite_files
from nungil.event_log.errors import EventLogAway, PartitionLost
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.sqlite import SqliteEventLog
from nungil.event_log.topics import DAY_MS, ITEM_CHANGED, MEDIA_CHANGED, MEDIA_EMBEDDED, Topic
from nungil.runtime.errors import Misconfigured

SESSION_TIMEOUT_S = 0.6

APPENDS_FOR_EVER = """
import sys
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
with open_event_log(sys.argv[1]) as log:
    n = 0
    while True:
        log.append([NewRecord("media.changed", f"m-{n % 7}", b"%d" % n) for n in range(n, n + 5)])
        n += 5
        print(n, flush=True)
"""
POLLS_AND_HANGS = """
import sys, threading
from nungil.event_log.open import open_event_log
with open_event_log(sys.argv[1], session_timeout_s=0.6) as log, log.subscribe(["media.changed"], group="embed") as member:
    while not member.poll(max_records=500, timeout_s=1):
        pass
    print("polled", flush=True)
    threading.Event().wait()
"""
WORKS = """
import sys
from nungil.event_log.open import open_event_log
with open_event_log(sys.argv[1], session_timeout_s=0.6) as log, log.subscribe(["media.changed"], group="embed") as member:
    while True:
        for record in member.poll(max_records=10, timeout_s=1):
            print(record.key, record.value.decode(), flush=True)
        member.commit()
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/log.db"


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    with open_event_log(url, session_timeout_s=SESSION_TIMEOUT_S) as log:
        yield log


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


def a_process(program: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> list[str]:
    """kill -9. What it had printed."""
    process.send_signal(signal.SIGKILL)
    printed, _ = process.communicate()
    return printed.splitlines()


def everything(log: EventLog, topic: str = MEDIA_CHANGED) -> list[Record]:
    with log.tail([topic], since="start") as tail:
        return list(tail.poll(max_records=100_000, timeout_s=0))


def some_records(count: int) -> list[NewRecord]:
    return [NewRecord(MEDIA_CHANGED, f"m-{n % 20}", b"%d" % n) for n in range(count)]


def test_what_was_appended_survives_kill_9_and_a_batch_is_there_wholly_or_not_at_all(url: str, log: EventLog) -> None:
    process = a_process(APPENDS_FOR_EVER, url)
    assert process.stdout is not None
    for _ in range(20):
        process.stdout.readline()
    printed = kill(process)
    values = sorted(int(r.value or b"") for r in everything(log))
    assert values == list(range(len(values)))
    assert len(values) >= 5 * (20 + len([line for line in printed if line.strip().isdigit()]) - 1)
    assert len(values) % 5 == 0


def test_the_records_of_a_killed_process_go_to_the_next_member(url: str, log: EventLog) -> None:
    log.append(some_records(100))
    process = a_process(POLLS_AND_HANGS, url)
    assert process.stdout is not None
    assert process.stdout.readline() == "polled\n"
    kill(process)
    seen: set[bytes | None] = set()
    with log.subscribe([MEDIA_CHANGED], group="embed") as after_restart:
        deadline = time.monotonic() + 20
        while len(seen) < 100 and time.monotonic() < deadline:
            seen |= {r.value for r in after_restart.poll(max_records=500, timeout_s=0.1)}
    assert seen == {b"%d" % n for n in range(100)}


def test_processes_share_the_work_and_a_killed_one_loses_nothing(url: str, log: EventLog) -> None:
    workers = [a_process(WORKS, url) for _ in range(3)]
    lines: list[list[str]] = [[] for _ in workers]
    readers = [
        threading.Thread(target=lambda process, into: into.extend(iter(process.stdout.readline, "")), args=pair)
        for pair in zip(workers, lines, strict=True)
    ]
    for reader in readers:
        reader.start()
    appended = 0

    def append_until(done: Callable[[], bool]) -> None:
        nonlocal appended
        deadline, pause = time.monotonic() + 30, threading.Event()
        while not done():
            assert time.monotonic() < deadline
            log.append([NewRecord(MEDIA_CHANGED, f"m-{n % 20}", b"%d" % n) for n in range(appended, appended + 25)])
            appended += 25
            pause.wait(0.01)

    try:
        append_until(lambda: all(lines))
        workers[0].kill()
        enough = appended + 1000
        append_until(lambda: appended >= enough)
        deadline, pause = time.monotonic() + 30, threading.Event()
        while log.lag([MEDIA_CHANGED], group="embed")[MEDIA_CHANGED] and time.monotonic() < deadline:
            pause.wait(0.05)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        for reader in readers:
            reader.join()
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}
    seen = [[(key, int(value)) for key, value in map(str.split, member)] for member in lines]
    assert {value for member in seen for _, value in member} == set(range(appended))
    for member in seen:
        values_of = defaultdict(list)
        for key, value in dict.fromkeys(member):  # without what was delivered again
            values_of[key].append(value)
        assert all(values == sorted(values) for values in values_of.values())


def test_members_that_come_stall_and_go_at_random_miss_no_record(url: str, log: EventLog) -> None:
    settled: list[bytes | None] = []  # polled, and then committed or lost to another member
    stop = threading.Event()

    def work(seed: int) -> None:
        dice = random.Random(seed)
        while not stop.is_set():
            with log.subscribe([MEDIA_CHANGED], group="embed") as member:
                polled: list[bytes | None] = []
                for _ in range(dice.randint(1, 40)):
                    polled += [r.value for r in member.poll(max_records=dice.choice([1, 10, 64]), timeout_s=0.02)]
                    chance = dice.random()
                    if chance < 0.02:
                        stop.wait(1.5 * SESSION_TIMEOUT_S)
                    if chance < 0.9:
                        with suppress(PartitionLost):
                            member.commit()
                        settled.extend(polled)
                        polled = []

    with ThreadPoolExecutor(5) as pool:
        members = [pool.submit(work, seed) for seed in range(5)]
        try:
            for n in range(0, 10_000, 25):
                log.append([NewRecord(MEDIA_CHANGED, f"m-{n % 50}", b"%d" % n) for n in range(n, n + 25)])
                stop.wait(0.005)
            deadline = time.monotonic() + 20
            while log.lag([MEDIA_CHANGED], group="embed")[MEDIA_CHANGED] and time.monotonic() < deadline:
                stop.wait(0.05)
        finally:
            stop.set()
    for done in members:
        done.result()
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}
    assert set(settled) == {b"%d" % n for n in range(10_000)}


def test_several_processes_may_open_a_new_log_together(url: str) -> None:
    program = "import sys; from nungil.event_log.open import open_event_log\nwith open_event_log(sys.argv[1]) as log: print('ok')"
    processes = [a_process(program, url) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["ok\n"] * 4


def test_threads_may_open_a_new_log_together(tmp_path: Path) -> None:
    def open_and_append(n: int) -> None:
        with open_event_log(f"sqlite://{tmp_path}/{n // 8}.db") as log:
            log.append([NewRecord(MEDIA_CHANGED, "m", b"x")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_append, range(40)))
    for n in range(5):
        with open_event_log(f"sqlite://{tmp_path}/{n}.db") as log:
            assert len(everything(log)) == 8


def test_a_record_past_its_retention_is_removed_and_the_offsets_go_on(tmp_path: Path) -> None:
    clock = Clock()
    log = SqliteEventLog(tmp_path / "log.db", clock=clock)
    log.append([NewRecord(MEDIA_CHANGED, "m", b"old")] * 3)
    clock.ms += 60 * DAY_MS
    log.append([NewRecord(MEDIA_CHANGED, "m", b"young")])
    clock.ms += 31 * DAY_MS
    log.append([NewRecord(MEDIA_EMBEDDED, "m", b"cleans on its way")])
    [young] = everything(log)
    assert (young.value, young.offset) == (b"young", 3)
    clock.ms += 90 * DAY_MS
    log.clean()
    assert not everything(log)
    log.append([NewRecord(MEDIA_CHANGED, "m", b"new")])
    assert [r.offset for r in everything(log)] == [4]
    log.close()


def test_a_group_that_was_away_past_the_retention_goes_on_with_what_is_left(tmp_path: Path) -> None:
    clock = Clock()
    log = SqliteEventLog(tmp_path / "log.db", clock=clock)
    log.append([NewRecord(MEDIA_CHANGED, "m", b"old")] * 3)
    clock.ms += 91 * DAY_MS
    log.clean()
    assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 0}
    log.append([NewRecord(MEDIA_CHANGED, "m", b"new")])
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        assert [r.value for r in embed.poll(max_records=10, timeout_s=1)] == [b"new"]
    log.close()


def test_compaction_keeps_the_last_record_of_each_key_with_its_offset(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path / "log.db", topics=[Topic(ITEM_CHANGED, 1, compacted=True)])
    for n in range(10):
        log.append([NewRecord(ITEM_CHANGED, f"item-{k}", b"%d" % n) for k in range(3)])
    log.clean()
    assert [(r.key, r.value, r.offset) for r in everything(log, ITEM_CHANGED)] == [
        ("item-0", b"9", 27),
        ("item-1", b"9", 28),
        ("item-2", b"9", 29),
    ]
    log.close()


def test_a_reader_in_the_middle_of_what_is_compacted_misses_no_key(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path / "log.db", topics=[Topic(ITEM_CHANGED, 1, compacted=True)])
    log.append([NewRecord(ITEM_CHANGED, f"item-{k}", b"1") for k in range(10)])
    with log.subscribe([ITEM_CHANGED], group="search") as search:
        seen = {r.key: r.value for r in search.poll(max_records=4, timeout_s=1)}
        search.commit()
        log.append([NewRecord(ITEM_CHANGED, f"item-{k}", b"2") for k in range(2, 7)])
        log.clean()
        seen |= {r.key: r.value for r in search.poll(max_records=100, timeout_s=1)}
        search.commit()
    assert seen == {f"item-{k}": b"2" if 2 <= k < 7 else b"1" for k in range(10)}
    assert log.lag([ITEM_CHANGED], group="search") == {ITEM_CHANGED: 0}
    log.close()


def test_a_tombstone_outlives_what_it_removes_by_a_day(tmp_path: Path) -> None:
    clock = Clock()
    log = SqliteEventLog(tmp_path / "log.db", topics=[Topic(ITEM_CHANGED, 1, compacted=True)], clock=clock)
    log.append([NewRecord(ITEM_CHANGED, "item-1", b"1"), NewRecord(ITEM_CHANGED, "item-2", b"1")])
    log.append([NewRecord(ITEM_CHANGED, "item-1", None)])
    log.clean()
    assert [(r.key, r.value) for r in everything(log, ITEM_CHANGED)] == [("item-2", b"1"), ("item-1", None)]
    clock.ms += DAY_MS + 1
    log.clean()
    assert [(r.key, r.value) for r in everything(log, ITEM_CHANGED)] == [("item-2", b"1")]
    log.close()


def test_a_compacted_topic_is_cleaned_by_those_who_append(tmp_path: Path) -> None:
    clock = Clock()
    log = SqliteEventLog(tmp_path / "log.db", topics=[Topic(ITEM_CHANGED, 1, compacted=True)], clock=clock)
    for n in range(30):
        clock.ms += 10_000
        log.append([NewRecord(ITEM_CHANGED, f"item-{k}", b"%d" % n) for k in range(100)])
    records = everything(log, ITEM_CHANGED)
    assert len(records) <= 1700  # of 3,000
    assert {r.key: r.value for r in records} == {f"item-{k}": b"29" for k in range(100)}
    log.close()


def test_a_topic_keeps_the_partitions_it_was_made_with(tmp_path: Path) -> None:
    first = SqliteEventLog(tmp_path / "log.db", topics=[Topic(MEDIA_CHANGED, 3)])
    first.append([NewRecord(MEDIA_CHANGED, "m-1", b"1")])
    later = SqliteEventLog(tmp_path / "log.db", topics=[Topic(MEDIA_CHANGED, 12), Topic(ITEM_CHANGED, 1)])
    later.append([NewRecord(MEDIA_CHANGED, "m-1", b"2"), NewRecord(ITEM_CHANGED, "item-1", b"1")])
    assert len({r.partition for r in everything(later)}) == 1
    first.close()
    later.close()


def test_a_log_that_another_process_holds_locked_is_away_and_comes_back(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "BUSY_TIMEOUT_S", 0.1)
    with open_event_log(url) as log, log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        log.append(some_records(1))
        assert embed.poll(max_records=1, timeout_s=1)
        holder = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(EventLogAway):
            log.append(some_records(1))
        with pytest.raises(EventLogAway):
            embed.commit()
        with pytest.raises(EventLogAway), log.subscribe([MEDIA_CHANGED], group="embed"):
            pass
        holder.execute("ROLLBACK")
        holder.close()
        embed.commit()
        log.append(some_records(1))
        assert len(everything(log)) == 2
        assert log.lag([MEDIA_CHANGED], group="embed") == {MEDIA_CHANGED: 1}


def test_idle_members_hardly_write(log: EventLog, tmp_path: Path) -> None:
    watcher = sqlite3.connect(tmp_path / "log.db")
    with log.subscribe([MEDIA_CHANGED], group="embed") as embed:
        before = watcher.execute("PRAGMA data_version").fetchone()[0]
        wal_before = (tmp_path / "log.db-wal").stat().st_size
        changes = 0
        ends = time.monotonic() + SESSION_TIMEOUT_S
        while time.monotonic() < ends:
            embed.poll(max_records=1, timeout_s=0.01)
            now = watcher.execute("PRAGMA data_version").fetchone()[0]
            changes, before = changes + (now != before), now
        assert 1 <= changes <= 7  # six heartbeats a session
        assert (tmp_path / "log.db-wal").stat().st_size - wal_before < 200_000
    watcher.close()


def test_a_log_of_another_schema_is_refused(url: str, tmp_path: Path) -> None:
    with open_event_log(url):
        pass
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Misconfigured, match="schema 99"), open_event_log(url):
        pass


def test_a_folder_in_the_place_of_the_file_is_away(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "log.db")
    with pytest.raises(EventLogAway), open_event_log(f"sqlite://{tmp_path}/log.db"):
        pass


def test_a_file_that_is_no_log_is_misconfigured_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"somebody's letter " * 100)
    with pytest.raises(Misconfigured), open_event_log(f"sqlite://{tmp_path}/log.db"):
        pass
    assert (tmp_path / "log.db").read_bytes() == b"somebody's letter " * 100


@pytest.mark.parametrize(
    "url", ["amqp://127.0.0.1:5672", "sqlite:", "sqlite://", "sqlite:///", "sqlite://log.db", "/log.db", ""]
)
def test_a_url_that_names_no_log_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_event_log(url):
        pass


def test_three_slashes_and_four_name_the_same_file(tmp_path: Path) -> None:
    with (
        open_event_log(f"sqlite://{tmp_path}/a folder/눈길.db") as three,
        open_event_log(f"sqlite:///{tmp_path}/a folder/눈길.db") as four,
    ):
        three.append([NewRecord(MEDIA_CHANGED, "m", b"x")])
        assert len(everything(four)) == 1
