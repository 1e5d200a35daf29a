"""The story of tests/system/test_rebuild.py on Kafka, MinIO, Milvus and PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from change_of_encoder import tell_the_change
from real_servers import STOPPABLE

from nungil.vector_index.milvus import connected
from nungil.vector_index.milvus_server import server_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(600), STOPPABLE]


def drop_collections(_data: Path, url: str) -> None:
    """Of both spaces, as if the index had been lost."""
    server = server_of(url)
    with connected(server.uri) as client:
        dropped = [name for name in client.list_collections() if name.startswith(server.prefix)]
        assert len(dropped) == 2
        for name in dropped:
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)


def test_the_same_on_the_real_servers(tmp_path: Path) -> None:
    servers = ("--stack", "real", "--servers", os.environ["NUNGIL_TEST_SERVERS"])
    tell_the_change(tmp_path, drop_collections, *servers)
