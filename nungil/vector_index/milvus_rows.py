"""Rows and filters as Milvus takes them: alike on milvus-lite and on a server."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.client.search_result import HybridHits
from pymilvus.grpc_gen.schema_pb2 import FloatArray

from nungil.vector_index.port import IndexRow
from nungil.vector_index.ranking import MAX_NAME_BYTES, is_name

T = TypeVar("T")
Vector = NDArray[np.float32]

FIELDS = ["id", "tenant", "owner", "media_id", "vector"]


def schema_of(dim: int) -> CollectionSchema:
    """The key is "<tenant>/<row id>", so that tenants cannot meet."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=3 * MAX_NAME_BYTES)
    for name in ("tenant", "owner", "media_id"):
        schema.add_field(name, DataType.VARCHAR, max_length=MAX_NAME_BYTES)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    return schema


def entity_of(row: IndexRow) -> dict[str, Any]:
    """A row as Milvus takes it."""
    return {
        "id": f"{row.tenant}/{row.id}",
        "tenant": row.tenant,
        "owner": row.owner,
        "media_id": row.media_id,
        "vector": row.vector.astype(np.float32),
    }


def row_of(entity: Mapping[str, Any]) -> IndexRow:
    """A row as a query gives it. vector: an array, if it was asked with strict_float32."""
    return _row(entity["id"], entity, entity["vector"])


def rows_of(answers: Sequence[HybridHits]) -> list[list[IndexRow]]:
    """What a search found for each of its queries.

    The vectors are read all at once: pymilvus makes a Python float of each number, which takes many times as long as all else.
    """
    if not any(answers):
        return [[] for _ in answers]
    [field] = (field for field in answers[0].lazy_field_data if field.field_name == "vector")  # of all the answers
    vectors = _floats(field.vectors.float_vector).reshape(-1, field.vectors.dim)
    return [
        [_row(key, hits.get_raw_item(n)["entity"], vectors[hits.start + n]) for n, key in enumerate(hits.ids)]
        for hits in answers
    ]


def _row(key: str, entity: Mapping[str, Any], vector: Vector) -> IndexRow:
    """vector: is copied, so that a row that is kept does not keep all that were found with it."""
    tenant = entity["tenant"]
    return IndexRow(
        key.removeprefix(f"{tenant}/"), np.array(vector, dtype=np.float32), tenant, entity["owner"], entity["media_id"]
    )


def _floats(array: FloatArray) -> Vector:
    """Float32 [n]. The message has one field, packed: what it is written as ends with the numbers, little-endian."""
    written = array.SerializeToString()
    return np.frombuffer(written, dtype="<f4", offset=len(written) - 4 * len(array.data))


def passing(
    tenant: str, owners: Collection[str], media_ids: Collection[str] | None, without: Collection[str]
) -> str | None:
    """The filter of a search, or None where no row can pass it."""
    filters = [among("tenant", [tenant]), among("owner", owners)]
    if media_ids is not None:
        filters.append(among("media_id", media_ids))
    where = all_of(*filters)
    excluded = among("media_id", without)
    return f"{where} and not ({excluded})" if where is not None and excluded is not None else where


def among(field: str, values: Iterable[str]) -> str | None:
    """A filter, or None where no row can pass it: a name that no row can have never reaches the filter's grammar."""
    quoted = [json.dumps(value, ensure_ascii=False) for value in sorted(set(values)) if is_name(value)]
    if not quoted:
        return None
    return f"{field} == {quoted[0]}" if len(quoted) == 1 else f"{field} in [{', '.join(quoted)}]"


def all_of(*filters: str | None) -> str | None:
    """A row passes where it passes each."""
    parts = [part for part in filters if part is not None]
    return " and ".join(parts) if len(parts) == len(filters) else None


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """`values` in lists of at most `size`."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
