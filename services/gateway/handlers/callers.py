"""Who asks: from a key to a person."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from sqlalchemy import Engine

from nungil.api.profile.v1 import profile_pb2
from nungil.database.open import reading
from services.gateway.core import Grant, Speaker, Who, hash_key, subject_of
from services.gateway.errors import UnknownKey
from services.gateway.handlers.peers import Peers, ask
from services.gateway.store import find_key

_REMEMBERED = 10_000


@dataclass(frozen=True)
class IdentifyCaller:
    """The tenant and person that a key speaks for. A person id changes only with an erasure, so the last 10,000 are remembered."""

    engine: Engine
    peers: Peers
    timeout_s: float
    _people: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)
    _erased: OrderedDict[str, None] = field(default_factory=OrderedDict)

    async def speaker_of(self, key: str | None, *, named: str | None = None) -> Speaker:
        """From our own database alone. named: what the header Nungil-Person says. Raises UnknownKey, and as `subject_of`."""
        grant = await asyncio.to_thread(self._find, hash_key(key)) if key is not None else None
        if grant is None:
            raise UnknownKey
        return Speaker(grant, subject_of(grant, named))

    async def __call__(self, speaker: Speaker) -> Who:
        """Asks profile for a person that is not remembered."""
        grant, subject = speaker.grant, speaker.subject
        person_id = await self._person(grant.tenant, subject) if subject is not None else ""
        return Who(grant.tenant, person_id, grant.scopes)

    def forget(self, tenant: str, person_id: str) -> None:
        """The person was erased: who comes under their name now is another. On the event loop."""
        self._erased[person_id] = None
        if len(self._erased) > _REMEMBERED:
            self._erased.popitem(last=False)
        for key in [key for key, known in self._people.items() if known == person_id and key[0] == tenant]:
            del self._people[key]

    def _find(self, key_hash: str) -> Grant | None:
        with reading(self.engine) as connection:
            return find_key(connection, key_hash)

    async def _person(self, tenant: str, subject: str) -> str:
        known = self._people.get((tenant, subject))
        if known is not None:
            self._people.move_to_end((tenant, subject))
            return known
        request = profile_pb2.IdentifyRequest(tenant=tenant, subject=subject)
        answer = await ask(self.peers.profile.Identify, request, timeout_s=self.timeout_s)
        if answer.person_id in self._erased:  # they left while we asked
            answer = await ask(self.peers.profile.Identify, request, timeout_s=self.timeout_s)
        self._people[tenant, subject] = answer.person_id
        if len(self._people) > _REMEMBERED:
            self._people.popitem(last=False)
        return str(answer.person_id)
