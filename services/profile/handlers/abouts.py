"""Keeping what a person states of themselves, and handing it to whom they ticked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.api.profile.v1.people_pb2 import ABOUT_PURPOSE_RECOMMENDATIONS
from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile.abouts import UNSTATED, About, checked, from_kept, readable, to_kept
from services.profile.handlers.people import must_exist
from services.profile.recommendations.stated import stated_of
from services.profile.stating import about_for
from services.profile.store import people_rows, recommendation_rows


@dataclass(frozen=True)
class Abouts:
    """Each raises UnknownPerson.

    followers: called in the transaction of every change, with tenant and person_id.
    """

    engine: Engine
    clock: Clock
    followers: Sequence[Callable[[Connection, str, str], None]] = ()

    def of(self, tenant: str, person_id: str) -> About:
        """All of it, for the person themselves."""
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            return from_kept(people_rows.about(c, tenant, person_id))

    def put(self, tenant: str, person_id: str, about: About) -> About:
        """Replaces all of it. Raises InvalidAbout."""
        stated = checked(about)
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            people_rows.put_about(c, tenant, person_id, to_kept(stated), self.clock())
            self._changed(c, tenant, person_id, stated)
        return stated

    def delete(self, tenant: str, person_id: str) -> None:
        """Forgets it."""
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            people_rows.drop_about(c, tenant, person_id)
            self._changed(c, tenant, person_id, UNSTATED)

    def for_(self, tenant: str, person_id: str, purpose: int) -> About:
        """What this purpose, a number of AboutPurpose, may read now."""
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            return about_for(c, tenant, person_id, purpose)

    def _changed(self, c: Connection, tenant: str, person_id: str, about: About) -> None:
        _forget_in_lists(c, tenant, person_id, about)
        for follow in self.followers:
            follow(c, tenant, person_id)


def _forget_in_lists(c: Connection, tenant: str, person_id: str, about: About) -> None:
    """A list that was kept has words of what was stated."""
    still = stated_of(readable(about, ABOUT_PURPOSE_RECOMMENDATIONS, appearance=True))
    recommendation_rows.forget_stated(c, tenant, person_id, {one.key for one in still})
