"""Which pictures a person may see."""

from __future__ import annotations

from nungil.pictures.features import Features
from nungil.runtime.ids import ID
from services.profile.errors import NoSuchPicture, PictureNotKept
from services.profile.journal import CATALOGUE, FeatureObjects


def visible(features: FeatureObjects, tenant: str, person_id: str, media_id: str) -> Features:
    """What was found in a picture that stays, and is this person's or the catalogue's. Raises NoSuchPicture, PictureNotKept."""
    if not ID.fullmatch(media_id):
        raise NoSuchPicture(f"no picture {media_id[:64]}")
    kept = features.kept(tenant, media_id)
    seen = kept or features.of(tenant, media_id)
    if seen is None or seen.owner not in (person_id, CATALOGUE):
        raise NoSuchPicture(f"no picture {media_id[:64]}")
    if kept is None:
        raise PictureNotKept(
            "this picture is only searched with and will be forgotten: keep it first, as a personal one"
        )
    return kept
