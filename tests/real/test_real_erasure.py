"""A person leaves a system on real servers: their files hold nothing of them once the time is over that the receipt names.

PostgreSQL is told to write over what it keeps, Milvus is started with short times; Kafka holds ids alone, until its retention.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from leaving import (
    GREEN,
    SUBJECT,
    Person,
    a_key,
    dead_letters,
    everything_comes_again,
    has_a_life,
    is_quiet,
    leaves,
    open_log,
)
from local_system import LocalSystem, a_system, paint, wait_until

from nungil.encoder.open import space_of
from nungil.vector_index.milvus import connected
from nungil.vector_index.milvus_server import server_of
from tests.scanners.canaries import Canaries, below, raw
from tests.scanners.packed import parquet

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SERVERS = {f"NUNGIL_TEST_{name}" for name in ("KAFKA", "S3", "MILVUS", "POSTGRES", "SERVERS")}
GONE_S = 240.0
TRASH = ".minio.sys/tmp/.trash/"  # which MinIO empties five minutes after its start, and then every five
Found = dict[str, list[str]]


def found_in(folder: Path, canaries: Canaries) -> dict[str, Callable[[], Found]]:
    """Server -> its scanner."""
    of_text = canaries.only("subject", "title", "board", "note")
    [postgres] = [
        path.parent for path in below(folder) if path.name == "PG_VERSION" and path.parent.parent.name != "base"
    ]
    return {
        "kafka": lambda: of_text.found(raw(folder / "kafka")),
        "kafka, ids": lambda: canaries.only("owner").found(raw(folder / "kafka", "*.log")),
        "minio": lambda: canaries.only("picture", "vector", "map").found(
            blob for blob in raw(folder / "minio") if TRASH not in blob[0]
        ),
        "milvus": lambda: canaries.only("vector", "media_id", "owner").found(
            blob for blob in parquet(folder / "milvus") if "/insert_log/" in f"/{blob[0]}"
        ),
        "postgres": lambda: of_text.found(raw(postgres)),
    }


def flush_milvus(system: LocalSystem) -> None:
    """Rows go from its log to its object storage, where the scanner looks."""
    server = server_of(system.runtime.vector_index_url)
    with connected(server.uri) as client:
        client.flush(server.alias(space_of("tiny://64")))


def keep_no_wal(url: str) -> None:
    """A segment of PostgreSQL's WAL that is done with is removed; by default it is renamed and lies there until it is written over."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in (("wal_recycle", "off"), ("min_wal_size", "32MB"), ("max_wal_size", "32MB")):
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        connection.execute("SELECT pg_reload_conf()")


def write_over(system: LocalSystem) -> None:
    """What PostgreSQL does in its own time: dead rows out of the pages, and no segment of the WAL that held them.

    A row that some open transaction may still see stays, so who waits calls it again.
    """
    urls = [one["NUNGIL_DATABASE_URL"] for one in system.runtime.settings.values() if "NUNGIL_DATABASE_URL" in one]
    for url in urls:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM FULL")
    with psycopg.connect(urls[0], autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def test_nothing_of_a_person_who_left_is_in_the_files_of_the_servers(tmp_path: Path) -> None:
    if lacking := sorted(name for name in SERVERS if not os.environ.get(name)):
        pytest.skip(f"{', '.join(lacking)} are not set; `make test-real` starts the servers and sets them")
    servers = Path(os.environ["NUNGIL_TEST_SERVERS"])
    keep_no_wal(os.environ["NUNGIL_TEST_POSTGRES"])
    with a_system(tmp_path / "data", "--stack", "real", "--servers", str(servers)) as system:
        key = a_key(system, tmp_path)
        leaver, stays = Person(system, key, SUBJECT), Person(system, key, "stays")
        kept = stays.gives(*paint(tmp_path / "stays", 1, [GREEN], seed=3))
        canaries = has_a_life(leaver, tmp_path)
        wait_until(lambda: is_quiet(system), 90)
        flush_milvus(system)
        scan = found_in(servers, canaries)
        assert {name: set(scanner()) for name, scanner in scan.items()} == {
            "kafka": set(),
            "kafka, ids": {"owner"},
            "minio": {"picture", "vector", "map"},
            "milvus": {"vector", "media_id", "owner"},
            "postgres": {"subject", "title", "board", "note"},
        }

        receipt = leaves(leaver, tmp_path / "receipt.json")
        kept_for_a_while = {
            one["service"] + "/" + one["store"] for one in receipt["stores"] if one["gone_by"] > one["at"]
        }
        assert kept_for_a_while == {
            *("embed/features", "embed/index", "ingest/objects", "log/events"),
            *(f"{service}/database" for service in ("gateway", "ingest", "profile", "search")),
        }
        with open_log(system) as log:
            assert everything_comes_again(log, canaries.of["owner"].decode()) > 5
            wait_until(lambda: is_quiet(system), 90)
            assert dead_letters(log) == []
        assert stays.pictures() == kept
        for name in ("kafka", "minio", "milvus"):
            wait_until(lambda name=name: not scan[name](), GONE_S, lambda name=name: (name, scan[name]()))  # type: ignore[misc]

        def is_written_over() -> bool:
            write_over(system)
            return not scan["postgres"]()

        wait_until(is_written_over, GONE_S, scan["postgres"])
        assert leaver.pictures() == []  # last: who asks is a new person of that name
