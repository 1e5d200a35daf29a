"""A crop refined by words: what is like both is found, and still looks like the crop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.pooling import unit
from services.search.core import Conditions, Found, FoundRows
from services.search.handlers.finding import FindRows
from services.search.held import PictureRows, Scored

# The words' part of the question, the rest being the crop's. Cosines among pictures spread several times as far as those of
# words and pictures, so that at equal parts the crop says most.
SHARE = 0.5

Vector = NDArray[np.float32]


def blended(crop: Vector, words: Vector) -> Vector:
    """All float32 [dim], unit length."""
    return unit((1 - SHARE) * crop + SHARE * words)


def find_blended(
    find: FindRows, crop: Vector, words: Vector, conditions: Conditions, *, wanted: int, without: Collection[str] = ()
) -> FoundRows:
    """As `find`, in the order of likeness to both; the rows and scores are those of likeness to the crop alone, which is what
    is judged and shown. Raises VectorIndexAway."""
    rows = find(blended(crop, words), conditions, wanted=wanted, without=without)
    pictures = rows_of(find, conditions, {found.match.media_id for found in rows.found})
    return replace(rows, found=[_by_crop(found, crop, pictures.get(found.match.media_id)) for found in rows.found])


def _by_crop(found: Found, crop: Vector, rows: PictureRows | None) -> Found:
    """rows: None of a picture that is being deleted."""
    return found if rows is None else replace(found, match=Scored(crop, [rows]).best(1)[0])


def rows_of(find: FindRows, conditions: Conditions, media_ids: Collection[str]) -> dict[str, PictureRows]:
    """Of those of these pictures that the caller may see, by media id."""
    fresh = find.fresh.of(conditions.tenant, conditions.owners)
    held: Sequence[PictureRows] = find.held.of(conditions.tenant, [id_ for id_ in media_ids if id_ not in fresh])
    known = {rows.media_id: rows for rows in held if rows.owner in conditions.owners}
    return known | {id_: fresh[id_] for id_ in media_ids if id_ in fresh}
