"""SQLite's own behind the database kit: the lock, the pragmas, what deleting leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from nungil.database import sqlite as sqlite_files
from nungil.database.errors import DatabaseAway
from nungil.database.open import open_database, reading
from nungil.runtime.errors import Misconfigured


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "profile.db"


@pytest.fixture
def engine(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(sqlite_files, "BUSY_TIMEOUT_S", 0.1)
    with open_database(f"sqlite://{file}") as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE journal (event_id TEXT PRIMARY KEY)")
        yield engine


def test_a_database_that_another_process_holds_locked_is_away_and_comes_back(engine: Engine, file: Path) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseAway), engine.begin():
        pass
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar_one() == 0
    holder.execute("ROLLBACK")
    holder.close()
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO journal VALUES ('e-1')")


def test_a_mistake_in_the_sql_is_no_outage(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="no such table"), reading(engine) as connection:
        connection.exec_driver_sql("SELECT * FROM jornal")


def test_a_database_that_cannot_be_opened_is_away(tmp_path: Path) -> None:
    (tmp_path / "profile.db").mkdir()
    with open_database(f"sqlite://{tmp_path}/profile.db") as engine, pytest.raises(DatabaseAway), engine.begin():
        pass


def test_a_file_that_is_no_database_is_misconfigured(file: Path) -> None:
    file.write_bytes(b"somebody's letter " * 100)
    with open_database(f"sqlite://{file}") as engine, pytest.raises(Misconfigured), engine.begin():
        pass


def test_commits_are_durable_and_references_are_checked(engine: Engine) -> None:
    with reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_what_was_deleted_is_not_in_the_file_any_more(engine: Engine, file: Path) -> None:
    secret = "p-5ec2e7" * 8
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO journal VALUES (?)", (secret,))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM journal")
    engine.dispose()  # the last connection folds the WAL into the file
    assert secret.encode() not in file.read_bytes()
    assert not file.with_name("profile.db-wal").exists()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://localhost/x",
        "postgresql://",
        "postgresql://host",
        "sqlite://",
        "sqlite:///",
        "sqlite://x.db",
        "profile.db",
        "",
    ],
)
def test_a_url_that_names_no_database_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_database(url):
        pass
