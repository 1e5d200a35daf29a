"""A crop search is answered at once, and recorded when the event log is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from nungil.event_log.errors import EventLogAway
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import USER_ACTIVITY
from nungil.runtime import metrics
from services.search.handlers.activities import BATCH_RECORDS, TellActivities

PATIENCE_S = 30


class ALog:
    """An event log that is away until it is let back; `asked` is set each time that it refuses."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.asked = threading.Event()
        self.has = threading.Semaphore(0)
        self.keys: list[str] = []

    def append(self, records: Sequence[NewRecord]) -> None:
        if self.away:
            self.asked.set()
            raise EventLogAway("no broker answers")
        for record in records:
            self.keys.append(record.key)
            self.has.release()

    def wait_for(self, records: int) -> None:
        for _ in range(records):
            assert self.has.acquire(timeout=PATIENCE_S)


def telling(log: ALog, kept_records: int = 10_000) -> TellActivities:
    return TellActivities(log, kept_records)  # type: ignore[arg-type]


@contextmanager
def publishing(tell: TellActivities) -> Iterator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        published = pool.submit(tell.publish, stop)
        try:
            yield
        finally:
            stop.set()
            published.result(PATIENCE_S)


def note(tell: TellActivities, *keys: int) -> list[str]:
    for key in keys:
        tell(NewRecord(USER_ACTIVITY, str(key), b""))
    return [str(key) for key in keys]


def dropped() -> float:
    name = "nungil_search_activities_dropped_total "
    [line] = [line for line in metrics.exposition().decode().splitlines() if line.startswith(name)]
    return float(line.removeprefix(name))


def test_what_was_searched_while_the_log_was_away_is_recorded_in_order_when_it_is_back() -> None:
    log = ALog(away=True)
    tell = telling(log)
    with publishing(tell):
        noted = note(tell, *range(2 * BATCH_RECORDS))
        assert log.asked.wait(PATIENCE_S)
        noted += note(tell, -1)
        log.away = False
        log.wait_for(len(noted))
    assert log.keys == noted


def test_a_search_that_is_noted_is_recorded_without_a_second_one() -> None:
    log = ALog()
    tell = telling(log)
    with publishing(tell):
        note(tell, 1)
        log.wait_for(1)
    assert log.keys == ["1"]


def test_more_than_is_kept_is_dropped_oldest_first_and_counted() -> None:
    log, before = ALog(), dropped()
    tell = telling(log, kept_records=3)
    note(tell, 1, 2, 3, 4, 5)
    with publishing(tell):
        log.wait_for(3)
    assert log.keys == ["3", "4", "5"]
    assert dropped() - before == 2


def test_what_is_left_at_the_end_is_recorded_or_counted() -> None:
    log, stopped = ALog(), threading.Event()
    stopped.set()
    tell = telling(log)
    noted = note(tell, 1, 2)
    tell.publish(stopped)
    assert log.keys == noted

    away, before = telling(ALog(away=True)), dropped()
    note(away, 1, 2)
    away.publish(stopped)
    assert dropped() - before == 2
