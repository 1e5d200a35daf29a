"""Migrations: run once however often they are called, wholly or not at all, and equal to what each service declares."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import real_servers
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, inspect

import services
from nungil.database.migrations import check_current, has_migrations, upgrade
from nungil.database.open import open_database, reading
from nungil.database.outbox import outbox_table
from nungil.runtime.errors import Misconfigured

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

def upgrade() -> None:
    op.create_table("media", sa.Column("media_id", sa.String, primary_key=True))
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=True),
        sa.Column("headers", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade() -> None:
    with op.batch_alter_table("media") as media:
        media.add_column(sa.Column("version", sa.Integer, nullable=False, server_default="1"))
"""
BROKEN = """
from alembic import op

revision = "0003"
down_revision = "0002"

def upgrade() -> None:
    op.execute("CREATE TABLE half (id INTEGER)")
    raise ZeroDivisionError
"""


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the migrations of a service 'shelf'."""
    folder = tmp_path / "a 100% odd folder" / "services" / "shelf" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "0001_first.py").write_text(FIRST)
    monkeypatch.setattr(services, "__path__", [*services.__path__, str(folder.parents[2])])
    monkeypatch.setattr(services.__spec__, "submodule_search_locations", services.__path__)
    return folder


@pytest.fixture(params=["sqlite", *real_servers.where("NUNGIL_TEST_POSTGRES", "postgres")])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return real_servers.a_database_url() if request.param == "postgres" else f"sqlite://{tmp_path}/data/shelf.db"


def tables(url: str) -> set[str]:
    with open_database(url) as engine, reading(engine) as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_is_brought_to_the_newest_schema(versions: Path, url: str) -> None:
    upgrade("shelf", url)
    assert tables(url) == {"media", "outbox", "alembic_version"}
    with open_database(url) as engine:
        check_current("shelf", engine)


def test_upgrading_again_changes_nothing(versions: Path, url: str) -> None:
    upgrade("shelf", url)
    upgrade("shelf", url)
    with open_database(url) as engine:
        check_current("shelf", engine)


def test_a_newer_release_upgrades_what_is_there(versions: Path, url: str) -> None:
    upgrade("shelf", url)
    with open_database(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO media VALUES ('m-1')")
    (versions / "0002_version.py").write_text(SECOND)
    with open_database(url) as engine:
        with pytest.raises(Misconfigured, match=r"shelf is at 0001, not 0002: run `nungil migrate shelf`"):
            check_current("shelf", engine)
        upgrade("shelf", url)
        check_current("shelf", engine)
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SELECT * FROM media").all() == [("m-1", 1)]


def test_a_migration_that_fails_leaves_nothing_behind(versions: Path, url: str) -> None:
    upgrade("shelf", url)
    (versions / "0002_version.py").write_text(SECOND)
    (versions / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(ZeroDivisionError):
        upgrade("shelf", url)
    assert "half" not in tables(url)
    with open_database(url) as engine, pytest.raises(Misconfigured, match="at 0001"):
        check_current("shelf", engine)


def test_a_database_of_a_newer_release_is_not_touched(versions: Path, url: str) -> None:
    (versions / "0002_version.py").write_text(SECOND)
    upgrade("shelf", url)
    (versions / "0002_version.py").unlink()
    with pytest.raises(Misconfigured, match="at 0002, which is newer than this release"):
        upgrade("shelf", url)
    with open_database(url) as engine, pytest.raises(Misconfigured, match="run the newer one"):
        check_current("shelf", engine)


def test_a_database_that_was_never_migrated_is_not_current(versions: Path, url: str) -> None:
    with open_database(url) as engine, pytest.raises(Misconfigured, match="at nothing"):
        check_current("shelf", engine)


def test_processes_may_upgrade_one_database_together(versions: Path, url: str) -> None:
    program = (
        "import services, sys\n"
        "services.__spec__.submodule_search_locations.append(sys.argv[1])\n"
        "from nungil.database.migrations import upgrade\n"
        "upgrade('shelf', sys.argv[2])\n"
    )
    arguments = [sys.executable, "-c", program, str(versions.parents[2]), url]
    processes = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 4
    assert tables(url) == {"media", "outbox", "alembic_version"}


def test_a_service_without_migrations_is_misconfigured(url: str) -> None:
    assert not has_migrations("unheard_of")
    with pytest.raises(Misconfigured, match="unheard_of"):
        upgrade("unheard_of", url)


def test_the_outbox_that_the_documentation_shows_is_the_one_that_we_use(versions: Path, url: str) -> None:
    upgrade("shelf", url)
    metadata = MetaData()
    outbox_table(metadata)
    assert not differences(url, metadata, only=metadata.tables["outbox"])


SERVICES = [m.name for m in pkgutil.iter_modules(services.__path__) if has_migrations(m.name)]


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_of_a_service_build_what_its_store_declares(service: str, url: str) -> None:
    upgrade(service, url)
    assert not differences(url, metadata_of(service))


@pytest.mark.parametrize("service", SERVICES)
def test_what_refers_to_a_row_is_found_by_an_index_when_the_row_goes(service: str, tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/data/x.db"
    upgrade(service, url)
    with open_database(url) as engine:
        found = inspect(engine)
        for table in metadata_of(service).tables.values():
            unique = [each["column_names"] for each in found.get_unique_constraints(table.name)]
            indexes = [each["column_names"] for each in found.get_indexes(table.name)]
            indexes += [*unique, found.get_pk_constraint(table.name)["constrained_columns"]]
            for key in found.get_foreign_keys(table.name):
                columns = set(key["constrained_columns"])
                assert any(set(index[: len(columns)]) == columns for index in indexes), (table.name, columns)


def metadata_of(service: str) -> MetaData:
    """With the tables that modules beside `tables` declare."""
    package = importlib.import_module(f"services.{service}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith("_rows"):
            importlib.import_module(module.name)
    metadata: MetaData = importlib.import_module(f"services.{service}.store").METADATA
    return metadata


def differences(url: str, metadata: MetaData, only: Table | None = None) -> list[object]:
    with open_database(url) as engine, reading(engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: only is None or kind != "table" or name == only.name,
            },
        )
        return list(compare_metadata(context, metadata))
