"""What is new is found at once; what is held of a picture ends when it changes."""

from __future__ import annotations

from dataclasses import dataclass

from nungil.object_store import keys
from nungil.object_store.errors import InvalidKey, ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import decode_features
from services.search.fresh import FreshRows
from services.search.held import HeldRows


@dataclass(frozen=True)
class KeepFresh:
    """Keeps the rows of pictures that embed has encoded, while it gives them to the index (decision 17)."""

    objects: ObjectStore
    space: str
    fresh: FreshRows
    held: HeldRows

    def encoded(self, tenant: str, media_id: str, space: str) -> None:
        """Its features are stored; its rows are on the way to the index. Raises ObjectStoreAway."""
        if space != self.space:
            return
        try:
            features = decode_features(self.objects.get(keys.features_key(tenant, media_id, space)))
        except (ObjectNotFound, InvalidKey):
            return  # removed since
        if (features.tenant, features.media_id) == (tenant, media_id):
            self.fresh.put(features)
        self.held.forget(tenant, media_id)

    def changed(self, tenant: str, media_id: str, *, gone: bool) -> None:
        """Its rows in the index are others now, or none."""
        self.held.forget(tenant, media_id)
        if gone:
            self.fresh.forget(tenant, media_id)
