"""Every journal folded again: what is kept of people must be what follows from their journals."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from sqlalchemy import Engine

from nungil.database.open import reading
from services.profile import core
from services.profile.core import Rules
from services.profile.journal import Follower
from services.profile.store import encoding, journal_rows, people_rows, state_rows
from services.profile.taking_back import fold_all

logger = logging.getLogger(__name__)

_PAGE = 500
NEVER = 0  # a day on which nobody looked for rows that are too old


@dataclass
class Refolded:
    """persons: who have a journal. changed: of them, whose kept state was another. ruled: whose was folded under other rules.

    digest_before, digest: of the kept states, person by person.
    """

    persons: int = 0
    entries: int = 0
    changed: int = 0
    ruled: int = 0
    digest_before: str = ""
    digest: str = ""
    finished: bool = False


@dataclass(frozen=True)
class FoldAll:
    """Folds every journal as it stands: what is too old is left for the next ordinary fold to drop, and what was read under
    another overlay of the taxonomy to be read again.

    One person at a time, in a transaction that holds that person, so that it can run beside a serving profile. followers: of the
    states that become others, as of a journal's.
    """

    engine: Engine
    rules: Rules
    followers: Sequence[Follower] = ()

    def __call__(self, stop: Event) -> Refolded:
        """Ends early, unfinished, once `stop` is set."""
        done, before, after = Refolded(), hashlib.sha256(), hashlib.sha256()
        for tenant, person_id in self._people():
            if stop.is_set():
                return done
            was, is_ = self._fold(tenant, person_id, done)
            of = f"{tenant}/{person_id}\0".encode()
            before.update(of + was + b"\0")
            after.update(of + is_ + b"\0")
        done.digest_before, done.digest, done.finished = before.hexdigest(), after.hexdigest(), True
        return done

    def _people(self) -> Iterator[tuple[str, str]]:
        last = ""
        while True:
            with reading(self.engine) as c:
                people = people_rows.people_after(c, last, limit=_PAGE)
            yield from people
            if len(people) < _PAGE:
                return
            last = people[-1][1]

    def _fold(self, tenant: str, person_id: str, done: Refolded) -> tuple[bytes, bytes]:
        """The bytes of the state that was kept, and of the one that is."""
        with self.engine.begin() as c:
            people_rows.lock_person(c, tenant, person_id)
            kept = state_rows.state(c, tenant, person_id)
            entries = journal_rows.entries(c, tenant, person_id)
            state = fold_all(entries, self.rules)
            was, is_ = encoding.encode_state(kept.state if kept else core.NOTHING), encoding.encode_state(state)
            done.persons += 1
            done.entries += len(entries)
            rules, mark, overlay = kept.rules.partition("#") if kept else (self.rules.fingerprint, "", "")
            if rules != self.rules.fingerprint:
                done.ruled += 1
            elif was != is_:
                done.changed += 1
                logger.warning("the state of person %s was not what follows from the journal", person_id)
            else:
                return was, is_
            dropped_on = kept.dropped_on if kept else NEVER
            state_rows.put_state(
                c, tenant, person_id, state_rows.KeptState(state, self.rules.fingerprint + mark + overlay, dropped_on)
            )
            state_rows.put_checkpoint(c, tenant, person_id, None)
            for follow in self.followers:
                follow(c, tenant, person_id, kept.state if kept else core.NOTHING, state, None)
            return was, is_
