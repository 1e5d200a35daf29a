"""The real servers of a test, where there are any: each named by an environment variable, and nothing in it is shared between tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from nungil.database.postgres import make_database
from nungil.local_servers.running import local_servers
from nungil.object_store.s3 import make_bucket
from nungil.runtime.ids import new_media_id
from nungil.vector_index.milvus import connected
from nungil.vector_index.milvus_server import server_of

T = TypeVar("T")

_HOW = "`make test-real` starts the servers and sets it"


def where(variable: str, adapter: T) -> list[T]:
    """`adapter` as one more parameter of a contract, where such a server is up; else none: `make test` has nothing to skip."""
    return [adapter] if os.environ.get(variable) else []


def named_by(variable: str) -> pytest.MarkDecorator:
    """Leaves a test out where no such server is up."""
    return pytest.mark.skipif(not os.environ.get(variable), reason=f"{variable} names no server; {_HOW}")


S3 = named_by("NUNGIL_TEST_S3")
MILVUS = named_by("NUNGIL_TEST_MILVUS")
POSTGRES = named_by("NUNGIL_TEST_POSTGRES")

STOPPABLE = named_by("NUNGIL_TEST_SERVERS")


@contextmanager
def stopped(name: str, *, by: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """A server is away; it is back and ready when the block ends."""
    folder = Path(os.environ["NUNGIL_TEST_SERVERS"])
    servers = local_servers(",".join(local_servers(folder=folder).names()), folder)
    servers.stop([name], by=by)
    try:
        yield
    finally:
        servers.start()


@contextmanager
def paused(name: str) -> Iterator[None]:
    """A server takes connections and answers nothing."""
    servers = local_servers(folder=Path(os.environ["NUNGIL_TEST_SERVERS"]))
    servers.pause(name)
    try:
        yield
    finally:
        servers.go_on(name)


def a_bucket_url() -> str:
    """A bucket of its own at NUNGIL_TEST_S3 ('s3+http://KEY:SECRET@host:port', a bucket's name after it is ignored)."""
    url = "/".join([*os.environ["NUNGIL_TEST_S3"].split("/")[:3], f"test-{new_media_id()}"])
    make_bucket(url)
    return url


def a_database_url() -> str:
    """A database of its own at NUNGIL_TEST_POSTGRES ('postgresql://user@host:port', a database's name after it is ignored)."""
    url = "/".join([*os.environ["NUNGIL_TEST_POSTGRES"].split("/")[:3], f"test_{new_media_id().replace('-', '_')}"])
    make_database(url)
    return url


def service_database_url(folder: Path, name: str) -> str:
    """Where a service under test keeps its tables: PostgreSQL where it is up, else a file of `folder`. The same when asked again."""
    if not os.environ.get("NUNGIL_TEST_POSTGRES"):
        return f"sqlite://{folder}/{name}.db"
    noted = folder / f"{name}.database-url"
    if not noted.exists():
        noted.write_text(a_database_url())
    return noted.read_text()


@contextmanager
def a_milvus_url() -> Iterator[str]:
    """A prefix of its own at NUNGIL_TEST_MILVUS ('milvus://host:port'); its collections are dropped at the end."""
    prefix = f"test_{new_media_id().replace('-', '_')}"
    url = "/".join([*os.environ["NUNGIL_TEST_MILVUS"].split("/")[:3], prefix])
    yield url
    with connected(server_of(url).uri) as client:
        for name in client.list_collections():
            if name.startswith(prefix):
                for alias in client.list_aliases(name)["aliases"]:
                    client.drop_alias(alias)
                client.drop_collection(name)
