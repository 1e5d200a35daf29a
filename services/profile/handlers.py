"""What profile does: knows people, keeps their consents, tells their interests, and learns from events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from nungil.api.common.v1.common_pb2 import PURPOSE_PERSONAL
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST
from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.runtime import ids
from nungil.runtime.clock import Clock
from nungil.runtime.errors import Rejected
from nungil.runtime.tracing import Span
from services.profile import core, store, wire
from services.profile.core import KeptConsent, Rules, Weighed
from services.profile.errors import UnidentifiedPerson, UnknownPerson, UnknownPurpose
from services.profile.journal import Journal
from services.profile.watching import Watches

logger = logging.getLogger(__name__)

_LONGEST = 256


@dataclass(frozen=True)
class Identify:
    """The person_id behind a subject, made at the first call. The only place where a subject is seen."""

    engine: Engine
    clock: Clock

    def __call__(self, tenant: str, subject: str) -> str:
        if not 0 < len(tenant) <= _LONGEST or not 0 < len(subject) <= _LONGEST:
            raise UnidentifiedPerson
        with reading(self.engine) as c:
            known = store.find_person(c, tenant, subject)
        return known or self._make(tenant, subject)

    def _make(self, tenant: str, subject: str) -> str:
        try:
            with self.engine.begin() as c:
                known = store.find_person(c, tenant, subject)
                if known is None:
                    known = ids.new_person_id()
                    store.add_person(c, known, tenant, subject, self.clock())
                return known
        except IntegrityError:  # another process made this person between our look and our insert
            with reading(self.engine) as c:
                made = store.find_person(c, tenant, subject)
            if made is None:
                raise
            return made


@dataclass(frozen=True)
class Interests:
    """A person's interests now, heaviest first, and whether more are learnt."""

    journal: Journal
    rules: Rules
    clock: Clock

    def __call__(self, tenant: str, person_id: str) -> tuple[list[tuple[str, float, Weighed]], bool]:
        with reading(self.journal.engine) as c:
            _must_exist(store.has_person(c, tenant, person_id), person_id)
            consents = store.consents(c, tenant, person_id)
        learning = consents.get(CONSENT_PURPOSE_IMAGE_INTEREST, KeptConsent()).given
        state = self.journal.state_of(tenant, person_id) if learning else core.NOTHING
        return core.weights_at(state, self.clock(), self.rules), learning


@dataclass(frozen=True)
class Consents:
    """What a person has agreed to. Nothing is given until it is given."""

    engine: Engine
    clock: Clock

    def of(self, tenant: str, person_id: str) -> Mapping[int, KeptConsent]:
        """By purpose."""
        with reading(self.engine) as c:
            _must_exist(store.has_person(c, tenant, person_id), person_id)
            return store.consents(c, tenant, person_id)

    def set(self, tenant: str, person_id: str, purpose: int, given: bool) -> KeptConsent:
        """Withdrawing image_interest removes all that was learnt. Setting what is set already changes nothing."""
        if purpose not in wire.PURPOSES:
            raise UnknownPurpose(f"there is no consent {purpose}")
        with self.engine.begin() as c:
            _must_exist(store.lock_person(c, tenant, person_id), person_id)
            before = store.consents(c, tenant, person_id).get(purpose)
            if before is not None and before.given == given:
                return before
            kept = KeptConsent(given, self.clock())
            store.put_consent(c, tenant, person_id, purpose, kept)
            if purpose == CONSENT_PURPOSE_IMAGE_INTEREST and not given:
                store.drop_journal(c, tenant, person_id)
        logger.info("consent %d of %s: %s", purpose, person_id, "given" if given else "withdrawn")
        return kept


@dataclass(frozen=True)
class PicturesEmbedded:
    """Pictures have their features now, or never will: tells of uploads, and fills the rows that waited."""

    journal: Journal
    woken: threading.Event

    def __call__(self, told: Sequence[tuple[MediaEmbedded, Span]]) -> dict[tuple[str, str], Rejected]:
        """span: of all that is done about the event. Answers the pictures that cannot be read, by tenant and media id."""
        faults: dict[tuple[str, str], Rejected] = {}
        tenants = sorted({event.tenant for event, _ in told})
        for tenant in tenants:
            mine = [(event, span) for event, span in told if event.tenant == tenant]
            faults |= {(tenant, media_id): error for media_id, error in self._of_tenant(tenant, mine).items()}
        return faults

    def _of_tenant(self, tenant: str, told: Sequence[tuple[MediaEmbedded, Span]]) -> Mapping[str, Rejected]:
        """Features first: a row that can be filled is, whatever else is said of its picture."""
        found = [(event, span) for event, span in told if event.outcome == MediaEmbedded.OUTCOME_EMBEDDED]
        given_up = {event.media_id for event, _ in told if event.outcome == MediaEmbedded.OUTCOME_REJECTED}
        faults: Mapping[str, Rejected] = {}
        if found:
            removed = self.journal.removed(tenant, {event.media_id for event, _ in found})
            found = [(event, span) for event, span in found if event.media_id not in removed]
            self._tell([(event, span) for event, span in found if event.purpose == PURPOSE_PERSONAL])
            faults = self.journal.resolve(tenant, {event.media_id for event, _ in found})
        if given_up:
            self.journal.give_up(tenant, given_up)
        return faults

    def _tell(self, uploads: Sequence[tuple[MediaEmbedded, Span]]) -> None:
        if uploads:
            with self.journal.engine.begin() as c:
                put_out(c, store.OUTBOX, [wire.uploaded(event, span.headers()) for event, span in uploads])
            self.woken.set()


@dataclass(frozen=True)
class PictureChanged:
    """A picture was deleted: it is taken out of every journal, and nobody waits for a part of it any more."""

    journal: Journal
    watches: Watches

    def __call__(self, event: MediaChanged) -> None:
        if event.change == MediaChanged.CHANGE_DELETED:
            self.journal.forget_picture(event.tenant, event.media_id)
            self.watches.forget_picture(event.tenant, event.media_id)


@dataclass(frozen=True)
class PeopleActed:
    """People did things with pictures: the only thing that makes interests."""

    journal: Journal

    def __call__(self, activities: Sequence[core.Activity]) -> Mapping[core.Activity, Rejected]:
        return self.journal.add(activities)


def _must_exist(exists: bool, person_id: str) -> None:
    if not exists:
        raise UnknownPerson(f"no person {person_id[:64]}")
