"""People who were erased: a mark in the object store, put before anything is removed, which no late upload slips past."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nungil.object_store.errors import ObjectNotFound
from nungil.object_store.keys import erased_key, features_prefix
from nungil.object_store.port import ObjectStore
from nungil.vector_index.port import CATALOGUE, VectorIndex


@dataclass(frozen=True, slots=True)
class Counted:
    """What a person had when their erasure began: feature objects, and rows in all spaces."""

    objects: int
    rows: int


def is_erased(objects: ObjectStore, tenant: str, owner: str) -> bool:
    """Whether nothing of this owner may be embedded any more."""
    return owner != CATALOGUE and objects.exists(erased_key(tenant, owner))


def mark(objects: ObjectStore, indexes: Sequence[VectorIndex], tenant: str, person_id: str) -> Counted:
    """Marks a person, and answers what was counted at the first call. Whoever removes anything of theirs calls it before."""
    key = erased_key(tenant, person_id)
    try:
        return Counted(**json.loads(objects.get(key)))
    except ObjectNotFound:
        found = [index.pictures_of(person_id, tenant=tenant) for index in indexes]
        media_ids = {media_id for pictures in found for media_id in pictures}
        stored = sum(len(list(objects.list(features_prefix(tenant, media_id)))) for media_id in media_ids)
        counted = Counted(stored, sum(sum(pictures.values()) for pictures in found))
        objects.put(key, json.dumps(asdict(counted)).encode(), content_type="application/json")
        return counted
