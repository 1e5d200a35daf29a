"""Telling the story of a person's gallery, from the pictures that they keep now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.database.open import reading
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import KeptConsent
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal
from services.profile.store import journal_rows, people_rows
from services.profile.stories import Shares, Story, chapters, shares_of

logger = logging.getLogger(__name__)

READ_AT_ONCE = 200  # pictures a request; each is read once and then remembered, as long as it is kept
_NEEDED = (pb.CONSENT_PURPOSE_IMAGE_INTEREST, pb.CONSENT_PURPOSE_TAKEN_ON)


@dataclass(frozen=True)
class TellStory:
    """From what the pictures show and when they were taken, never from what was done with them."""

    journal: Journal
    taxonomy_of: Callable[[str], Taxonomy]  # by tenant

    def __call__(self, tenant: str, person_id: str, taken_on: Mapping[str, str]) -> Story:
        """taken_on: YYYY-MM-DD or empty, by media id, of every picture that the person keeps; a picture that is not in it
        is in no story. Raises UnknownPerson."""
        with reading(self.journal.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            consents = people_rows.consents(c, tenant, person_id)
            known = people_rows.gallery(c, tenant, person_id)
        missing = tuple(purpose for purpose in _NEEDED if not consents.get(purpose, KeptConsent()).given)
        if missing:
            return Story(missing=missing)
        days = {media_id: day for media_id, text in taken_on.items() if (day := _day(text))}
        unread = sorted(days.keys() - known.keys(), reverse=True)  # newest first: ids sort by age
        known |= self._read(tenant, person_id, unread[:READ_AT_ONCE])
        said = self.journal.state_of(tenant, person_id).corrections
        told = chapters(
            {media_id: shares for media_id, shares in known.items() if media_id in days},
            days,
            known=self.taxonomy_of(tenant).interests,
            hidden=[id_ for id_, correction in said.items() if correction.muted],
        )
        return Story(
            tuple(told),
            {id_: correction.name for id_, correction in said.items() if correction.name},
            undated=len(taken_on) - len(days),
            pending=max(len(unread) - READ_AT_ONCE, 0),
        )

    def _read(self, tenant: str, person_id: str, media_ids: Sequence[str]) -> dict[str, Shares]:
        """What these pictures show, and remembers it. Those without features yet, or of somebody else, are left out."""
        found = {m: shares for m in media_ids if (shares := self._shares(tenant, person_id, m)) is not None}
        if not found:
            return {}
        with self.journal.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            given = people_rows.consented(c, tenant, person_id, pb.CONSENT_PURPOSE_IMAGE_INTEREST)
            journal_rows.keep_pictures(c, tenant, found)
            gone = journal_rows.removed(c, tenant, found)
            kept = {media_id: shares for media_id, shares in found.items() if given and media_id not in gone}
            people_rows.put_gallery(c, tenant, person_id, kept)
        return kept

    def _shares(self, tenant: str, person_id: str, media_id: str) -> Shares | None:
        try:
            features = self.journal.features.kept(tenant, media_id)
        except Rejected as error:
            logger.warning("%s: the story leaves it out", error)
            return ()
        if features is None or features.owner != person_id:
            return None
        return shares_of(self.journal.read(features, None), self.taxonomy_of(tenant))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
