"""Telling a person their interests."""

from __future__ import annotations

from dataclasses import dataclass

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import core, store
from services.profile.core import KeptConsent, Rules, Weighed
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal


@dataclass(frozen=True)
class Interests:
    """A person's interests now, heaviest first, and whether more are learnt."""

    journal: Journal
    rules: Rules
    clock: Clock

    def __call__(self, tenant: str, person_id: str) -> tuple[list[tuple[str, float, Weighed]], bool]:
        with reading(self.journal.engine) as c:
            must_exist(store.has_person(c, tenant, person_id), person_id)
            consents = store.consents(c, tenant, person_id)
        learning = consents.get(CONSENT_PURPOSE_IMAGE_INTEREST, KeptConsent()).given
        state = self.journal.state_of(tenant, person_id) if learning else core.NOTHING
        return core.weights_at(state, self.clock(), self.rules), learning
