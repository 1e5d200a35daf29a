"""What a person agrees to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import core
from services.profile.core import KeptConsent
from services.profile.errors import UnknownPurpose
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal
from services.profile.store import people_rows
from services.profile.wire.interests import PURPOSES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consents:
    """What a person has agreed to. Nothing is given until it is given.

    followers: called in the transaction of every change of a consent, with tenant and person_id.
    """

    engine: Engine
    clock: Clock
    journal: Journal
    followers: Sequence[Callable[[Connection, str, str], None]] = ()

    def of(self, tenant: str, person_id: str) -> Mapping[int, KeptConsent]:
        """By purpose."""
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            return people_rows.consents(c, tenant, person_id)

    def set(self, tenant: str, person_id: str, purpose: int, given: bool) -> KeptConsent:
        """Withdrawing image_interest removes all that was learnt, and leaves what the person said of interests. Setting what is set already changes nothing.

        Raises UnknownPerson, UnknownPurpose.
        """
        if purpose not in PURPOSES:
            raise UnknownPurpose(f"there is no consent {purpose}")
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            before = people_rows.consents(c, tenant, person_id).get(purpose)
            if before is not None and before.given == given:
                return before
            kept = KeptConsent(given, self.clock())
            people_rows.put_consent(c, tenant, person_id, purpose, kept)
            if purpose == CONSENT_PURPOSE_IMAGE_INTEREST and not given:
                self.journal.forget_learnt(c, tenant, person_id)
                people_rows.drop_gallery(c, tenant, person_id)
            for follow in self.followers:
                follow(c, tenant, person_id)
        logger.info("consent %d of %s: %s", purpose, person_id, "given" if given else "withdrawn")
        return kept

    def pause(self, tenant: str, person_id: str, paused: bool) -> int:
        """Pauses learning, or goes on with it; when that was last done, 0: never. What is learnt already stays.

        What occurs during a pause is never learnt, however late it is told. Raises UnknownPerson.
        """
        now_ms = self.clock()
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            *_, last = [None, *people_rows.pauses(c, tenant, person_id)]
            lasts = last is not None and last.resumed_at_ms is None
            if lasts == paused:
                return 0 if last is None else last.resumed_at_ms or last.paused_at_ms
            if paused:
                now_ms = max(now_ms, last.paused_at_ms + 1) if last else now_ms
                people_rows.pause(c, tenant, person_id, now_ms, forget_before_ms=core.oldest_kept_ms(now_ms))
            else:
                people_rows.resume(c, tenant, person_id, now_ms)
        logger.info("learning of %s: %s", person_id, "paused" if paused else "goes on")
        return now_ms
