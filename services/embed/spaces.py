"""Two encoder spaces beside each other: how far they agree, and taking one away for good."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.keys import features_key
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import Features, decode_features
from nungil.vector_index.port import CATALOGUE, VectorIndex
from services.embed.filling import Stored, stored_pictures

_PAGE = 64
_ROWS_A_PICTURE = 16  # rows looked at for each picture wanted: a picture has several regions


@dataclass(frozen=True)
class Space:
    """An encoder space and its rows."""

    name: str
    index: VectorIndex


@dataclass(frozen=True)
class Agreement:
    """sampled: pictures that are in both spaces and were searched with. overlap: the mean share of their best pictures that both name, 0 to 1.

    pictures: how many are in the old space, in the new, in both.
    """

    in_old: int
    in_new: int
    in_both: int
    sampled: int
    overlap: float


def compare_spaces(objects: ObjectStore, old: Space, new: Space, *, sample: int, best: int) -> Agreement:
    """Searches both with the same whole pictures, each as its owner. The same pictures give the same sample."""
    counted = {"old": 0, "new": 0, "both": 0}
    chosen = _chosen(_counting(stored_pictures(objects), old, new, counted), sample)
    shares = [share for stored in chosen if (share := _share(objects, stored, (old, new), best)) is not None]
    overlap = sum(shares) / len(shares) if shares else 0.0
    return Agreement(counted["old"], counted["new"], counted["both"], len(shares), overlap)


def drop_space(objects: ObjectStore, space: Space) -> int:
    """Removes the rows and the features of every picture in this space; how many pictures. Rows first, so that it can be run again."""
    dropped = 0
    stored = (one for one in stored_pictures(objects) if space.name in one.spaces)
    while page := list(islice(stored, _PAGE)):
        for tenant, of_tenant in groupby(page, key=lambda one: one.tenant):
            space.index.delete_media([one.media_id for one in of_tenant], tenant=tenant)
        space.index.flush()
        for one in page:
            objects.delete(features_key(one.tenant, one.media_id, space.name))
        dropped += len(page)
    return dropped


def _counting(pictures: Iterable[Stored], old: Space, new: Space, counted: dict[str, int]) -> Iterator[Stored]:
    """Those that are in both."""
    for stored in pictures:
        is_old, is_new = old.name in stored.spaces, new.name in stored.spaces
        counted["old"] += is_old
        counted["new"] += is_new
        if is_old and is_new:
            counted["both"] += 1
            yield stored


def _chosen(pictures: Iterable[Stored], sample: int) -> list[Stored]:
    """As good as any at random, and always the same."""

    def place(stored: Stored) -> bytes:
        return hashlib.sha256(f"{stored.tenant}/{stored.media_id}".encode()).digest()

    return heapq.nsmallest(sample, pictures, key=place)


def _share(objects: ObjectStore, stored: Stored, spaces: Sequence[Space], best: int) -> float | None:
    """None where the picture was deleted meanwhile, or is alone."""
    try:
        found = [_best(_features(objects, stored, space), space, best) for space in spaces]
    except ObjectNotFound:
        return None
    wanted = max(map(len, found))
    return len(found[0] & found[1]) / wanted if wanted else None


def _features(objects: ObjectStore, stored: Stored, space: Space) -> Features:
    return decode_features(objects.get(features_key(stored.tenant, stored.media_id, space.name)))


def _best(features: Features, space: Space, best: int) -> set[str]:
    """The pictures that are most like the whole of this one, but for itself."""
    [matches] = space.index.search(
        features.regions[0].vector[None, :],
        tenant=features.tenant,
        owners={features.owner, CATALOGUE},
        limit=best * _ROWS_A_PICTURE,
        without=[features.media_id],
    )
    return set(islice(dict.fromkeys(match.media_id for match in matches), best))
