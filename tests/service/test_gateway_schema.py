"""The gateway's tables are what its migrations build."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from real_servers import service_database_url

from nungil.database.migrations import check_current, upgrade
from nungil.database.open import open_database, reading
from nungil.runtime.errors import Misconfigured
from services.gateway.store import METADATA


def test_the_migrations_build_the_tables(tmp_path):
    url = service_database_url(tmp_path, "gateway")
    upgrade("gateway", url)
    with open_database(url) as engine, reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_gateway_does_not_start_on_a_database_without_them(tmp_path):
    with (
        open_database(service_database_url(tmp_path, "gateway")) as engine,
        pytest.raises(Misconfigured, match="migrate"),
    ):
        check_current("gateway", engine)
