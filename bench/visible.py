"""From an event to the profile that shows it: p50 and p95 at a steady rate, with the share that each step takes.

One thread appends activity at the asked rate, as the gateway does; profile's consumer takes it, in this process, as the service
wires it; a reader asks for the interests of the person who acted as soon as the state is committed. The peer is the same events through
a loop that commits one event a message, at the rate that it can hold.

    python -m bench.visible [--rate 200] [--seconds 10] [--write]
    python -m nungil.local_servers exec --only kafka,postgres -- python -m bench.visible [--write]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.a_profile import RULES, TENANT, AProfile, a_database_url, a_profile, some_activity
from bench.activity import a_log_url
from bench.report import write_section
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, Record, Subscription
from nungil.event_log.topics import USER_ACTIVITY
from nungil.runtime.clock import now_ms
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import load_taxonomy
from services.profile import consumer
from services.profile.core import Activity
from services.profile.handlers.interests import Interests
from services.profile.tenant_taxonomies import TenantTaxonomies
from services.profile.wire.events import activity_of

CLAIMED_MS = 200.0
PEOPLE, PICTURES = 400, 200
WARM_S = 2.0  # the first events meet nobody known, and are left out
STEPS = ("appended to the log", "waits in the log", "read, folded and committed", "read and shown")


@dataclass
class Times:
    """Of each event, by its id, in seconds of one clock: given, appended, taken, committed, shown."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def note(self, event_id: str) -> None:
        """It has come one step further."""
        self.of[event_id].append(time.perf_counter())

    def steps(self) -> list[list[float]]:
        """Milliseconds of each step, of the events after the first WARM_S."""
        began = min(times[0] for times in self.of.values())
        whole = [times for times in self.of.values() if times[0] >= began + WARM_S]
        if any(len(times) != len(STEPS) + 1 for times in whole):
            raise RuntimeError("an event never came to be shown")
        return [[1000 * (b - a) for a, b in pairwise(times)] for times in whole]


class Give(threading.Thread):
    """Appends events at a steady rate, each when its time has come."""

    def __init__(self, log: EventLog, profile: AProfile, times: Times, rate: float, seconds: float) -> None:
        super().__init__()
        self._log, self._times, self._rate = log, times, rate
        self._records = some_activity(profile, int(rate * seconds))
        self._ids = [activity_of(record_of(record.key, record.value)).event_id for record in self._records]
        for event_id in self._ids:
            times.of[event_id] = []
        self.events = len(self._records)

    def run(self) -> None:
        pause, began = threading.Event(), time.perf_counter()
        for number, (record, event_id) in enumerate(zip(self._records, self._ids, strict=True)):
            pause.wait(max(0.0, began + number / self._rate - time.perf_counter()))
            self._times.note(event_id)
            self._log.append([record])
            self._times.note(event_id)


def record_of(key: str, value: bytes | None) -> Record:
    """As delivered."""
    return Record(USER_ACTIVITY, 0, 0, key, value, {}, 0)


class Take:
    """Handles what is delivered as the service does, and looks at the profile of each person who acted."""

    def __init__(self, profile: AProfile, times: Times) -> None:
        self._journal, self._times, self.taken = profile.journal, times, 0
        self._interests = Interests(self._journal, RULES, now_ms, TenantTaxonomies(load_taxonomy()))

    def __call__(self, batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        activities = [activity_of(record) for record in batch]
        for activity in activities:
            self._times.note(activity.event_id)
        if self._journal.add(activities):
            raise RuntimeError("an event was refused")
        for activity in activities:
            self._times.note(activity.event_id)
        self._show(activities)
        self.taken += len(batch)
        return []

    def _show(self, activities: Sequence[Activity]) -> None:
        """What each person would see now."""
        for person_id in {activity.person_id for activity in activities}:
            self._interests(TENANT, person_id)
            for activity in activities:
                if activity.person_id == person_id:
                    self._times.note(activity.event_id)


def measured(rate: float, seconds: float, *, alone: bool) -> list[list[float]]:
    """The steps of each event. alone: one event a message, as the peer does."""
    times = Times()
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder, a_log_url(Path(folder)) as url:
        with (
            a_profile(a_database_url(Path(folder)), pictures=PICTURES, people=PEOPLE) as profile,
            open_event_log(url) as log,
            log.subscribe([USER_ACTIVITY], group=consumer.GROUP) as events,
        ):
            give, take = Give(log, profile, times, rate, seconds), Take(profile, times)
            give.start()
            if alone:
                one_by_one(events, take, give.events)
            else:
                together(log, events, take, give.events)
            give.join()
    return times.steps()


def together(log: EventLog, events: Subscription, take: Take, wanted: int) -> None:
    """`consume`, as the service uses it."""
    stop = threading.Event()

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        done = take(batch)
        if take.taken >= wanted:
            stop.set()
        return done

    consume(events, handle, DeadLetters(log, group=consumer.GROUP), stop, max_records=consumer.BATCH)


def one_by_one(events: Subscription, take: Take, wanted: int) -> None:
    """What one writes first."""
    while take.taken < wanted:
        for record in events.poll(max_records=1, timeout_s=1.0):
            take([record])
            events.commit()


def row(what: str, rate: float, steps: list[list[float]]) -> str:
    """One line of the table."""
    whole = sorted(map(sum, steps))
    shares = [sum(step) / sum(whole) for step in zip(*steps, strict=True)]
    cells = [f"{statistics.median(whole):.0f}", f"{p95(whole):.0f}", *(f"{share:.0%}" for share in shares)]
    return f"| {what} | {rate:.0f} | {' | '.join(cells)} |"


def p95(values: Sequence[float]) -> float:
    """Of milliseconds."""
    return statistics.quantiles(values, n=20)[-1]


def main() -> int:
    """Prints the table; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--rate", type=float, default=200.0, help="events a second")
    parser.add_argument("--peer-rate", type=float, default=20.0, help="what the loop can hold")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    servers = [bool(os.environ.get(f"NUNGIL_TEST_{name}")) for name in ("KAFKA", "POSTGRES")]
    stack = "Kafka and PostgreSQL" if all(servers) else "SQLite"
    steps = measured(options.rate, options.seconds, alone=False)
    peer = measured(options.peer_rate, options.seconds, alone=True)
    reached = p95(sorted(map(sum, steps)))
    text = "\n".join(
        [
            f"## From an event to the visible profile, {stack}",
            "",
            f"| {stack} | events a second | p50, ms | p95, ms | {' | '.join(STEPS)} |",
            f"|---|---|---|---|{'---|' * len(STEPS)}",
            row("profile's consumer", options.rate, steps),
            row("a loop that commits one event a message", options.peer_rate, peer),
            "",
            f"{len(steps):,} and {len(peer):,} events after the first {WARM_S:.0f} s, {PEOPLE} people. p95 {reached:.0f} ms (claimed: under"
            f" {CLAIMED_MS:.0f}).",
        ]
    )
    print(text)
    if options.write:
        write_section(f"visible, {stack}", text)
    return int(reached >= CLAIMED_MS)


if __name__ == "__main__":
    raise SystemExit(main())
