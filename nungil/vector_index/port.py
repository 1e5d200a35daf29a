"""The vector index port: nearest rows by cosine, within a tenant.

One index holds one encoder space. Vectors are float32 of unit length; a score is their inner product, computed again
exactly from the stored float32 vectors whatever the index approximates, and equal scores are ordered by row id.
So every adapter gives the same order for the rows that it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

CATALOGUE = "catalogue"  # the owner of what everyone in a tenant may find


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One region of one picture. `id` is "<media_id>:<n>"; `vector` is float32 [dim], unit length."""

    id: str
    vector: Vectors
    tenant: str
    owner: str
    media_id: str


@dataclass(frozen=True, slots=True)
class Match:
    """A row found. `score` is the exact cosine."""

    id: str
    media_id: str
    owner: str
    score: float


def row_id(media_id: str, n: int) -> str:
    """The id of region `n` of a picture; n = 0 is the whole."""
    return f"{media_id}:{n}"


def region_of(id_: str) -> int:
    """The n of a row id."""
    return int(id_.rpartition(":")[2])


class VectorIndex(Protocol):
    """Safe for use by many threads. Every call may raise VectorIndexAway."""

    def upsert(self, rows: Sequence[IndexRow]) -> None:
        """Adds or replaces by id. Raises InvalidRow where a vector has the wrong size or is not of unit length (within 1e-3).

        A row is found by `search` once `flush` has returned; an adapter may show it sooner.
        """

    def flush(self) -> None:
        """Returns once everything upserted and deleted before is durable and visible."""

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
        """For each of `vectors` (float32 [n, dim]) its best rows, at most `limit`, best first.

        Only rows of `tenant` whose owner is in `owners`; with `media_ids`, only rows of those pictures; never rows of
        the pictures in `without`. An empty `owners` or `media_ids` finds nothing. limit: 1 to 16,384.
        """

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
        """All that `search` finds for any of `vectors`, once each, with their vectors, ordered by id; in one request where it can."""

    def fetch(self, media_ids: Collection[str], *, tenant: str) -> list[IndexRow]:
        """All rows of these pictures, ordered by id."""

    def delete_media(self, media_ids: Collection[str], *, tenant: str) -> None:
        """Removes all rows of these pictures; what is not there is no error."""

    def count(self, *, tenant: str | None = None) -> int:
        """Rows held, of one tenant or of all."""

    def pictures_of(self, owner: str, *, tenant: str) -> dict[str, int]:
        """Media id -> number of rows, of all pictures that `owner` has here."""

    def erase_deleted(self) -> bool:
        """Takes the bytes of deleted rows out of the files; to be called after `flush`, with no other process writing.

        True: they are gone. False: the server was made to write its segments anew, and removes the old ones, and its log, when
        their time is over. Rows that were not deleted are found all the while, but for a moment on milvus-lite.
        """
