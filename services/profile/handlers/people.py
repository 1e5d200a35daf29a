"""Who a person is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from nungil.database.open import reading
from nungil.runtime import ids
from nungil.runtime.clock import Clock
from services.profile.errors import UnidentifiedPerson, UnknownPerson
from services.profile.store import people_rows

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
            known = people_rows.find_person(c, tenant, subject)
        return known or self._make(tenant, subject)

    def _make(self, tenant: str, subject: str) -> str:
        try:
            with self.engine.begin() as c:
                known = people_rows.find_person(c, tenant, subject)
                if known is None:
                    known = ids.new_person_id()
                    people_rows.add_person(c, known, tenant, subject, self.clock())
                return known
        except IntegrityError:  # another process made this person between our look and our insert
            with reading(self.engine) as c:
                made = people_rows.find_person(c, tenant, subject)
            if made is None:
                raise
            return made


def must_exist(exists: bool, person_id: str) -> None:
    """Raises UnknownPerson."""
    if not exists:
        raise UnknownPerson(f"no person {person_id[:64]}")
