"""What every adapter does alike: checking rows, and putting what was found in order by exact scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nungil.vector_index.errors import InvalidRow
from nungil.vector_index.port import IndexRow, Match, Vectors

MAX_LIMIT = 16_384  # what Milvus answers at most
ROUNDING = 1e-4  # more than a float32 product of unit vectors can be wrong by
MAX_NAME_BYTES = 128  # of a tenant, an owner, a media id
_UNIT_TOLERANCE = 1e-3


def is_name(value: str) -> bool:
    """Whether a row's tenant, owner or media id can be this: printable, of 1 to 128 bytes."""
    return value.isprintable() and 1 <= len(value.encode()) <= MAX_NAME_BYTES


def checked_rows(rows: Sequence[IndexRow], dim: int) -> list[IndexRow]:
    """`rows` as an index may hold them, the last where an id comes twice. Raises InvalidRow for the first that is wrong."""
    by_id: dict[tuple[str, str], IndexRow] = {}
    for row in rows:
        _check(row, dim)
        by_id[row.tenant, row.id] = row
    return list(by_id.values())


def checked_query(vectors: Vectors, dim: int, limit: int) -> Vectors:
    """`vectors` as float32 [n, dim]. Raises ValueError: the caller is wrong, not what a person sent."""
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit is {limit}; it must be 1 to {MAX_LIMIT}")
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"the query's shape is {vectors.shape}; it must be [n, {dim}]")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def exact_scores(query: NDArray[np.float32], vectors: Vectors) -> NDArray[np.float32]:
    """float32 [n]: inner products summed in float64, so that no adapter, processor or batch size moves the last digit."""
    products = vectors.astype(np.float64) * query.astype(np.float64)
    scores: NDArray[np.float32] = products.sum(axis=1).astype(np.float32)
    return scores


def ranked(query: NDArray[np.float32], rows: Sequence[IndexRow], limit: int) -> list[Match]:
    """The best of `rows`, by exact score, equal scores by id."""
    return [Match(row.id, row.media_id, row.owner, score) for row, score in _best(query, rows, limit)]


def united(queries: Vectors, found: Sequence[Sequence[IndexRow]], limit: int) -> list[IndexRow]:
    """Of what was found for each query its best, once each, ordered by id."""
    rows: dict[str, IndexRow] = {}
    stacked: dict[int, Vectors] = {}  # by list: all queries may have found the same one
    for query, some in zip(queries, found, strict=True):
        if some:
            if id(some) not in stacked:
                stacked[id(some)] = np.stack([row.vector for row in some])
            near = [some[i] for i in _near(query, stacked[id(some)], limit)]
            rows |= {row.id: row for row, _ in _best(query, near, limit)}
    return sorted(rows.values(), key=lambda row: row.id)


def _near(query: NDArray[np.float32], vectors: Vectors, limit: int) -> NDArray[np.intp]:
    """Which of `vectors` may be among the best `limit`, by a float32 product."""
    rough = vectors @ query
    if len(rough) <= limit:
        return np.arange(len(rough))
    cut = np.partition(rough, len(rough) - limit)[len(rough) - limit]
    return np.flatnonzero(rough >= cut - ROUNDING)


def _best(query: NDArray[np.float32], rows: Sequence[IndexRow], limit: int) -> list[tuple[IndexRow, float]]:
    if not rows:
        return []
    scores = exact_scores(query, np.stack([row.vector for row in rows]))
    order = sorted(range(len(rows)), key=lambda i: (-scores[i], rows[i].id))[:limit]
    return [(rows[i], float(scores[i])) for i in order]


def _check(row: IndexRow, dim: int) -> None:
    if row.vector.shape != (dim,):
        raise InvalidRow(f"row {row.id}: the vector's shape is {row.vector.shape}, this index holds ({dim},)")
    length = float(np.linalg.norm(row.vector.astype(np.float64)))
    if not abs(length - 1.0) <= _UNIT_TOLERANCE:  # so that NaN fails too
        raise InvalidRow(f"row {row.id}: the vector's length is {length:.4f}, it must be 1")
    for name, value in (("tenant", row.tenant), ("owner", row.owner), ("media_id", row.media_id)):
        if not is_name(value):
            raise InvalidRow(f"row {row.id!r}: {name} must be printable, of 1 to {MAX_NAME_BYTES} bytes")
    if "/" in row.tenant:
        raise InvalidRow(f"row {row.id!r}: a tenant cannot hold '/'")
    n = row.id.removeprefix(f"{row.media_id}:")
    if row.id != f"{row.media_id}:{n}" or not (n.isascii() and n.isdigit() and len(n) <= 9):
        raise InvalidRow(f"row {row.id!r} of picture {row.media_id!r}: the id must be '<media_id>:<n>'")
