"""What may be recommended: the question, and its limits. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.search.core import CropQuery, Found, Tag
from services.search.errors import InvalidQuery
from services.search.wire import Hit

MAX_QUERIES = 100
MAX_CANDIDATES = 2_000  # of all queries together: with their vectors of 256 numbers about 3 MB
MAX_EACH = 1_000
MAX_WITHOUT = 10_000
_UNIT = 1e-3

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thing:
    """An item, shown by a region of one of its pictures; media_id empty: by its first."""

    item_id: str
    media_id: str = ""
    region: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class By:
    """One of the ways to find candidates: near a vector (float32 [dim], unit length), of a label, named, or else the newest."""

    limit: int
    vector: Vector | None = None
    label: Tag | None = None
    things: tuple[Thing, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """ways: answered each by itself. query: whose conditions must hold. without_*: none of these items, nor what these pictures show."""

    query: CropQuery
    ways: Sequence[By]
    without_items: frozenset[str] = frozenset()
    without_media: frozenset[str] = frozenset()
    bare: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """found: the row that found it; its score is 0 where nothing was compared. hit: None where only that was asked for."""

    found: Found
    kind: int
    vector: Vector | None = None
    hit: Hit | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Of each way in turn, best first. partial: as `FoundRows`."""

    of_ways: Sequence[Sequence[Candidate]] = field(default=())
    partial: bool = False


def checked_ways(ways: Sequence[By], dim: int) -> Sequence[By]:
    """The same. Raises InvalidQuery."""
    if not 1 <= len(ways) <= MAX_QUERIES:
        raise InvalidQuery(f"{len(ways)} queries; there must be 1 to {MAX_QUERIES}")
    for way in ways:
        if not 1 <= way.limit <= MAX_EACH or len(way.things or ()) > MAX_EACH:
            raise InvalidQuery(f"a query finds or names 1 to {MAX_EACH} things")
        if way.vector is not None:
            check_vector(way.vector, dim)
    if sum(way.limit for way in ways) > MAX_CANDIDATES:
        raise InvalidQuery(f"the limits of all queries sum up to more than {MAX_CANDIDATES}")
    return ways


def check_vector(vector: Vector, dim: int) -> None:
    """Raises InvalidQuery."""
    if len(vector) != dim:
        raise InvalidQuery(f"a vector has {len(vector)} numbers; those of this encoder space have {dim}")
    if not abs(float(np.linalg.norm(vector)) - 1.0) <= _UNIT:  # NaN fails too
        raise InvalidQuery("a vector is not of unit length")
