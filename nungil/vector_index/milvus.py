"""Rows in a Milvus collection, spoken to by pymilvus: what milvus-lite and a server do alike, and milvus-lite itself.

Flushing costs about 25 ms a batch of 128 rows (milvus-lite 3.2.2, 2 cores) and is worth it: rows not yet flushed are
scanned in Python at every search.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.milvus_erasing import rewrite
from nungil.vector_index.milvus_rows import (
    FIELDS,
    all_of,
    among,
    batched,
    entity_of,
    passing,
    row_of,
    rows_of,
    schema_of,
)
from nungil.vector_index.port import IndexRow, Match, Vectors
from nungil.vector_index.ranking import MAX_LIMIT, checked_query, checked_rows, ranked, united

logger = logging.getLogger(__name__)
T = TypeVar("T")

LITE = "milvus_lite"  # how it names itself; a Milvus from a Python package is 'v2.3.5-lite'
READ_TIMEOUT_S = 15.0
WRITE_TIMEOUT_S = 60.0
EXTRA = 16  # rows beyond the limit, so that equal scores at its edge are put in order by us
_UPSERT_ROWS = 2_000  # of 1 KB: far below the 64 MB that a server takes in one message
_FETCH_PICTURES = 200
_ALL_ROWS = 2_000  # of 1 KB
_NOT_LOADED = (100, 101)  # the collection is absent, or "released": what a restarted server says

# pymilvus asks every connection for a sign of life each 10 s, idle or not. gRPC's own server, which milvus-lite is, takes
# one in 5 minutes where a call is under way and one in 2 hours where none is; at the third too many it hangs up ("too_many_pings"),
# and the call that had just begun is lost.
_ONLY_DURING_CALLS = {"grpc.keepalive_permit_without_calls": 0}  # for a server far away, that can go without a word
_NEVER = {**_ONLY_DURING_CALLS, "grpc.keepalive_time_ms": 2**31 - 1}  # on one machine the system tells who is gone
_RECONNECT = {"grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 2_000}


class MilvusVectorIndex:
    """One encoder space on milvus-lite. Recovers by itself when the server is back after a crash."""

    consistency: ClassVar[str] = "Strong"
    our_fault: ClassVar[frozenset[int]] = frozenset({5, 6, 1100})  # an argument that it does not take

    def __init__(self, client: MilvusClient, collection: str, dim: int) -> None:
        self._client = client
        self._dim = dim
        self._collection = collection
        self._writing = threading.Lock()  # milvus-lite takes one writer a collection
        with self._translated():
            self._ensure()

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        entities = [entity_of(row) for row in checked_rows(rows, self._dim)]
        with self._writing:
            for batch in batched(entities, _UPSERT_ROWS):
                self._call(lambda batch=batch: self._client.upsert(self._collection, batch, timeout=WRITE_TIMEOUT_S))  # type: ignore[misc]

    def flush(self) -> None:
        with self._writing:
            self._call(lambda: self._client.flush(self._collection, timeout=WRITE_TIMEOUT_S))

    def search(
        self,
        vectors: Vectors,
        *,
        tenant: str,
        owners: Collection[str],
        limit: int,
        media_ids: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> list[list[Match]]:
        queries = checked_query(vectors, self._dim, limit)
        where = passing(tenant, owners, media_ids, without)
        if where is None or not len(queries):
            return [[] for _ in queries]
        found = self._found(queries, where, limit)
        return [ranked(query, rows, limit) for query, rows in zip(queries, found, strict=True)]

    def gather(
        self,
        vectors: Vectors,
        *,
        tenant: str,
        owners: Collection[str],
        limit: int,
        media_ids: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> list[IndexRow]:
        queries = checked_query(vectors, self._dim, limit)
        where = passing(tenant, owners, media_ids, without)
        if where is None or not len(queries):
            return []
        return united(queries, self._found(queries, where, limit), limit)

    def fetch(self, media_ids: Collection[str], *, tenant: str) -> list[IndexRow]:
        rows: list[IndexRow] = []
        for batch in batched(sorted(set(media_ids)), _FETCH_PICTURES):
            rows += self._rows(all_of(among("tenant", [tenant]), among("media_id", batch)))
        return sorted(rows, key=lambda row: row.id)

    def delete_media(self, media_ids: Collection[str], *, tenant: str) -> None:
        with self._writing:
            for batch in batched(sorted(set(media_ids)), _FETCH_PICTURES):
                where = all_of(among("tenant", [tenant]), among("media_id", batch))
                if where is not None:
                    self._call(
                        lambda where=where: self._client.delete(  # type: ignore[misc]
                            self._collection, filter=where, timeout=WRITE_TIMEOUT_S
                        )
                    )

    def count(self, *, tenant: str | None = None) -> int:
        return self._count("" if tenant is None else among("tenant", [tenant]))

    def pictures_of(self, owner: str, *, tenant: str) -> dict[str, int]:
        where = all_of(among("tenant", [tenant]), among("owner", [owner]))
        return dict(Counter(entity["media_id"] for entity in self._query(where, ["media_id"], consistency="Strong")))

    def erase_deleted(self) -> bool:
        with self._writing:
            self._call(lambda: rewrite(self._client, self._collection, self._make))
        return True

    def _found(self, queries: Vectors, where: str, limit: int) -> list[list[IndexRow]]:
        """For each query its best rows, and some more.

        Hits are what costs milvus-lite time: where many queries would find every row
        again and again, the rows are taken once (28 queries for 400 of 1,000 rows: a sixth of the time).
        """
        wanted = min(limit + EXTRA, MAX_LIMIT)
        if len(queries) > 1 and self._count(where) <= min(len(queries) * wanted, _ALL_ROWS):
            rows = self._rows(where)
            return [rows for _ in queries]
        return self._nearest(queries, where, wanted, {})

    def _nearest(self, queries: Vectors, where: str, limit: int, params: dict[str, int]) -> list[list[IndexRow]]:
        answers = self._call(
            lambda: self._client.search(
                self._collection,
                data=queries,
                anns_field="vector",
                filter=where,
                limit=limit,
                output_fields=FIELDS[1:],
                search_params={"metric_type": "IP", "params": params},
                consistency_level=self.consistency,
                timeout=READ_TIMEOUT_S,
            )
        )
        return rows_of(answers)

    def _rows(self, where: str | None) -> list[IndexRow]:
        return [row_of(entity) for entity in self._query(where, FIELDS)]

    def _count(self, where: str | None) -> int:
        answer = self._query(where, ["count(*)"])
        return int(answer[0]["count(*)"]) if answer else 0

    def _query(self, where: str | None, fields: list[str], *, consistency: str | None = None) -> list[dict[str, Any]]:
        if where is None:
            return []
        found: list[dict[str, Any]] = self._call(
            lambda: list(
                self._client.query(
                    self._collection,
                    filter=where,
                    output_fields=fields,
                    consistency_level=consistency or self.consistency,
                    strict_float32=True,
                    timeout=READ_TIMEOUT_S,
                )
            )
        )
        return found

    def _call(self, call: Callable[[], T]) -> T:
        with self._translated():
            try:
                return call()
            except MilvusException as error:
                if error.code not in _NOT_LOADED:
                    raise
                logger.warning("collection %s is not loaded: loading it", self._collection)
                self._ensure()
                return call()

    def _ensure(self) -> None:
        if not self._client.has_collection(self._collection, timeout=READ_TIMEOUT_S):
            self._create()
        self._client.load_collection(self._collection, timeout=WRITE_TIMEOUT_S)

    def _create(self) -> None:
        self._make(self._collection)

    def _make(self, name: str) -> None:
        make_collection(self._client, name, self._dim, index_type="FLAT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self.our_fault):
            yield


@contextmanager
def open_milvus_lite(address: str, space: EncoderSpace) -> Iterator[MilvusVectorIndex]:
    """`address`: 'host:port'. Raises VectorIndexAway where nothing answers there, Misconfigured where something else does."""
    with connected(f"http://{address}", signs_of_life=False) as client:
        with translated(frozenset()):
            check_is_lite(client.get_server_version(timeout=READ_TIMEOUT_S), address)
        yield MilvusVectorIndex(client, "nungil_" + space.name.replace("-", "_"), space.dim)


def check_is_lite(said: str, address: str) -> None:
    """`said`: what the server calls itself, as 'milvus_lite-3.2.2'. Raises Misconfigured where it is none."""
    if not said.startswith(LITE):
        raise Misconfigured(f"the server at {address} is Milvus {said}, not milvus-lite: write milvus://{address}")


@contextmanager
def connected(
    uri: str, login: Mapping[str, str] | None = None, *, signs_of_life: bool = True
) -> Iterator[MilvusClient]:
    """A client of the server at `uri`, with a connection of its own that ends with the block: pymilvus keeps shared ones open for good.

    login: user and password, where it wants them. signs_of_life: whether the server is asked for one during long calls. Raises VectorIndexAway where nothing answers there.
    """
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback for each error that it also raises
    with translated(frozenset()):
        options = {**(_ONLY_DURING_CALLS if signs_of_life else _NEVER), **_RECONNECT}
        client = MilvusClient(uri, timeout=READ_TIMEOUT_S, dedicated=True, grpc_options=options, **(login or {}))
    try:
        yield client
    finally:
        client.close()


def make_collection(client: MilvusClient, name: str, dim: int, *, index_type: str, **params: int) -> None:
    """Makes a collection with its index, unless another process is first."""
    index = MilvusClient.prepare_index_params()
    index.add_index("vector", index_type=index_type, metric_type="IP", params=params)
    try:
        client.create_collection(name, schema=schema_of(dim), index_params=index, timeout=WRITE_TIMEOUT_S)
    except MilvusException:
        if not client.has_collection(name, timeout=READ_TIMEOUT_S):
            raise


@contextmanager
def translated(our_fault: frozenset[int]) -> Iterator[None]:
    """pymilvus' errors as VectorIndexAway, but for the codes that are our own mistakes."""
    try:
        yield
    except MilvusException as error:
        if error.code in our_fault:
            raise
        raise VectorIndexAway(f"the vector index does not answer: {error.message}") from error
    except grpc.RpcError as error:
        raise VectorIndexAway(f"the vector index does not answer: {error.code()}") from error
