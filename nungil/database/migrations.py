"""Schemas: each service has its own, in Alembic migrations that this kit runs.

A service has its tables in `services/<name>/store.py`, or a package `store`, as `METADATA`, and the steps that build them in
`services/<name>/migrations/versions/` (`__init__.py` in both folders, empty but for a docstring). The first:

    # services/ingest/migrations/versions/0001_first.py
    \"\"\"First schema of ingest.\"\"\"

    import sqlalchemy as sa
    from alembic import op

    revision = "0001"
    down_revision = None


    def upgrade() -> None:
        op.create_table(
            "media",
            sa.Column("tenant", sa.String, primary_key=True),
            sa.Column("media_id", sa.String, primary_key=True),
            sa.Column("owner", sa.String, nullable=False),
        )
        op.create_index("media_by_owner", "media", ["tenant", "owner"])
        op.create_table(
            "outbox",
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
            sa.Column("topic", sa.String, nullable=False),
            sa.Column("key", sa.String, nullable=False),
            sa.Column("value", sa.LargeBinary, nullable=True),
            sa.Column("headers", sa.JSON, nullable=False),
            sqlite_autoincrement=True,
        )

A migration is frozen once released: it spells its columns out and imports nothing of the service. A test compares
`METADATA` with what the migrations build. `nungil up` and `nungil migrate <service>` call `upgrade`; a service's main
calls `check_current` before it serves.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from nungil.database.open import hold, open_database, reading
from nungil.database.sqlite_statistics import state_statistics
from nungil.runtime.errors import Misconfigured


def has_migrations(service: str) -> bool:
    """Whether the service keeps a database."""
    return _versions_folder(service) is not None


def upgrade(service: str, url: str) -> None:
    """Brings the database of `service` to the newest schema; harmless where it is there already.

    Two processes may call it together: the second waits for the first. A migration that fails leaves nothing behind.
    Raises Misconfigured for a service without migrations, DatabaseAway where the database is locked for 10 s.
    """
    config = _config(service)
    with open_database(url) as engine, engine.begin() as connection:
        hold(connection, "migrations")
        _refuse_newer(service, config, connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        state_statistics(connection)


def check_current(service: str, engine: Engine) -> None:
    """Raises Misconfigured where the database is not at the newest schema, or at a newer one than this release knows."""
    config = _config(service)
    wanted = set(ScriptDirectory.from_config(config).get_heads())
    with reading(engine) as connection:
        _refuse_newer(service, config, connection)
        found = _revisions(connection)
    if found != wanted:
        raise Misconfigured(
            f"the database of {service} is at {', '.join(sorted(found)) or 'nothing'}, "
            f"not {', '.join(sorted(wanted))}: run `nungil migrate {service}`"
        )


def _refuse_newer(service: str, config: Config, connection: Connection) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = _revisions(connection) - known
    if unknown:
        raise Misconfigured(
            f"the database of {service} is at {', '.join(sorted(unknown))}, which is newer than this release: run the newer one"
        )


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _config(service: str) -> Config:
    versions = _versions_folder(service)
    if versions is None:
        raise Misconfigured(f"{service} has no migrations: there is no services/{service}/migrations/versions")
    config = Config()
    config.set_main_option("script_location", _escaped(Path(__file__).parent / "alembic_env"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(versions))
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")  # a Config interpolates


def _versions_folder(service: str) -> Path | None:
    """By the package's place alone: the kit never imports a service."""
    spec = find_spec("services")
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / service / "migrations" / "versions"
        if folder.is_dir():
            return folder
    return None
