"""Every row compared, in memory, with numpy: nothing outlives the process. The oracle of the tests."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nungil.vector_index.port import IndexRow, Match, Vectors
from nungil.vector_index.ranking import ROUNDING, checked_query, checked_rows, ranked, united


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of one tenant as arrays, never changed once made."""

    rows: list[IndexRow]
    vectors: Vectors


class ExactVectorIndex:
    """One encoder space of `dim` numbers."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, IndexRow]] = {}
        self._tables: dict[str, _Table] = {}

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        checked = checked_rows(rows, self._dim)
        with self._lock:
            for row in checked:
                own = replace(row, vector=np.array(row.vector, dtype=np.float32))  # the caller may reuse its array
                self._rows.setdefault(row.tenant, {})[row.id] = own
                self._tables.pop(row.tenant, None)

    def flush(self) -> None:
        """Nothing to do: rows are visible at once, and never durable."""

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
        found = self._found(queries, tenant, owners, limit, media_ids, without)
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
        rows = united(queries, self._found(queries, tenant, owners, limit, media_ids, without), limit)
        return [replace(row, vector=row.vector.copy()) for row in rows]

    def fetch(self, media_ids: Collection[str], *, tenant: str) -> list[IndexRow]:
        wanted = set(media_ids)
        with self._lock:
            rows = [row for row in self._rows.get(tenant, {}).values() if row.media_id in wanted]
        return sorted((replace(row, vector=row.vector.copy()) for row in rows), key=lambda row: row.id)

    def delete_media(self, media_ids: Collection[str], *, tenant: str) -> None:
        unwanted = set(media_ids)
        with self._lock:
            rows = self._rows.get(tenant, {})
            self._rows[tenant] = {id_: row for id_, row in rows.items() if row.media_id not in unwanted}
            self._tables.pop(tenant, None)

    def count(self, *, tenant: str | None = None) -> int:
        with self._lock:
            tenants = list(self._rows) if tenant is None else [tenant]
            return sum(len(self._rows.get(name, {})) for name in tenants)

    def pictures_of(self, owner: str, *, tenant: str) -> dict[str, int]:
        with self._lock:
            return dict(Counter(row.media_id for row in self._rows.get(tenant, {}).values() if row.owner == owner))

    def erase_deleted(self) -> bool:
        """Nothing to do: there are no files."""
        return True

    def _found(
        self,
        queries: Vectors,
        tenant: str,
        owners: Collection[str],
        limit: int,
        media_ids: Collection[str] | None,
        without: Collection[str],
    ) -> list[list[IndexRow]]:
        """For each query its best rows, and those that rounding may have put behind them."""
        table = self._table(tenant)
        seen, only, never = set(owners), None if media_ids is None else set(media_ids), set(without)
        positions = np.array(
            [
                i
                for i, row in enumerate(table.rows)
                if row.owner in seen and (only is None or row.media_id in only) and row.media_id not in never
            ],
            dtype=np.intp,
        )
        candidates = table.vectors[positions]
        return [[table.rows[i] for i in positions[_near(candidates @ query, limit)]] for query in queries]

    def _table(self, tenant: str) -> _Table:
        with self._lock:
            if tenant not in self._tables:
                rows = list(self._rows.get(tenant, {}).values())
                vectors = np.stack([row.vector for row in rows]) if rows else np.zeros((0, self._dim), np.float32)
                self._tables[tenant] = _Table(rows, vectors)
            return self._tables[tenant]


def _near(rough: NDArray[np.float32], limit: int) -> NDArray[np.bool_]:
    """bool [n]: which of these scores may be among the best `limit`."""
    if len(rough) <= limit:
        return np.ones(len(rough), dtype=bool)
    near: NDArray[np.bool_] = rough >= np.partition(rough, len(rough) - limit)[len(rough) - limit] - ROUNDING
    return near
