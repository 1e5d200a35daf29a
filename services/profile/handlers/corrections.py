"""What a person says of an interest: rename, pin, mute, follow, forget. In effect when it returns, and told to others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from nungil.api.profile.v1.profile_pb2 import ACTIVITY_KIND_INTEREST_DELETED, ACTIVITY_KIND_INTEREST_RENAMED
from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.runtime.clock import Clock
from nungil.runtime.ids import new_event_id
from services.profile import core
from services.profile.core import AHEAD_MS, UNSAID, Activity, Entry
from services.profile.errors import InterestChanged, InvalidActivity
from services.profile.handlers.interests import Interests
from services.profile.handlers.people import must_exist
from services.profile.journal import Journal
from services.profile.shown import Change, Shown, etag_of
from services.profile.store import people_rows, state_rows, tables
from services.profile.wire.events import corrected


@dataclass(frozen=True)
class Corrections:
    """Each is a row of the journal and, in the same transaction, an event with the same id: what comes back changes nothing."""

    journal: Journal
    interests: Interests
    clock: Clock
    woken: threading.Event

    def change(self, tenant: str, person_id: str, interest_id: str, change: Change, *, if_match: str) -> Shown:
        """The interest as it is now. if_match: what it must be yet; empty: whatever it is.

        Raises UnknownPerson, NoSuchInterest, InterestChanged.
        """
        self._say(tenant, person_id, interest_id, change, if_match)
        return self.interests.one(tenant, person_id, interest_id)

    def forget(self, tenant: str, person_id: str, interest_id: str, *, if_match: str) -> None:
        """Forgets what was learnt of an interest until now; what the person said of it stays. Raises as `change`."""
        self._say(tenant, person_id, interest_id, None, if_match)

    def heard(self, activity: Activity) -> None:
        """A correction that was told as an event: by ourselves, then it is known, or by another service.

        Raises InvalidActivity for one that nobody could act upon.
        """
        with reading(self.journal.engine) as c:
            if people_rows.is_corrected(c, activity.tenant, activity.person_id, activity.event_id):
                return
        if activity.kind == ACTIVITY_KIND_INTEREST_RENAMED:
            raise InvalidActivity("an event never carries a name, so it cannot rename: call CorrectInterest")
        if activity.interest not in self.interests.taxonomies.of(activity.tenant).interests:
            raise InvalidActivity(f"there is no interest {activity.interest!r}")
        if activity.occurred_at_ms > self.clock() + AHEAD_MS:
            raise InvalidActivity(f"it occurred at {activity.occurred_at_ms}, which has not come")
        entry = Entry(activity.event_id, activity.kind, "", activity.occurred_at_ms, (), activity.interest)
        self.journal.correct(activity.tenant, activity.person_id, entry)

    def _say(self, tenant: str, person_id: str, interest_id: str, change: Change | None, if_match: str) -> None:
        """change None: forget it."""
        self.interests.must_be_known(tenant, interest_id)
        with self.journal.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            now = etag_of(people_rows.corrected(c, tenant, person_id).get(interest_id))
            if if_match not in ("", now):
                raise InterestChanged
            kept = state_rows.state(c, tenant, person_id)
            state = kept.state if kept else core.NOTHING
            kinds = (
                [(ACTIVITY_KIND_INTEREST_DELETED, "")]
                if change is None
                else change.kinds(state.corrections.get(interest_id, UNSAID))
            )
            self._write(c, tenant, person_id, self._entries(interest_id, kinds, after_ms=state.last[0]))
        self.woken.set()

    def _entries(self, interest_id: str, kinds: Sequence[tuple[int, str]], *, after_ms: int) -> list[Entry]:
        """After all that was folded, so that what is said last holds, whoever's clock is ahead."""
        first_ms = max(self.clock(), after_ms + 1)
        return [
            Entry(new_event_id(), kind, "", first_ms + i, (), interest_id, text) for i, (kind, text) in enumerate(kinds)
        ]

    def _write(self, c: Connection, tenant: str, person_id: str, entries: Sequence[Entry]) -> None:
        if entries:
            self.journal.take(c, tenant, person_id, entries)
            put_out(c, tables.OUTBOX, [corrected(tenant, person_id, entry) for entry in entries])
