"""The copy of what pictures show, kept up to date."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from threading import Event

from sqlalchemy import Engine

from nungil.database.open import hold, reading
from nungil.object_store import keys
from nungil.object_store.errors import InvalidKey, ObjectNotFound
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import Features, decode_features
from services.search.erased import erased_among
from services.search.facts import PictureFacts, delete_facts, facts_of, pictures_after, replace_facts


@dataclass(frozen=True)
class ApplyFacts:
    """Brings labels and colours up to date with the feature objects. Idempotent, and in whatever order it is told of pictures.

    A picture that has no features in this space, or that embed has removed, is forgotten.
    """

    engine: Engine
    objects: ObjectStore
    space: str

    def __call__(self, pictures: Collection[tuple[str, str]]) -> int:
        """pictures: (tenant, media id). Returns how many of them there are."""
        read = [(tenant, media_id, self._read(tenant, media_id)) for tenant, media_id in dict.fromkeys(pictures)]
        with self.engine.begin() as connection:
            # A partition that is handed over may be in two hands for a moment.
            hold(connection, *(f"picture/{tenant}/{media_id}" for tenant, media_id, _ in read))
            present: list[PictureFacts] = []
            owners = {(features.tenant, features.owner) for _, _, features in read if features is not None}
            erased = erased_among(connection, owners)
            for tenant, media_id, features in read:
                # Looked for within the lock: what removed the picture meanwhile put its tombstone first (decision 4).
                if features is None or (tenant, features.owner) in erased or self._removed(features):
                    delete_facts(connection, tenant, [media_id])
                else:
                    present.append(facts_of(features))
            replace_facts(connection, present)
        return len(present)

    def _read(self, tenant: str, media_id: str) -> Features | None:
        try:
            features = decode_features(self.objects.get(keys.features_key(tenant, media_id, self.space)))
        except (ObjectNotFound, InvalidKey):
            return None
        return features if (features.tenant, features.media_id) == (tenant, media_id) else None

    def _removed(self, features: Features) -> bool:
        try:
            removed_at = int(self.objects.get(keys.tombstone_key(features.tenant, features.media_id)))
        except ObjectNotFound:
            return False
        return features.version <= removed_at


@dataclass(frozen=True)
class FillFacts:
    """Labels and colours of every picture again, from the feature objects; what has none is forgotten. May be run beside search."""

    apply: ApplyFacts
    page: int = 64

    def __call__(self, stop: Event) -> tuple[int, int]:
        """How many pictures there are, and how many were forgotten. Ends early once `stop` is set."""
        pictures, forgotten = 0, 0
        stored = self._stored()
        while not stop.is_set() and (page := list(islice(stored, self.page))):
            pictures += self.apply(page)
        known = self._known()
        while not stop.is_set() and (page := list(islice(known, self.page))):
            gone = [picture for picture in page if not self.apply.objects.exists(self._key(*picture))]
            forgotten += len(gone) - (self.apply(gone) if gone else 0)
        return pictures, forgotten

    def _key(self, tenant: str, media_id: str) -> str:
        return keys.features_key(tenant, media_id, self.apply.space)

    def _stored(self) -> Iterator[tuple[str, str]]:
        for key in self.apply.objects.list(keys.FEATURES):
            tenant, media_id, space = keys.features_named(key)
            if space == self.apply.space:
                yield tenant, media_id

    def _known(self) -> Iterator[tuple[str, str]]:
        last = ("", "")
        while True:
            with reading(self.apply.engine) as connection:
                page = pictures_after(connection, last, self.page)
            yield from page
            if len(page) < self.page:
                return
            last = page[-1]
