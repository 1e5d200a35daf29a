"""Rows on a Milvus server, 2.3 or newer: one collection an encoder space behind an alias (decision 11).

A write that was acknowledged is durable in the server's log. Reads are bounded: they wait for nothing, and see all that a
`flush` of anyone has waited for. So a batch of writes waits for the server's time tick once (0.2 s), and no search does.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets
from nungil.vector_index.milvus import (
    EXTRA,
    LITE,
    READ_TIMEOUT_S,
    MilvusVectorIndex,
    connected,
    make_collection,
    translated,
)
from nungil.vector_index.milvus_erasing import compact
from nungil.vector_index.port import IndexRow, Vectors
from nungil.vector_index.ranking import MAX_LIMIT

logger = logging.getLogger(__name__)

SCHEME = "milvus"
OLDEST, TOO_NEW = (2, 3), (4, 0)
EXACT_ROWS = 500  # that pass a filter and are all fetched and compared: 13 to 24 ms, against 6 to 17 of the graph
_GRAPH = {"M": 24, "efConstruction": 200}
_LEAST_EF, _MOST_EF = 128, 32_768
_WIDER = 8
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_USE = "use milvus://host:19530, or milvus://host:19530/prefix where several systems share a server"


@dataclass(frozen=True)
class Server:
    """Where a Milvus server listens, and how the names of our collections there begin."""

    uri: str
    prefix: str
    login: dict[str, str] = field(default_factory=dict, repr=False)

    def alias(self, space: EncoderSpace) -> str:
        """What requests name; the collection behind it ends in a number."""
        return f"{self.prefix}_regions_{re.sub('[^A-Za-z0-9_]', '_', space.name)}"


class MilvusServerIndex(MilvusVectorIndex):
    """One encoder space. Recovers by itself when the server is back."""

    consistency: ClassVar[str] = "Bounded"
    our_fault: ClassVar[frozenset[int]] = frozenset({1100})

    def flush(self) -> None:
        """Waits until the server's readers have taken up what was written: a strong read does nothing else."""
        self._query('id == "/"', ["id"], consistency="Strong")

    def erase_deleted(self) -> bool:
        """Milvus compacts by itself where a fifth of a segment is deleted; this compacts whatever holds a deleted row."""
        self._call(lambda: compact(self._client, self._collection))
        return False

    def _found(self, queries: Vectors, where: str, limit: int) -> list[list[IndexRow]]:
        wanted = min(limit + EXTRA, MAX_LIMIT)
        rows_passing = self._count(where)
        if rows_passing <= max(EXACT_ROWS, wanted):
            rows = self._rows(where)
            return [rows for _ in queries]
        found = self._nearest(queries, where, wanted, _effort(wanted))
        if any(len(rows) < wanted for rows in found):
            found = self._instead(queries, where, wanted, rows_passing)
        return found

    def _instead(self, queries: Vectors, where: str, wanted: int, rows_passing: int) -> list[list[IndexRow]]:
        """A graph walked under a filter can end too early; fewer rows than there are is how it shows."""
        logger.warning("the index found fewer than %d rows of %d that pass: looking again", wanted, rows_passing)
        if rows_passing <= MAX_LIMIT:
            rows = self._rows(where)
            return [rows for _ in queries]
        return self._nearest(queries, where, wanted, _effort(_WIDER * wanted))

    def _create(self) -> None:
        first = f"{self._collection}_1"
        make_collection(self._client, first, self._dim, index_type="HNSW", **_GRAPH)
        try:
            self._client.create_alias(first, self._collection, timeout=READ_TIMEOUT_S)
        except MilvusException:
            if not self._client.has_collection(self._collection, timeout=READ_TIMEOUT_S):
                raise  # otherwise another process was first


@contextmanager
def open_milvus_server(url: str, space: EncoderSpace) -> Iterator[MilvusServerIndex]:
    """Raises Misconfigured for a URL that names none, a server too old, or a collection of other vectors; VectorIndexAway where nothing answers."""
    server = server_of(url)
    with connected(server.uri, server.login) as client:
        with translated(frozenset()):
            check_version(client.get_server_version(timeout=READ_TIMEOUT_S))
        index = MilvusServerIndex(client, server.alias(space), space.dim)
        with translated(frozenset()):
            _check_dim(client, server.alias(space), space)
        yield index


def server_of(url: str) -> Server:
    """'milvus://[user:password@]host:port[/prefix]'. Raises Misconfigured."""
    parts = urlsplit(url)
    prefix = parts.path.strip("/") or "nungil"
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != SCHEME or not parts.hostname or not port or not _PREFIX.fullmatch(prefix):
        raise Misconfigured(f"{without_secrets(url)!r} names no Milvus server; {_USE}")
    login = {"user": unquote(parts.username), "password": unquote(parts.password or "")} if parts.username else {}
    return Server(f"http://{parts.hostname}:{port}", prefix, login)


def check_version(said: str) -> None:
    """`said`: what a server calls itself, as 'v2.6.24'. Raises Misconfigured for one that is not for us."""
    if said.startswith(LITE):
        raise Misconfigured(f"the server is {said}, not Milvus: write milvus-lite://host:port")
    version = re.match(r"v?(\d+)\.(\d+)", said)
    if version is None or not OLDEST <= (int(version[1]), int(version[2])) < TOO_NEW:
        oldest, newest = ".".join(map(str, OLDEST)), TOO_NEW[0] - 1
        raise Misconfigured(f"the server is Milvus {said}: use one from {oldest} to {newest}.x")


def _check_dim(client: MilvusClient, alias: str, space: EncoderSpace) -> None:
    fields = client.describe_collection(alias, timeout=READ_TIMEOUT_S)["fields"]
    dims = [int(each["params"]["dim"]) for each in fields if each["name"] == "vector"]
    if dims != [space.dim]:
        raise Misconfigured(
            f"the collection {alias} holds vectors of {dims}, the encoder space {space.name} has {space.dim}: "
            "use another prefix, or rebuild it"
        )


def _effort(wanted: int) -> dict[str, int]:
    return {"ef": min(max(2 * wanted, _LEAST_EF), _MOST_EF)}
