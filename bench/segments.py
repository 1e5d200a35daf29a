"""Who is in which segment: the time of an event with 10, 100 and 1,000 segments, and everyone entering and leaving, against looking at all.

Segments ask for an interest and one of two more, or for a label, drawn from all of the taxonomy. An event goes the whole way, from
the journal to memberships and timers, in its transactions; the peer looks at every segment of the tenant at each event, in the same
transactions. Then many people act, and enter; then the clock goes on by a year, and all leave by their timers. What would be looked at
by computing everything again is people x segments, each time.

    python -m bench.segments [--people 100000] [--write]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import numpy as np
from sqlalchemy import Connection, Engine, func, insert, select

from bench.a_profile import RULES, SEED, TENANT, AProfile, a_database_url, a_profile, some_activity, some_people
from bench.report import write_section
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.event_log.port import Record
from nungil.runtime.clock import now_ms
from nungil.taxonomy.refused import refusal_of_label
from nungil.taxonomy.taxonomy import Name, load_taxonomy
from services.profile import consumer
from services.profile.core import DAY_MS, Entry, State
from services.profile.journal import Journal
from services.profile.segmenting import Segments
from services.profile.segments.definition import AllOf, AnyOf, Definition, InterestWeighs, LabelSeen, encode
from services.profile.segments.published import Segment
from services.profile.store import membership_rows, segments_rows, tables
from services.profile.wire.events import activity_of

COUNTS = (10, 100, 1_000)
EVENTS = 100  # of each round
PEOPLE_OF_A_ROUND = 25
EVENTS_OF_EACH = 4
BATCH = consumer.BATCH
AT_MOST = 2.0  # times: an event with the most segments against one with the fewest


@dataclass(frozen=True)
class Counting(Segments):
    """Counts how many segments are looked at, person by person. looked[0]: so far."""

    looked: list[int] = field(default_factory=lambda: [0])

    def _settle(
        self,
        c: Connection,
        tenant: str,
        person_id: str,
        state: State,
        segments: Sequence[Segment],
        *,
        anew: bool = False,
    ) -> None:
        self.looked[0] += len(segments)
        super()._settle(c, tenant, person_id, state, segments, anew=anew)


class LookingAtAll(Counting):
    """The peer: every segment at every change."""

    def follow(
        self, c: Connection, tenant: str, person_id: str, before: State, after: State, entries: Sequence[Entry] | None
    ) -> None:
        if membership_rows.consented(c, tenant, person_id):
            self._settle(c, tenant, person_id, after, list(self.published(c, tenant).segments.values()))


def some_segments(engine: Engine, first: int, last: int) -> None:
    """Publishes segments number `first` to `last`, to nobody yet."""
    taxonomy, random = load_taxonomy(), np.random.default_rng([SEED, first])
    interests = list(taxonomy.interests)
    labels = [id_ for id_ in taxonomy.imagenet if refusal_of_label(taxonomy.labels[id_]) is None]

    def one() -> InterestWeighs | LabelSeen:
        if random.random() < 0.3:
            return LabelSeen(str(random.choice(labels)), 1, 1, 60, 1)
        weight = float(random.uniform(0.1, 0.6))
        return InterestWeighs(str(random.choice(interests)), weight, 0.7 * weight)

    with engine.begin() as c:
        for n in range(first, last):
            who = one() if n % 2 else AllOf((one(), AnyOf((one(), one()))))
            segments_rows.put_draft(c, TENANT, f"s-{n}", encode(Definition(Name("가", "a"), who)), now_ms())
            segments_rows.publish_draft(c, TENANT, f"s-{n}", 1, now_ms(), RULES.fingerprint)
        segments_rows.put_spread(c, TENANT, [f"s-{n}" for n in range(first, last)], "", None)


def people_in(engine: Engine, n: int) -> list[str]:
    """Who agreed to both."""
    ids = some_people(engine, n)
    agreed = {"purpose": int(pb.CONSENT_PURPOSE_PERSONALISE), "given": True, "changed_at_ms": now_ms() - DAY_MS}
    with engine.begin() as c:
        c.execute(insert(tables.CONSENTS), [{"person_id": id_, "tenant": TENANT, **agreed} for id_ in ids])
    return ids


def records_of(profile: AProfile, people: Sequence[str], events: int) -> list[Record]:
    """What these people do."""
    told = some_activity(replace(profile, people=people), events)
    return [Record(one.topic, 0, 0, one.key, one.value, {}, 0) for one in told]


def event_ms(profile: AProfile, follow: Callable[..., None] | None) -> list[float]:
    """Milliseconds of processor of each event, one at a time, of people who are new."""
    journal = replace(profile.journal, followers=(follow,) if follow else ())
    records = records_of(profile, people_in(profile.engine, PEOPLE_OF_A_ROUND), EVENTS)
    took = []
    for record in records:
        began = time.process_time()
        faults = journal.add([activity_of(record)])
        took.append(1000 * (time.process_time() - began))
        if faults:
            raise RuntimeError(f"an event was refused: {faults}")
    return took


def counted(engine: Engine, table: object) -> int:
    """Rows."""
    with engine.connect() as c:
        return int(c.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def counting(profile: AProfile, kind: type[Counting], clock: Callable[[], int] = now_ms) -> Counting:
    """Segments as the service wires them."""
    taxonomy = load_taxonomy()
    learnt: Journal = profile.journal
    return kind(learnt, lambda _: taxonomy, clock, Event())


def measure_events(profile: AProfile) -> tuple[list[str], float]:
    """Rows of a table, and how many times as long an event takes with the most segments as with the fewest."""
    rows, medians, before = [], [], 0
    without = statistics.median(event_ms(profile, None))
    for count in COUNTS:
        some_segments(profile.engine, before, count)
        before = count
        ours, peer = counting(profile, Counting), counting(profile, LookingAtAll)
        took, all_ = event_ms(profile, ours.follow), event_ms(profile, peer.follow)
        medians.append(statistics.median(took))
        rows.append(
            f"| {count:,} | {medians[-1]:.2f} ms | {np.quantile(took, 0.95):.2f} ms | {ours.looked[0] / EVENTS:.1f} "
            f"| {statistics.median(all_):.2f} ms | {count:,} |"
        )
    return [f"| none | {without:.2f} ms | | | | |", *rows], medians[-1] / medians[0]


def measure_everybody(profile: AProfile, people: int) -> str:
    """Sentences on people entering by what they do, and leaving by their timers."""
    segments = counting(profile, Counting)
    journal = replace(profile.journal, followers=(segments.follow,))
    records = records_of(profile, people_in(profile.engine, people), people * EVENTS_OF_EACH)
    had = counted(profile.engine, membership_rows.MEMBERSHIPS)
    began = time.perf_counter()
    for start in range(0, len(records), BATCH):
        journal.add([activity_of(record) for record in records[start : start + BATCH]])
    entered_s = time.perf_counter() - began
    entered = counted(profile.engine, membership_rows.MEMBERSHIPS) - had
    looked = segments.looked[0]

    later = counting(profile, Counting, lambda: now_ms() + 400 * DAY_MS)
    left, timers = (
        counted(profile.engine, membership_rows.MEMBERSHIPS),
        counted(profile.engine, membership_rows.SEGMENT_TIMERS),
    )
    began = time.perf_counter()
    while later.settle_due():
        pass
    left_s = time.perf_counter() - began
    left -= counted(profile.engine, membership_rows.MEMBERSHIPS)
    everything = people * max(COUNTS)
    return (
        f"{people:,} people did {len(records):,} things: {entered:,} memberships began in {entered_s:.0f} s ({1000 * entered_s / len(records):.2f} ms an event, "
        f"in batches of {BATCH}); {looked:,} times a person's segment was looked at, where computing everything again once is {everything:,}. "
        f"400 days later {timers:,} timers were due: {left:,} memberships ended in {left_s:.0f} s, {later.looked[0]:,} looked at "
        f"({1e6 * left_s / max(left, 1):.0f} microseconds each), and nobody else was."
    )


def main() -> int:
    """Prints the table; 1 where an event takes more than AT_MOST times as long with the most segments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--people", type=int, default=100_000, help="who enter and leave")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder:
        with a_profile(a_database_url(Path(folder)), pictures=300, people=1) as profile:
            rows, times = measure_events(profile)
            everybody = measure_everybody(profile, options.people)
    text = "\n".join(
        [
            "## Segments: an event among 10 and among 1,000",
            "",
            f"One event at a time, from the journal to memberships and timers, on SQLite; milliseconds of processor, as the disk's are the same for all; {EVENTS} events of {PEOPLE_OF_A_ROUND} people a row.",
            "",
            "| segments | event, median | p95 | looked at an event | looking at all, median | looked at an event |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"With 1,000 segments an event takes {times:.2f} times what it takes with 10 (claimed: at most {AT_MOST:g}). {everybody}",
        ]
    )
    print(text)
    if options.write:
        write_section("segments", text)
    return 0 if times <= AT_MOST else 1


if __name__ == "__main__":
    raise SystemExit(main())
