"""Where each object lies. One place, so that erasing can list what there is."""

import re

ORIGINALS, RENDITIONS, FEATURES, TOMBSTONES = "originals/", "renditions/", "features/", "tombstones/"
_OF_A_PICTURE = re.compile(
    rf"(?:{ORIGINALS}|{RENDITIONS}|{FEATURES})(?P<tenant>[^/]+)"
    r"/(?P<media_id>[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.jpg|/.+)?"
)


def original_key(tenant: str, media_id: str) -> str:
    """The picture without metadata, in its own pixels."""
    return f"{ORIGINALS}{tenant}/{media_id}"


def rendition_key(tenant: str, media_id: str) -> str:
    """The upright JPEG of bounded size that is shown and embedded."""
    return f"{RENDITIONS}{tenant}/{media_id}.jpg"


def features_key(tenant: str, media_id: str, encoder_space: str) -> str:
    """The `nungil.api.embed.v1.Features` of an indexed picture."""
    return f"features/{tenant}/{media_id}/{encoder_space}"


def features_prefix(tenant: str, media_id: str) -> str:
    """All that embed wrote of a picture, in every encoder space."""
    return f"features/{tenant}/{media_id}/"


def features_named(key: str) -> tuple[str, str, str]:
    """Tenant, media id and encoder space of a `features_key`."""
    _, tenant, media_id, space = key.split("/")
    return tenant, media_id, space


def picture_named(key: str) -> tuple[str, str] | None:
    """Tenant and media id of an `original_key`, a `rendition_key` or a `features_key`; None for what is no such key."""
    named = _OF_A_PICTURE.fullmatch(key)
    return (named["tenant"], named["media_id"]) if named else None


def tombstone_key(tenant: str, media_id: str) -> str:
    """Marks that embed has removed this picture: its body is the version of the deletion, in decimal."""
    return f"tombstones/{tenant}/{media_id}"


def tombstone_named(key: str) -> tuple[str, str]:
    """Tenant and media id of a `tombstone_key`."""
    _, tenant, media_id = key.split("/")
    return tenant, media_id


def transient_prefix(tenant: str, media_id: str) -> str:
    """All that is kept for 15 minutes of a picture that is only searched with."""
    return f"transient/{tenant}/{media_id}/"


def transient_rendition_key(tenant: str, media_id: str) -> str:
    """As `rendition_key`, for a picture that is only searched with."""
    return f"{transient_prefix(tenant, media_id)}rendition.jpg"


def transient_features_key(tenant: str, media_id: str, encoder_space: str) -> str:
    """As `features_key`, for a picture that is only searched with."""
    return f"{transient_prefix(tenant, media_id)}{encoder_space}"


def erased_key(tenant: str, person_id: str) -> str:
    """Marks that embed removes, or has removed, all pictures of this person: what it counted before it began, as JSON."""
    return f"erased/{tenant}/{person_id}"
