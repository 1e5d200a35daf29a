"""What becomes of a record that fails, over a real event log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from nungil.event_log.consume import ConsumerStopped, Handler, consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.errors import UnknownTopic
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.topics import MEDIA_CHANGED, dead_topic
from nungil.runtime.errors import DependencyAway, Rejected

GROUP = "embed"
DEAD = dead_topic(MEDIA_CHANGED, GROUP)
SESSION_TIMEOUT_S = 0.6


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with open_event_log(f"sqlite://{tmp_path}/log.db", session_timeout_s=SESSION_TIMEOUT_S) as log:
        yield log


def append(log: EventLog, *values: str) -> None:
    """Under one key, so that they are delivered in this order."""
    log.append([NewRecord(MEDIA_CHANGED, "m", value.encode(), {"event": "MediaChanged"}) for value in values])


def values(records: Iterable[Record]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


def run(log: EventLog, handle: Handler, stop: threading.Event, *, max_records: int = 64) -> None:
    with log.subscribe([MEDIA_CHANGED], group=GROUP) as records:
        consume(records, handle, DeadLetters(log, group=GROUP), stop, max_records=max_records)


def run_once(log: EventLog, handle: Handler) -> None:
    """Runs until one batch is settled."""
    stop = threading.Event()

    def handle_then_stop(batch: Sequence[Record]) -> Iterable[tuple[Record, Rejected]]:
        failed = list(handle(batch))
        stop.set()
        return failed

    run(log, handle_then_stop, stop)


def run_until_committed(log: EventLog, handle: Handler) -> None:
    """Runs, in a thread, until every record is committed: however often the handler fails on the way."""
    stop, pause = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, args=(log, handle, stop))
    thread.start()
    for _ in range(1000):
        if not behind(log):
            break
        pause.wait(0.02)
    stop.set()
    thread.join()
    assert behind(log) == 0


def dead_letters(log: EventLog) -> list[Record]:
    with log.tail([DEAD], since="start") as tail:
        return list(tail.poll(max_records=100, timeout_s=0))


def behind(log: EventLog) -> int:
    return log.lag([MEDIA_CHANGED], group=GROUP)[MEDIA_CHANGED]


def test_a_batch_that_was_handled_is_committed(log: EventLog) -> None:
    append(log, "a", "b", "c")
    seen: list[Record] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        assert behind(log) == 3, "committed before its effects"
        seen.extend(batch)
        return []

    run_once(log, handle)
    assert values(seen) == ["a", "b", "c"]
    assert behind(log) == 0
    assert not dead_letters(log)


def test_batches_are_no_larger_than_asked_for(log: EventLog) -> None:
    append(log, *"abcdefg")
    stop = threading.Event()
    sizes: list[int] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        sizes.append(len(batch))
        if sum(sizes) == 7:
            stop.set()
        return []

    run(log, handle, stop, max_records=3)
    assert sizes == [3, 3, 1]


def test_stopping_finishes_and_commits_the_batch_in_hand(log: EventLog) -> None:
    append(log, *"abcd")
    stop = threading.Event()
    seen: list[Record] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        stop.set()
        seen.extend(batch)
        return []

    run(log, handle, stop, max_records=2)
    assert values(seen) == ["a", "b"]
    assert behind(log) == 2


def test_a_consumer_that_was_stopped_before_it_began_reads_nothing(log: EventLog) -> None:
    append(log, "a")
    stop = threading.Event()
    stop.set()
    run(log, lambda batch: pytest.fail("handled a record"), stop)
    assert behind(log) == 1


def test_a_rejected_record_becomes_a_dead_letter_as_it_was(log: EventLog) -> None:
    append(log, "a", "wrong", "c")
    run_once(log, lambda batch: [(r, Rejected("no picture in it")) for r in batch if r.value == b"wrong"])
    [letter] = dead_letters(log)
    assert (letter.key, letter.value) == ("m", b"wrong")
    where = {"dead-topic": MEDIA_CHANGED, "dead-offset": "1", "dead-reason": "no picture in it"}
    assert letter.headers.items() >= {"event": "MediaChanged", **where}.items()
    assert letter.headers["dead-partition"].isdigit()
    assert behind(log) == 0


def test_a_handler_may_be_a_generator(log: EventLog) -> None:
    append(log, "a", "b")

    def handle(batch: Sequence[Record]) -> Iterator[tuple[Record, Rejected]]:
        for record in batch:
            yield record, Rejected("neither")

    run_once(log, handle)
    assert values(dead_letters(log)) == ["a", "b"]


def test_a_handler_that_raises_rejected_is_asked_about_each_record(log: EventLog) -> None:
    append(log, "a", "wrong", "c")
    handled: list[str] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        if b"wrong" in [r.value for r in batch]:
            raise Rejected("wrong in here")
        handled.extend(values(batch))
        return []

    run_until_committed(log, handle)
    assert handled == ["a", "c"]
    assert [letter.headers["dead-reason"] for letter in dead_letters(log)] == ["wrong in here"]


def test_a_dependency_that_is_away_is_waited_for_and_the_batch_is_handled_again(log: EventLog) -> None:
    append(log, "a", "b")
    tries: list[list[str]] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        tries.append(values(batch))
        if len(tries) < 4:
            raise DependencyAway("the index is away")
        return []

    run_until_committed(log, handle)
    assert tries == [["a", "b"]] * 4
    assert not dead_letters(log)


def test_waiting_for_a_dependency_keeps_the_partitions(log: EventLog) -> None:
    append(log, "a")
    tries: list[str] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        tries.extend(values(batch))
        if len(tries) < 5:  # 0.1 + 0.2 + 0.4 + 0.8 s: past the session
            raise DependencyAway("the index is away")
        return []

    taken_by_another: list[Record] = []
    with log.subscribe([MEDIA_CHANGED], group=GROUP) as mine:
        stop = threading.Event()
        thread = threading.Thread(target=consume, args=(mine, handle, DeadLetters(log, group=GROUP), stop))
        thread.start()
        with log.subscribe([MEDIA_CHANGED], group=GROUP) as other:
            while len(tries) < 5:
                taken_by_another += other.poll(max_records=10, timeout_s=0.05)
            stop.set()
            thread.join()
    assert not taken_by_another
    assert behind(log) == 0


def test_stopping_while_a_dependency_is_away_leaves_the_batch_for_the_next_start(log: EventLog) -> None:
    append(log, "a")
    stop = threading.Event()

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        stop.set()
        raise DependencyAway("the index is away")

    run(log, handle, stop)
    assert behind(log) == 1
    assert not dead_letters(log)


def test_a_bug_costs_the_one_record_that_meets_it(log: EventLog, caplog: pytest.LogCaptureFixture) -> None:
    append(log, "a", "b", "strange", "d")
    handled: list[str] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        for record in batch:
            if record.value == b"strange":
                raise ZeroDivisionError("float division by zero")
        handled.extend(values(batch))
        return []

    with caplog.at_level(logging.ERROR):
        run_until_committed(log, handle)
    assert handled == ["a", "b", "d"]
    [letter] = dead_letters(log)
    assert letter.value == b"strange"
    assert letter.headers["dead-reason"] == "bug: ZeroDivisionError: float division by zero"
    assert "dead letter media.changed" in caplog.text


def test_a_failure_that_passes_costs_nothing(log: EventLog) -> None:
    append(log, "a", "b")
    tries: list[list[str]] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        tries.append(values(batch))
        if len(tries) == 1:
            raise RuntimeError("once")
        return []

    run_until_committed(log, handle)
    assert tries == [["a", "b"], ["a"], ["b"]]
    assert not dead_letters(log)


def test_a_dependency_may_go_away_while_records_are_handled_alone(log: EventLog) -> None:
    append(log, "a", "b")
    tries: list[list[str]] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        tries.append(values(batch))
        if len(tries) == 1:
            raise RuntimeError("once")
        if len(tries) == 2:
            raise DependencyAway("and now the index")
        return []

    run_until_committed(log, handle)
    assert tries == [["a", "b"], ["a"], ["a"], ["b"]]
    assert not dead_letters(log)


def test_five_bugs_in_a_row_stop_the_consumer_and_lose_nothing(log: EventLog) -> None:
    append(log, *"abcdefg")

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        raise KeyError("a column that a migration forgot")

    with pytest.raises(ConsumerStopped, match=r"5 records in a row .*KeyError"):
        run(log, handle, threading.Event())
    assert behind(log) == 7
    assert not dead_letters(log)


def test_five_bugs_in_a_row_count_across_batches(log: EventLog) -> None:
    append(log, *"abcdefg")

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        raise KeyError("a column that a migration forgot")

    with pytest.raises(ConsumerStopped):
        run(log, handle, threading.Event(), max_records=2)
    assert values(dead_letters(log)) == ["a", "b", "c", "d"]
    assert behind(log) == 3


def test_bugs_that_are_not_in_a_row_do_not_stop_the_consumer(log: EventLog) -> None:
    append(log, *["strange", "strange", "strange", "strange", "fine"] * 4)

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        if b"strange" in [r.value for r in batch]:
            raise KeyError("strange")
        return []

    run_until_committed(log, handle)
    assert values(dead_letters(log)) == ["strange"] * 16


def test_a_partition_that_was_lost_is_said_and_does_not_stop_the_consumer(
    log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    append(log, "a")
    stop = threading.Event()
    inherited: list[Record] = []

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        with log.subscribe([MEDIA_CHANGED], group=GROUP) as heir:
            while not inherited:
                inherited.extend(heir.poll(max_records=10, timeout_s=0.1))
            heir.commit()
        stop.set()
        return []

    run(log, handle, stop)
    assert values(inherited) == ["a"]
    assert "went to another member" in caplog.text


def test_a_group_that_is_in_no_table_has_no_dead_letters(log: EventLog) -> None:
    append(log, "a")
    with log.tail([MEDIA_CHANGED], since="start") as tail:
        [record] = tail.poll(max_records=1, timeout_s=5)
    with pytest.raises(UnknownTopic):
        DeadLetters(log, group="nobody").put(record, reason="wrong")
