"""SQLite's planner knows that one tenant may have very many rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nungil.database.migrations import upgrade
from nungil.database.sqlite_statistics import OF_TENANT, ROWS, VALUES, equal_rows

SERVICES = ("gateway", "ingest", "profile", "search")


@pytest.fixture(params=SERVICES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> sqlite3.Connection:
    return opened(request.param, tmp_path)


def opened(service: str, folder: Path) -> sqlite3.Connection:
    upgrade(service, url_of(folder))
    return sqlite3.connect(folder / "x.db")


def url_of(folder: Path) -> str:
    return f"sqlite://{folder}/x.db"


def first_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Table and first column of every index of a table that has tenants."""
    return database.execute(
        """
        SELECT DISTINCT tables.name, columns.name
        FROM sqlite_schema AS tables, pragma_index_list(tables.name) AS indexes, pragma_index_info(indexes.name) AS columns
        WHERE columns.seqno = 0 AND 'tenant' IN (SELECT name FROM pragma_table_info(tables.name))
        """
    ).fetchall()


def plan_of(database: sqlite3.Connection, asked: str) -> str:
    return " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {asked}"))


def test_a_tenant_narrows_little_down_and_each_other_column_much():
    assert equal_rows(["tenant", "person_id", "position"], unique=False) == [OF_TENANT, OF_TENANT // VALUES, 1]
    assert equal_rows(["tenant", "media_id"], unique=True) == [OF_TENANT, 1]
    assert equal_rows(["person_id", "tenant"], unique=False) == [ROWS // VALUES, ROWS // VALUES]


def test_what_a_tenant_has_of_something_else_is_found_by_the_something_else(database):
    plans = {
        (table, column): plan_of(database, f"SELECT * FROM {table} WHERE tenant = 'a' AND {column} = 'b'")  # noqa: S608
        for table, column in first_columns(database)
        if column != "tenant"
    }
    assert [of for of, plan in plans.items() if f"{of[1]}=?" not in plan] == []


def test_a_few_things_by_their_ids_are_not_looked_for_among_all(tmp_path):
    database = opened("search", tmp_path)
    ids = ", ".join(f"'{n}'" for n in range(100))
    asked = f"SELECT item_id, created_at_ms FROM items WHERE tenant = 'a' AND item_id IN ({ids})"  # noqa: S608
    assert "item_id=?" in plan_of(database, asked)


def test_the_few_rows_of_a_tenant_are_not_looked_for_among_those_of_all(tmp_path):
    database = opened("profile", tmp_path)
    assert "tenant=?" in plan_of(database, "SELECT * FROM campaigns WHERE tenant = 'a' AND from_ms <= 5")


def test_a_second_upgrade_writes_nothing(tmp_path):
    database = opened("profile", tmp_path)
    [before] = database.execute("SELECT count(*), sum(rowid) FROM sqlite_stat1")
    database.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('people', 'gone', '1 1')")
    database.commit()
    upgrade("profile", url_of(tmp_path))  # an index that is no more: all are written anew
    [again] = database.execute("SELECT count(*), sum(rowid) FROM sqlite_stat1")
    upgrade("profile", url_of(tmp_path))
    [at_last] = database.execute("SELECT count(*), sum(rowid) FROM sqlite_stat1")
    assert before[0] == again[0] > 50
    assert at_last == again
