"""Keeping what a person tried, with the picture of what they made and their word about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import tried
from services.profile.errors import InvalidTried, NoSuchPicture
from services.profile.handlers.people import must_exist
from services.profile.store import journal_rows, people_rows, tried_rows
from services.profile.tried import Tried


@dataclass(frozen=True)
class TriedThings:
    """Writes one person at a time, in transactions that hold that person's row. The person's own words: needs no consent."""

    engine: Engine
    clock: Clock

    def keep(
        self, tenant: str, person_id: str, *, event_id: str, media_id: str, made_media_id: str = "", note: str = ""
    ) -> None:
        """The same again changes nothing. Raises InvalidTried, UnknownPerson, NoSuchPicture."""
        said = tried.checked(event_id, media_id, made_media_id, note, self.clock())
        pictures = [media_id, *([made_media_id] if made_media_id else [])]
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            journal_rows.keep_pictures(c, tenant, pictures)
            if gone := journal_rows.removed(c, tenant, pictures):
                raise NoSuchPicture(f"no picture {min(gone)}")
            known = tried_rows.find(c, tenant, person_id, event_id)
            if known is None:
                tried_rows.add(c, tenant, person_id, said)
            elif known.said != said.said:
                raise InvalidTried(
                    "this was kept already, with other pictures or another note: use another Idempotency-Key"
                )

    def of(self, tenant: str, person_id: str, *, limit: int, cursor: str) -> tuple[Sequence[Tried], str]:
        """A page, newest first, and the cursor of the next; empty at the end. Raises InvalidTried, UnknownPerson."""
        limit, after = tried.checked_limit(limit), tried.decode_cursor(cursor)
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            found = tried_rows.page(c, tenant, person_id, after=after, limit=limit + 1)
        return found[:limit], tried.encode_cursor(found[limit - 1]) if len(found) > limit else ""

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """Removes what a picture that is gone was part of. To be called once it is marked as removed, so that none is kept after."""
        with reading(self.engine) as c:
            people = tried_rows.people_with_picture(c, tenant, media_id)
        for person_id in people:
            with self.engine.begin() as c:
                people_rows.lock_person(c, tenant, person_id)
                tried_rows.remove_picture(c, tenant, person_id, media_id)
