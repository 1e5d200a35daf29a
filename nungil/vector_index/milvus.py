"""Rows in a Milvus collection, spoken to by pymilvus: milvus-lite as a server, one collection an encoder space.

The collection's key is "<tenant>/<row id>", so that tenants cannot meet. Flushing costs about 25 ms a batch of 128 rows
(milvus-lite 3.2.2, 2 cores) and is worth it: rows not yet flushed are scanned in Python at every search.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import grpc
import numpy as np
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from nungil.encoder.port import EncoderSpace
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.port import IndexRow, Match, Vectors
from nungil.vector_index.ranking import MAX_LIMIT, MAX_NAME_BYTES, checked_query, checked_rows, is_name, ranked

logger = logging.getLogger(__name__)
T = TypeVar("T")

READ_TIMEOUT_S = 15.0
WRITE_TIMEOUT_S = 60.0
_UPSERT_ROWS = 2_000  # of 1 KB: far below the 64 MB that a server takes in one message
_FETCH_PICTURES = 200
_EXTRA = 16  # rows beyond the limit, so that equal scores at its edge are put in order by us
_NOT_LOADED = (100, 101)  # the collection is absent, or "released": what a restarted server says
_OUR_FAULT = (5, 6, 1100)  # an argument that Milvus does not take; anything else is its own trouble
_FIELDS = ["id", "tenant", "owner", "media_id", "vector"]


class MilvusVectorIndex:
    """One encoder space. Recovers by itself when the server is back after a crash."""

    def __init__(self, client: MilvusClient, space: EncoderSpace) -> None:
        self._client = client
        self._dim = space.dim
        self._collection = "nungil_" + space.name.replace("-", "_")
        self._writing = threading.Lock()  # milvus-lite takes one writer a collection
        with _translated():
            self._ensure()

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        entities = [
            {
                "id": _key(row.tenant, row.id),
                "tenant": row.tenant,
                "owner": row.owner,
                "media_id": row.media_id,
                "vector": row.vector.astype(np.float32),
            }
            for row in checked_rows(rows, self._dim)
        ]
        with self._writing:
            for batch in _batched(entities, _UPSERT_ROWS):
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
        filters = [_is("tenant", tenant), _in("owner", owners)]
        if media_ids is not None:
            filters.append(_in("media_id", media_ids))
        where = _all_of(*filters)
        if where is None or not len(queries):
            return [[] for _ in queries]
        if excluded := _in("media_id", without):
            where = f"{where} and not ({excluded})"
        answers = self._call(
            lambda: self._client.search(
                self._collection,
                data=queries,
                anns_field="vector",
                filter=where,
                limit=min(limit + _EXTRA, MAX_LIMIT),
                output_fields=_FIELDS[1:],
                search_params={"metric_type": "IP"},
                consistency_level="Strong",
                timeout=READ_TIMEOUT_S,
            )
        )
        return [
            ranked(query, [_row(hit["id"], hit["entity"]) for hit in hits], limit)
            for query, hits in zip(queries, answers, strict=True)
        ]

    def fetch(self, media_ids: Collection[str], *, tenant: str) -> list[IndexRow]:
        rows: list[IndexRow] = []
        for batch in _batched(sorted(set(media_ids)), _FETCH_PICTURES):
            found = self._query(_all_of(_is("tenant", tenant), _in("media_id", batch)), _FIELDS)
            rows += [_row(entity["id"], entity) for entity in found]
        return sorted(rows, key=lambda row: row.id)

    def delete_media(self, media_ids: Collection[str], *, tenant: str) -> None:
        with self._writing:
            for batch in _batched(sorted(set(media_ids)), _FETCH_PICTURES):
                where = _all_of(_is("tenant", tenant), _in("media_id", batch))
                if where is not None:
                    self._call(
                        lambda where=where: self._client.delete(  # type: ignore[misc]
                            self._collection, filter=where, timeout=WRITE_TIMEOUT_S
                        )
                    )

    def count(self, *, tenant: str | None = None) -> int:
        answer = self._query("" if tenant is None else _is("tenant", tenant), ["count(*)"])
        return int(answer[0]["count(*)"]) if answer else 0

    def _query(self, where: str | None, fields: list[str]) -> list[dict[str, Any]]:
        if where is None:
            return []
        found: list[dict[str, Any]] = self._call(
            lambda: list(
                self._client.query(
                    self._collection,
                    filter=where,
                    output_fields=fields,
                    consistency_level="Strong",
                    timeout=READ_TIMEOUT_S,
                )
            )
        )
        return found

    def _call(self, call: Callable[[], T]) -> T:
        with _translated():
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
        self._client.load_collection(self._collection, timeout=READ_TIMEOUT_S)

    def _create(self) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=3 * MAX_NAME_BYTES)
        for name in ("tenant", "owner", "media_id"):
            schema.add_field(name, DataType.VARCHAR, max_length=MAX_NAME_BYTES)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        flat = MilvusClient.prepare_index_params()
        flat.add_index("vector", index_type="FLAT", metric_type="IP")
        try:
            self._client.create_collection(self._collection, schema=schema, index_params=flat, timeout=READ_TIMEOUT_S)
        except MilvusException:
            if not self._client.has_collection(self._collection, timeout=READ_TIMEOUT_S):
                raise  # otherwise another process was first


@contextmanager
def open_milvus(address: str, space: EncoderSpace) -> Iterator[MilvusVectorIndex]:
    """`address`: 'host:port'. Raises VectorIndexAway where nothing answers there."""
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback for each error that it also raises
    with _translated():
        client = MilvusClient(f"http://{address}", timeout=READ_TIMEOUT_S)
    try:
        yield MilvusVectorIndex(client, space)
    finally:
        client.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MilvusException as error:
        if error.code in _OUR_FAULT:
            raise
        raise VectorIndexAway(f"the vector index does not answer: {error.message}") from error
    except grpc.RpcError as error:
        raise VectorIndexAway(f"the vector index does not answer: {error.code()}") from error


def _key(tenant: str, id_: str) -> str:
    return f"{tenant}/{id_}"


def _row(key: str, entity: Any) -> IndexRow:
    tenant = entity["tenant"]
    vector = np.asarray(entity["vector"], dtype=np.float32)
    return IndexRow(key.removeprefix(_key(tenant, "")), vector, tenant, entity["owner"], entity["media_id"])


def _is(field: str, value: str) -> str | None:
    """A filter, or None where no row can pass it."""
    return _in(field, [value])


def _in(field: str, values: Iterable[str]) -> str | None:
    """A filter, or None where no row can pass it: a name that no row can have never reaches the filter's grammar."""
    quoted = [json.dumps(value, ensure_ascii=False) for value in sorted(set(values)) if is_name(value)]
    if not quoted:
        return None
    return f"{field} == {quoted[0]}" if len(quoted) == 1 else f"{field} in [{', '.join(quoted)}]"


def _all_of(*filters: str | None) -> str | None:
    parts = [part for part in filters if part is not None]
    return " and ".join(parts) if len(parts) == len(filters) else None


def _batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
