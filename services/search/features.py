"""What embed found in pictures, read from the object store and kept in memory within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nungil.object_store import keys
from nungil.object_store.errors import InvalidKey, ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.boxes import Box
from nungil.pictures.features import Features, FoundRegion, decode_features
from nungil.pictures.pooling import Table, summed_area
from nungil.runtime import metrics
from nungil.runtime.clock import Clock
from services.search.cache import BoundedCache
from services.search.matching import Look, look_of

TRANSIENT_MS = 60_000  # a picture only searched with is looked up again after this, so that it ends when ingest says so
_BOXES_SHARE = 8  # of the cache's bytes, one part in eight is for the boxes of hits
_LOOKS_SHARE = 4  # and one in four for what hits look like: 1,100 pictures of the default encoder in 64 MiB
_BYTES_A_REGION = 300  # a Box and its place in a dict
_OVERHEAD_BYTES = 500

KeyOf = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """A picture to search with. table: its map's summed-area table. regions: by n."""

    owner: str
    table: Table
    regions: Mapping[int, FoundRegion]
    stale_at_ms: int | None

    @property
    def size_bytes(self) -> int:
        vectors = sum(region.vector.nbytes + _BYTES_A_REGION for region in self.regions.values())
        return self.table.nbytes + vectors + _OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class RegionBoxes:
    """The boxes of a hit's regions, by n."""

    boxes: Mapping[int, Box]

    @property
    def size_bytes(self) -> int:
        return len(self.boxes) * _BYTES_A_REGION + _OVERHEAD_BYTES


class FeatureMaps:
    """Safe for many threads. `of` gives None for a picture that has no features here."""

    def __init__(self, objects: ObjectStore, space: str, clock: Clock, max_bytes: int) -> None:
        self._objects = objects
        self._space = space
        self._clock = clock
        self._maps: BoundedCache[FeatureMap] = BoundedCache(
            max_bytes - max_bytes // _BOXES_SHARE - max_bytes // _LOOKS_SHARE
        )
        self._boxes: BoundedCache[RegionBoxes] = BoundedCache(max_bytes // _BOXES_SHARE)
        self._looks: BoundedCache[Look] = BoundedCache(max_bytes // _LOOKS_SHARE)

    @property
    def size_bytes(self) -> int:
        return self._maps.size_bytes + self._boxes.size_bytes + self._looks.size_bytes

    def of(self, tenant: str, media_id: str) -> FeatureMap | None:
        """The map to pool from, of an indexed picture or of one that is only searched with."""
        key = f"{tenant}/{media_id}"
        held = self._maps.get(key)
        if held is not None and (held.stale_at_ms is None or self._clock() < held.stale_at_ms):
            metrics.SEARCH_CACHE.add(cache="maps", outcome="hit")
            return held
        metrics.SEARCH_CACHE.add(cache="maps", outcome="miss")
        stale_at_ms = None
        features = self._read(keys.features_key, tenant, media_id)
        if features is None:
            features = self._read(keys.transient_features_key, tenant, media_id)
            stale_at_ms = self._clock() + TRANSIENT_MS
        if features is None:
            self._maps.drop(key)
            return None
        regions = {region.n: region for region in features.regions}
        found = FeatureMap(features.owner, summed_area(features.map), regions, stale_at_ms)
        self._maps.put(key, found)
        return found

    def boxes_of(self, tenant: str, media_id: str) -> Mapping[int, Box] | None:
        """The boxes of an indexed picture's regions."""
        key = f"{tenant}/{media_id}"
        held = self._boxes.get(key)
        metrics.SEARCH_CACHE.add(cache="boxes", outcome="miss" if held is None else "hit")
        if held is None:
            features = self._read(keys.features_key, tenant, media_id)
            if features is None:
                return None
            held = RegionBoxes({region.n: region.box for region in features.regions})
            self._boxes.put(key, held)
        return held.boxes

    def look_of(self, tenant: str, media_id: str, *, transient: bool = False) -> Look | None:
        """What an indexed picture looks like, cell by cell; of one that is only searched with where `transient`, and that is not kept.

        From memory 1 µs; from a file or a store 1 ms and its wait.
        """
        key = f"{tenant}/{media_id}"
        held = self._looks.get(key)
        metrics.SEARCH_CACHE.add(cache="looks", outcome="miss" if held is None else "hit")
        if held is not None:
            return held
        features = self._read(keys.features_key, tenant, media_id)
        if features is None:
            features = self._read(keys.transient_features_key, tenant, media_id) if transient else None
            return None if features is None else look_of(features)
        look = look_of(features)
        self._looks.put(key, look)
        self._boxes.put(key, RegionBoxes({region.n: region.box for region in features.regions}))
        return look

    def held_boxes(self, tenant: str, media_id: str) -> Mapping[int, Box]:
        """As `boxes_of`, of what is in memory alone; none where nothing is."""
        held = self._boxes.get(f"{tenant}/{media_id}")
        return {} if held is None else held.boxes

    def forget(self, tenant: str, media_id: str) -> None:
        """Drops what is held of a picture."""
        self._maps.drop(f"{tenant}/{media_id}")
        self._boxes.drop(f"{tenant}/{media_id}")
        self._looks.drop(f"{tenant}/{media_id}")

    def forget_owner(self, tenant: str, owner: str) -> None:
        """Drops the maps of someone's pictures, also of those that were only searched with."""
        self._maps.drop_where(lambda key, held: held.owner == owner and key.startswith(f"{tenant}/"))

    def _read(self, key_of: KeyOf, tenant: str, media_id: str) -> Features | None:
        try:
            features = decode_features(self._objects.get(key_of(tenant, media_id, self._space)))
        except (ObjectNotFound, InvalidKey):
            return None
        return features if (features.tenant, features.media_id) == (tenant, media_id) else None
