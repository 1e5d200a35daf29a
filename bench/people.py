"""Bytes a person takes in profile's database: state and journal, at 100,000 people, against a row for each label seen.

Some people are folded from activity as the service folds it; their rows are then written again and again under new ids, so that
the tables, with their indexes, have the asked number of people. The peer is the least that a profile without reasons keeps: a row a
person and label with its weight, of the same activity, in the same kind of database.

    python -m bench.people [--people 100000] [--events 12] [--write]
    python -m nungil.local_servers exec --only postgres -- python -m bench.people [--write]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, insert, select, text

from bench.a_profile import RULES, TENANT, a_database_url, a_profile, some_activity, some_people
from bench.report import write_section
from nungil.database.open import open_database
from nungil.event_log.port import Record
from nungil.runtime.ids import new_event_id
from services.profile.store import encoding, tables
from services.profile.wire.events import activity_of

MODELS, PICTURES = 50, 200
CHUNK = 500  # people a transaction
LARGEST_STATE = 100_000  # bytes: claimed of every state
GIB = 1 << 30

PEER = MetaData()
LABELS = Table(
    "labels",
    PEER,
    Column("person_id", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("weight", Float, nullable=False),
)
Row = Mapping[str, Any]


def models(url: str, events: int) -> tuple[list[Row], list[list[Row]], list[dict[str, float]]]:
    """The state rows of some people, the journal rows of each, and the labels that they saw with their weights."""
    with a_profile(url, pictures=PICTURES, people=MODELS) as profile:
        for record in some_activity(profile, MODELS * events):
            taken = Record(record.topic, 0, 0, record.key, record.value, {}, 0)
            if profile.journal.add([activity_of(taken)]):
                raise RuntimeError("an event was refused")
        with profile.engine.begin() as c:
            states: list[Row] = [dict(row) for row in c.execute(select(tables.STATES)).mappings()]
            journals: dict[str, list[Row]] = {}
            for one in c.execute(select(tables.JOURNAL)).mappings():
                journals.setdefault(one["person_id"], []).append(dict(one))
    labels = []
    for state in states:
        seen: dict[str, float] = {}
        for row in journals[state["person_id"]]:
            for finding in encoding.decode_findings(row["findings"]):
                for label, p in finding.labels:
                    seen[label] = seen.get(label, 0.0) + p * RULES.gains[row["kind"]]
        labels.append(seen)
    return states, [journals[state["person_id"]] for state in states], labels


def fill(engine: Engine, people: int, states: Sequence[Row], journals: Sequence[Sequence[Row]]) -> None:
    """People with the rows of the models, each under ids of its own."""
    tables.METADATA.create_all(engine)
    for start in range(0, people, CHUNK):
        ids = some_people(engine, min(CHUNK, people - start))
        with engine.begin() as c:
            of = [(id_, (start + n) % len(states)) for n, id_ in enumerate(ids)]
            c.execute(insert(tables.STATES), [{**states[model], "person_id": id_} for id_, model in of])
            rows = [
                {**row, "person_id": id_, "event_id": new_event_id()} for id_, model in of for row in journals[model]
            ]
            if rows:
                c.execute(insert(tables.JOURNAL), rows)


def fill_peer(engine: Engine, people: int, labels: Sequence[Mapping[str, float]]) -> None:
    """A row a person and label."""
    PEER.create_all(engine)
    for start in range(0, people, CHUNK):
        with engine.begin() as c:
            rows = [
                {"person_id": f"{TENANT}-{number:036}", "label": label, "weight": weight}
                for number in range(start, min(start + CHUNK, people))
                for label, weight in labels[number % len(labels)].items()
            ]
            c.execute(insert(LABELS), rows)


def bytes_of(engine: Engine) -> int:
    """All that the database takes: SQLite's pages, PostgreSQL's files without its log of writes."""
    with engine.connect() as c:
        if engine.dialect.name == "postgresql":
            return int(c.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        pages, size = (c.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
        return int(pages) * int(size)


def taken(url: str, filled: Any) -> int:
    """Bytes that `filled` adds to an empty database."""
    with open_database(url) as engine:
        before = bytes_of(engine)
        filled(engine)
        return bytes_of(engine) - before


def main() -> int:
    """Prints the table; 1 where a state is larger than claimed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=12, help="of each person")
    options = parser.parse_args()
    database = "PostgreSQL" if os.environ.get("NUNGIL_TEST_POSTGRES") else "SQLite"
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder:
        states, journals, labels = models(f"sqlite://{folder}/models.db", options.events)
        state_bytes = sorted(len(state["state"]) for state in states)
        events = sum(map(len, journals)) / len(journals)
        only_states = taken(
            a_database_url(Path(folder)), lambda e: fill(e, options.people, states, [[] for _ in states])
        )
        whole = taken(a_database_url(Path(folder)), lambda e: fill(e, options.people, states, journals))
        peer = taken(a_database_url(Path(folder)), lambda e: fill_peer(e, options.people, labels))
    a_person, an_event = whole / options.people, (whole - only_states) / options.people / events
    shown = "\n".join(
        [
            f"## What a person takes, {database}",
            "",
            f"| {database}, {options.people:,} people with {events:.0f} events each | bytes a person |",
            "|---|---|",
            f"| state, consent and the link | {only_states / options.people:,.0f} |",
            f"| their journal, {an_event:,.0f} an event | {an_event * events:,.0f} |",
            f"| **together** | **{a_person:,.0f}** |",
            f"| the peer: a row a label, no reasons, nothing to take back | {peer / options.people:,.0f} |",
            "",
            f"{a_person * options.people / peer:.1f} times the peer. A state alone: median {state_bytes[len(state_bytes) // 2]:,} bytes,"
            f" largest {state_bytes[-1]:,} (claimed: {LARGEST_STATE:,} at most). {GIB / a_person:,.0f} people a GiB.",
        ]
    )
    print(shown)
    if options.write:
        write_section(f"people, {database}", shown)
    return int(state_bytes[-1] > LARGEST_STATE)


if __name__ == "__main__":
    raise SystemExit(main())
