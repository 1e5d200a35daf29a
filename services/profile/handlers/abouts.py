"""Keeping what a person states of themselves, and handing it to whom they ticked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_APPEARANCE_TIPS
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import people_rows, store
from services.profile.abouts import About, checked, from_kept, readable, to_kept
from services.profile.core import KeptConsent
from services.profile.handlers.people import must_exist


@dataclass(frozen=True)
class Abouts:
    """Each raises UnknownPerson."""

    engine: Engine
    clock: Clock

    def of(self, tenant: str, person_id: str) -> About:
        """All of it, for the person themselves."""
        with reading(self.engine) as c:
            must_exist(store.has_person(c, tenant, person_id), person_id)
            return from_kept(people_rows.about(c, tenant, person_id))

    def put(self, tenant: str, person_id: str, about: About) -> About:
        """Replaces all of it. Raises InvalidAbout."""
        stated = checked(about)
        with self.engine.begin() as c:
            must_exist(store.lock_person(c, tenant, person_id), person_id)
            people_rows.put_about(c, tenant, person_id, to_kept(stated), self.clock())
        return stated

    def delete(self, tenant: str, person_id: str) -> None:
        """Forgets it."""
        with self.engine.begin() as c:
            must_exist(store.lock_person(c, tenant, person_id), person_id)
            people_rows.drop_about(c, tenant, person_id)

    def for_(self, tenant: str, person_id: str, purpose: int) -> About:
        """What this purpose, a number of AboutPurpose, may read now."""
        with reading(self.engine) as c:
            must_exist(store.has_person(c, tenant, person_id), person_id)
            tips = store.consents(c, tenant, person_id).get(CONSENT_PURPOSE_APPEARANCE_TIPS, KeptConsent())
            return readable(from_kept(people_rows.about(c, tenant, person_id)), purpose, appearance=tips.given)
