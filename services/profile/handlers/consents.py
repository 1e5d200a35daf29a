"""What a person agrees to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import store, wire
from services.profile.core import KeptConsent
from services.profile.errors import UnknownPurpose
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consents:
    """What a person has agreed to. Nothing is given until it is given."""

    engine: Engine
    clock: Clock
    journal: Journal

    def of(self, tenant: str, person_id: str) -> Mapping[int, KeptConsent]:
        """By purpose."""
        with reading(self.engine) as c:
            must_exist(store.has_person(c, tenant, person_id), person_id)
            return store.consents(c, tenant, person_id)

    def set(self, tenant: str, person_id: str, purpose: int, given: bool) -> KeptConsent:
        """Withdrawing image_interest removes all that was learnt, and leaves what the person said of interests. Setting what is set already changes nothing."""
        if purpose not in wire.PURPOSES:
            raise UnknownPurpose(f"there is no consent {purpose}")
        with self.engine.begin() as c:
            must_exist(store.lock_person(c, tenant, person_id), person_id)
            before = store.consents(c, tenant, person_id).get(purpose)
            if before is not None and before.given == given:
                return before
            kept = KeptConsent(given, self.clock())
            store.put_consent(c, tenant, person_id, purpose, kept)
            if purpose == CONSENT_PURPOSE_IMAGE_INTEREST and not given:
                self.journal.forget_learnt(c, tenant, person_id)
        logger.info("consent %d of %s: %s", purpose, person_id, "given" if given else "withdrawn")
        return kept
