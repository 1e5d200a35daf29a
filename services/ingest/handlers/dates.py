"""The days on which a person's pictures were taken."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from services.ingest.core import PERSONAL, Caller, owner_of
from services.ingest.store import media as rows

MOST_DATED = 20_000


@dataclass(frozen=True)
class Dates:
    """Kept only with the consent taken_on, which the gateway asks for at an upload."""

    engine: Engine

    def of(self, caller: Caller) -> dict[str, str]:
        """YYYY-MM-DD, or empty where no day is known, of the newest MOST_DATED searchable personal pictures. Raises NobodyAsks."""
        with reading(self.engine) as connection:
            return rows.dates(connection, caller.tenant, owner_of(caller, PERSONAL), limit=MOST_DATED)

    def forget(self, caller: Caller) -> int:
        """How many pictures had one. Raises NobodyAsks."""
        with self.engine.begin() as connection:
            return rows.forget_dates(connection, caller.tenant, owner_of(caller, PERSONAL))
