"""Telling a person their interests."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_IMAGE_INTEREST, TREND_STEADY
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from nungil.taxonomy.taxonomy import Interest
from services.profile import core
from services.profile.core import Rules
from services.profile.errors import InvalidQuestion, NoSuchInterest
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal
from services.profile.shown import Shown, etag_of, etag_of_all, listed
from services.profile.store import people_rows
from services.profile.tenant_taxonomies import TenantTaxonomies

MOST_FOUND = 500


@dataclass(frozen=True, slots=True)
class Overview:
    """All of a person's interests, as they are listed. learning: consented to, and not paused. etag: changes with what is shown."""

    interests: list[Shown]
    learning: bool
    paused: bool
    etag: str


@dataclass(frozen=True)
class Interests:
    """A person's interests now."""

    journal: Journal
    rules: Rules
    clock: Clock
    taxonomies: TenantTaxonomies

    def __call__(self, tenant: str, person_id: str) -> Overview:
        """Those that the taxonomy has given up are shown no more."""
        with reading(self.journal.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            consented = people_rows.consented(c, tenant, person_id, CONSENT_PURPOSE_IMAGE_INTEREST)
            paused = any(pause.resumed_at_ms is None for pause in people_rows.pauses(c, tenant, person_id))
            corrected = people_rows.corrected(c, tenant, person_id)
        state = self.journal.state_of(tenant, person_id)
        if not consented:
            state = core.State(corrections=state.corrections)
        found = listed(state, corrected, self.clock(), self.rules)
        taxonomy = self.taxonomies.of(tenant)
        known = [shown for shown in found if shown.id in taxonomy.interests]
        learning = consented and not paused
        return Overview(known, learning, paused, etag_of_all(known, learning=learning, paused=paused))

    def one(self, tenant: str, person_id: str, interest_id: str) -> Shown:
        """Any of the taxonomy, whether there is evidence for it or not. Raises NoSuchInterest."""
        self.must_be_known(tenant, interest_id)
        all_ = self(tenant, person_id).interests
        return next((shown for shown in all_ if shown.id == interest_id), unsaid(interest_id))

    def must_be_known(self, tenant: str, interest_id: str) -> None:
        """Raises NoSuchInterest."""
        if interest_id not in self.taxonomies.of(tenant).interests:
            raise NoSuchInterest(f"there is no interest {interest_id[:64]!r}: GET /v1/interests lists those there are")


@dataclass(frozen=True)
class FindInterests:
    """Interests of a tenant's taxonomy by what they are called, for following."""

    taxonomies: TenantTaxonomies

    def __call__(self, tenant: str, text: str, *, limit: int) -> list[Interest]:
        """Whole names and words first, then beginnings, then parts. limit 0: all. Raises InvalidQuestion."""
        if not 0 <= limit <= MOST_FOUND:
            raise InvalidQuestion(f"a limit of {limit}: give 1 to {MOST_FOUND}, or 0 for all")
        asked = _folded(text)
        ranked = [(_rank(interest, asked), interest) for interest in self.taxonomies.of(tenant).interests.values()]
        found = [interest for rank, interest in sorted(ranked, key=lambda one: one[0]) if rank < _NONE]
        return found[:limit] if limit else found


_NONE = 3


def unsaid(interest_id: str) -> Shown:
    """One that there is nothing of yet."""
    return Shown(interest_id, 0.0, TREND_STEADY, core.UNSAID, etag_of(None))


def _rank(interest: Interest, asked: str) -> int:
    """0: it is called so. 1: a word of it begins so. 2: so does no word, and yet it has this in it. _NONE: nothing of it."""
    if not asked:
        return 0
    names = [_folded(name) for name in (interest.name.ko, interest.name.en, *interest.words)]
    if asked in names:
        return 0
    if any(word.startswith(asked) for name in names for word in (name, *name.split())):
        return 1
    return 2 if any(asked in name for name in names) else _NONE


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
