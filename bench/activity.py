"""Activity events a second, from the event log to committed state: profile's consumer against a loop that commits one event a message.

Both read the same kind of events of the same number of people, with the same rules into the same tables. Ours takes what comes
together, and commits its effects and then its offsets once for all of it; the loop brings each event to its committed state
alone, and commits its offset, before it takes the next. Every event must be in the journal at the end, and every state must be
what its journal gives, or the measurement fails.

    python -m bench.activity [--events 16000] [--write]
    python -m nungil.local_servers exec --only kafka,postgres -- python -m bench.activity [--write]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.a_profile import RULES, AProfile, a_database_url, a_profile, some_activity
from bench.report import write_section
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, Record
from nungil.event_log.topics import USER_ACTIVITY
from nungil.event_log.topics_apply import apply_topics, delete_topics
from nungil.runtime.errors import Rejected
from nungil.runtime.ids import new_media_id
from services.profile import consumer
from services.profile.refolding import FoldAll
from services.profile.store import tables
from services.profile.wire.events import activity_of

CLAIMS = {"Kafka and PostgreSQL": 30.0, "SQLite": 3.0}
PEOPLE, PICTURES = 400, 200
PEER_SHARE = 32  # the loop is given so many times fewer events: a rate needs no more
APPEND = 500


@dataclass(frozen=True)
class Rate:
    """events of how long, from the first in hand to the last commit."""

    events: int
    wall_s: float
    cpu_s: float

    @property
    def a_second(self) -> float:
        return self.events / self.wall_s


class Watch:
    """Starts with the first event in hand: joining the group is left out."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.events = 0

    def took(self, events: int) -> None:
        """Before they are handled."""
        self.began = self.began or (time.perf_counter(), time.process_time())
        self.events += events

    def rate(self) -> Rate:
        """After the last commit."""
        wall, cpu = self.began or (0.0, 0.0)
        return Rate(self.events, time.perf_counter() - wall, time.process_time() - cpu)


def ours(log: EventLog, profile: AProfile, events: int) -> Rate:
    """`consume` and the journal, as the service uses them."""
    watch, stop, journal = Watch(), threading.Event(), profile.journal

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        watch.took(len(batch))
        activities = [activity_of(record) for record in batch]
        faults = journal.add(activities)
        if watch.events >= events:
            stop.set()
        return [(record, faults[one]) for record, one in zip(batch, activities, strict=True) if one in faults]

    with log.subscribe([USER_ACTIVITY], group=consumer.GROUP) as events_of:
        consume(events_of, handle, DeadLetters(log, group=consumer.GROUP), stop, max_records=consumer.BATCH)
        return watch.rate()


def one_by_one(log: EventLog, profile: AProfile, events: int) -> Rate:
    """What one writes first."""
    watch, journal = Watch(), profile.journal
    with log.subscribe([USER_ACTIVITY], group=consumer.GROUP) as events_of:
        while watch.events < events:
            for record in events_of.poll(max_records=1, timeout_s=1.0):
                watch.took(1)
                if journal.add([activity_of(record)]):
                    raise RuntimeError(f"{record.key} was refused")
                events_of.commit()
        return watch.rate()


def measured(url: str, database_url: str, way: str, events: int) -> Rate:
    """Fills a log, runs one of the two ways over it, and looks at what it left. Raises RuntimeError where that is wrong."""
    with a_profile(database_url, pictures=PICTURES, people=PEOPLE) as profile, open_event_log(url) as log:
        records = some_activity(profile, events)
        for start in range(0, events, APPEND):
            log.append(records[start : start + APPEND])
        rate = ours(log, profile, events) if way == "ours" else one_by_one(log, profile, events)
        check(profile, events)
        return rate


def check(profile: AProfile, events: int) -> None:
    """Every event has its row, none waits, and folding every journal again changes no state."""
    with profile.engine.begin() as c:
        filled = c.execute(select(func.count()).where(tables.JOURNAL.c.findings.is_not(None))).scalar_one()
    again = FoldAll(profile.engine, RULES)(threading.Event())
    if filled != events or again.changed or again.ruled:
        raise RuntimeError(
            f"{events} events gave {filled} rows, and {again.changed} states are not what their journals give"
        )


@contextmanager
def a_log_url(folder: Path) -> Iterator[str]:
    """An empty event log: on Kafka where NUNGIL_TEST_KAFKA names one, else a file."""
    server = os.environ.get("NUNGIL_TEST_KAFKA")
    if not server:
        yield f"sqlite://{folder}/{new_media_id()}.db"
        return
    url = f"{server}/bench-{new_media_id()}"
    apply_topics(Cluster.of_url(url))
    try:
        yield url
    finally:
        delete_topics(Cluster.of_url(url))


def main() -> int:
    """Prints the table; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--events", type=int, default=16_000)
    options = parser.parse_args()
    servers = [bool(os.environ.get(f"NUNGIL_TEST_{name}")) for name in ("KAFKA", "POSTGRES")]
    if servers[0] != servers[1]:
        parser.error("give both servers, or none of them: run it as shown above")
    stack = "Kafka and PostgreSQL" if all(servers) else "SQLite"
    rates = {}
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder:
        for way, events in (("ours", options.events), ("loop", options.events // PEER_SHARE)):
            with a_log_url(Path(folder)) as url:
                rates[way] = measured(url, a_database_url(Path(folder)), way, events)
    ratio = rates["ours"].a_second / rates["loop"].a_second
    text = "\n".join(
        [
            f"## Activity to committed state, {stack}",
            "",
            f"| {stack}, {PEOPLE} people, {PICTURES} pictures | events | events a second | processor time an event |",
            "|---|---|---|---|",
            *(
                f"| {what} | {rate.events:,} | {rate.a_second:,.0f} | {1e6 * rate.cpu_s / rate.events:,.0f} µs |"
                for what, rate in (
                    (f"profile's consumer, up to {consumer.BATCH} a commit", rates["ours"]),
                    ("a loop that commits one event a message", rates["loop"]),
                )
            ),
            "",
            f"{ratio:.1f} times as many (claimed: {CLAIMS[stack]:.0f}). Processor time is this process's alone.",
        ]
    )
    print(text)
    if options.write:
        write_section(f"activity, {stack}", text)
    return int(ratio < CLAIMS[stack])


if __name__ == "__main__":
    raise SystemExit(main())
