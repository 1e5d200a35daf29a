"""What may be read of what a person states, by whoever asks for a purpose."""

from __future__ import annotations

from sqlalchemy import Connection

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_APPEARANCE_TIPS
from services.profile.abouts import About, fields_for, from_kept, readable
from services.profile.store import people_rows


def about_for(c: Connection, tenant: str, person_id: str, purpose: int) -> About:
    """What this purpose may read now, of somebody who exists."""
    about, tips = _stated(c, tenant, person_id)
    return readable(about, purpose, appearance=tips)


def fields_readable_for(c: Connection, tenant: str, person_id: str, purpose: int) -> frozenset[str]:
    """The fields that this purpose may read now, said or not, of somebody who exists."""
    about, tips = _stated(c, tenant, person_id)
    return fields_for(about, purpose, appearance=tips)


def _stated(c: Connection, tenant: str, person_id: str) -> tuple[About, bool]:
    """All of it, and whether hair and skin may be read."""
    about = from_kept(people_rows.about(c, tenant, person_id))
    return about, people_rows.consented(c, tenant, person_id, CONSENT_PURPOSE_APPEARANCE_TIPS)
