"""A person leaves: what profile removes in one transaction, whom it tells, and the receipt; what comes after is dropped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from profile_builders import NOW_MS, TENANT, a_record
from real_servers import service_database_url
from sqlalchemy import Engine, func, insert, select

from nungil import receipts
from nungil.api.profile.v1.events_pb2 import ErasureConfirmed, UserErased
from nungil.database.migrations import upgrade
from nungil.database.open import open_database, reading
from nungil.erasing import Erased, ReadErasures, Removed, UnknownReceipt, confirmed
from nungil.event_log import topics
from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected
from services.profile.errors import InvalidActivity, UnknownPerson
from services.profile.handlers.erasing import ASKED, Confirm, Erase, Receipts
from services.profile.handlers.exporting import Export
from services.profile.handlers.people import Identify
from services.profile.rpc.erasing import DropOfErased, ReadConfirmations
from services.profile.store import erasures_rows as rows
from services.profile.store import people_rows, tables

KEPT_MS = 1_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = service_database_url(tmp_path, "profile")
    upgrade("profile", url)
    with open_database(url) as engine:
        yield engine


def clock() -> int:
    return NOW_MS


def a_person(engine: Engine, subject: str = "mina") -> str:
    """With a row in the journal, a consent and a watch that has found something."""
    person_id = Identify(engine, clock)(TENANT, subject)
    with engine.begin() as c:
        of_person = {"tenant": TENANT, "person_id": person_id}
        c.execute(insert(tables.CONSENTS).values(**of_person, purpose=2, given=True, changed_at_ms=NOW_MS))
        watch = {
            **of_person,
            "watch_id": f"w-{subject}",
            "media_id": "m-1",
            "box": "[0,0,1,1]",
            "market": "",
            "currency": "",
            "max_price_minor": 0,
            "label": "",
            "label_score": 0.0,
            "created_at_ms": NOW_MS,
        }
        c.execute(insert(tables.WATCHES).values(**watch))
        match = {"watch_id": f"w-{subject}", "item_id": "i-1", "media_id": "m-2", "score": 0.9, "matched_at_ms": NOW_MS}
        c.execute(insert(tables.WATCH_MATCHES).values(**match))
    return person_id


def erase(engine: Engine, person_id: str) -> str:
    return Erase(engine, clock, threading.Event())(TENANT, person_id)


def told(engine: Engine) -> list[tuple[str, str, bytes | None]]:
    with reading(engine) as c:
        return [
            (row.topic, row.key, row.value) for row in c.execute(tables.OUTBOX.select().order_by(tables.OUTBOX.c.id))
        ]


def rows_left(engine: Engine, person_id: str) -> dict[str, int]:
    with reading(engine) as c:
        counts = {
            table.name: c.execute(
                select(func.count()).select_from(table).where(rows.of_person(table, person_id))
            ).scalar_one()
            for table in rows.tables_of_people()
        }
    return {name: count for name, count in counts.items() if count}


def confirm_all(engine: Engine, person_id: str, erased: Erased) -> None:
    confirm = Confirm(engine, clock, KEPT_MS)
    confirm.own(erased)
    for service, name in ASKED:
        said = confirmed(erased, service, Removed(name, 3, NOW_MS + KEPT_MS if name == "index" else 0), now_ms=NOW_MS)
        read = ReadConfirmations(confirm)
        assert list(read([a_record(said.topic, person_id, said.value)])) == []


def test_every_row_goes_with_the_link_and_no_one_elses(engine: Engine) -> None:
    mina, juno = a_person(engine), a_person(engine, "juno")
    before = rows_left(engine, juno)
    assert set(before) >= {"consents", "watches", "watch_matches"}
    receipt_id = erase(engine, mina)
    assert rows_left(engine, mina) == {}
    assert rows_left(engine, juno) == before
    with reading(engine) as c:
        assert people_rows.find_person(c, TENANT, "mina") is None
        assert rows.counted(c, TENANT, mina, "profile", "database") == 4
    assert receipt_id not in mina


def test_every_table_that_names_a_person_loses_the_rows_of_one_who_leaves() -> None:
    naming = {name for name, table in tables.METADATA.tables.items() if "person_id" in table.c}
    going = {table.name for table in rows.tables_of_people()}
    assert naming - going <= {"people", "erasures"}
    for table in rows.tables_of_people():
        for column in table.columns:
            for key in column.foreign_keys:
                assert key.ondelete == "CASCADE", f"{table.name}.{column.name}"


def test_the_services_are_told_and_their_watches_end(engine: Engine) -> None:
    mina = a_person(engine)
    erase(engine, mina)
    (ended, key, tombstone), (erased, of, event) = told(engine)
    assert (ended, key, tombstone) == (topics.WATCH_CHANGED, f"{TENANT}/w-mina", None)
    assert (erased, of) == (topics.USER_ERASED, mina)
    said = UserErased.FromString(event or b"")
    assert (said.tenant, said.person_id, said.occurred_at_ms) == (TENANT, mina, NOW_MS)
    assert b"mina" not in (event or b"")


def test_nobody_leaves_twice_and_who_comes_again_is_new(engine: Engine) -> None:
    mina = a_person(engine)
    erase(engine, mina)
    with pytest.raises(UnknownPerson):
        erase(engine, mina)
    again = Identify(engine, clock)(TENANT, "mina")
    assert again != mina
    assert erase(engine, again)


def test_the_receipt_shows_who_is_missing_and_is_signed_once_nobody_is(engine: Engine) -> None:
    mina = a_person(engine)
    receipt_id = erase(engine, mina)
    show = Receipts(engine)
    waiting = show(receipt_id)
    assert {(one["service"], one["store"]) for one in waiting["missing"]} == {*ASKED, ("profile", "database")}
    assert waiting["signature"] == ""
    confirm_all(engine, mina, Erased("e-1", TENANT, mina))
    document = show(receipt_id)
    assert document["missing"] == []
    assert receipts.verify(document, show.public_key())
    by_store = {one["store"]: one for one in document["stores"] if one["service"] == "embed"}
    assert by_store["index"]["gone_by"] > by_store["index"]["at"]
    assert by_store["features"]["gone_by"] == by_store["features"]["at"]
    assert show(receipt_id) == document
    assert Receipts(engine).public_key() == show.public_key()


def test_a_confirmation_told_again_changes_nothing(engine: Engine) -> None:
    mina = a_person(engine)
    receipt_id = erase(engine, mina)
    confirm = Confirm(engine, clock, KEPT_MS)
    for count in (5, 0):
        event = ErasureConfirmed(
            tenant=TENANT, person_id=mina, service="embed", store="index", count=count, occurred_at_ms=NOW_MS
        )
        confirm(event)
    [said] = [one for one in Receipts(engine)(receipt_id)["stores"] if one["store"] == "index"]
    assert said["count"] == 5


def test_a_key_of_ones_own_signs(engine: Engine) -> None:
    mina = a_person(engine)
    receipt_id, key = erase(engine, mina), receipts.new_key()
    confirm_all(engine, mina, Erased("e-1", TENANT, mina))
    assert receipts.verify(Receipts(engine, key)(receipt_id)) == receipts.public_key_of(key)


def test_a_receipt_that_nobody_has_is_unknown(engine: Engine) -> None:
    with pytest.raises(UnknownReceipt):
        Receipts(engine)("nothing")


@pytest.mark.parametrize("read", [ReadErasures(lambda _: None), ReadConfirmations(None)])  # type: ignore[arg-type]
@pytest.mark.parametrize("value", [None, b"", b"\xff\xff"])
def test_what_is_no_event_is_rejected(read: Callable[[list[Record]], Any], value: bytes | None) -> None:
    [(_, error)] = read([a_record(topics.USER_ERASED, "p-1", value)])  # type: ignore[arg-type]
    assert isinstance(error, Rejected)


def test_activities_of_one_who_left_are_dropped_and_of_one_who_never_was_are_not(engine: Engine) -> None:
    mina = a_person(engine)
    erase(engine, mina)
    late, wrong = a_record(topics.USER_ACTIVITY, mina, b""), a_record(topics.USER_ACTIVITY, "p-never", b"")
    read = DropOfErased(lambda records: [(record, InvalidActivity("no person")) for record in records], engine)
    assert [record.key for record, _ in read([late, wrong])] == ["p-never"]


def test_the_export_holds_every_row_as_it_is_kept(engine: Engine) -> None:
    mina = a_person(engine)
    a_person(engine, "juno")
    files: dict[str, bytes] = {}
    path = ""
    for named, chunk in Export(engine, [])(TENANT, mina):
        path = named or path
        files[path] = files.get(path, b"") + chunk
    read = {name.removeprefix("profile/kept/"): json.loads(data) for name, data in files.items()}
    assert [one["subject"] for one in read["people.json"]] == ["mina"]
    [consent] = read["consents.json"]
    assert consent["purpose"].startswith("consent_purpose_")
    assert consent["changed_at"].startswith("2027-")
    assert [one["watch_id"] for one in read["watches.json"]] == ["w-mina"]
    assert [one["item_id"] for one in read["watch_matches.json"]] == ["i-1"]
    with pytest.raises(UnknownPerson):
        list(Export(engine, [])(TENANT, "p-nobody"))


def test_a_long_journal_is_read_a_page_at_a_time(engine: Engine) -> None:
    mina = a_person(engine)
    kept = [
        {
            "person_id": mina,
            "event_id": f"e-{n:05}",
            "tenant": TENANT,
            "kind": 2,
            "media_id": "m",
            "occurred_at_ms": n + 1,
        }
        for n in range(1_203)
    ]
    with engine.begin() as c:
        c.execute(insert(tables.JOURNAL), kept)
    parts = list(Export(engine, [])(TENANT, mina))
    start = next(n for n, (path, _) in enumerate(parts) if path == "profile/kept/journal.json")
    end = next((n for n, (path, _) in enumerate(parts) if n > start and path), len(parts))
    entries = json.loads(b"".join(chunk for _, chunk in parts[start:end]))
    assert [entry["event_id"] for entry in entries] == [row["event_id"] for row in kept]
    assert max(len(chunk) for _, chunk in parts) <= 64 * 1024
