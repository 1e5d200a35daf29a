"""What a person may state of themselves, and who may read it. Pure. Nothing of it is ever inferred."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nungil.api.profile.v1 import people_pb2
from services.profile.errors import InvalidAbout

LONGEST_STYLE = 200
WORDS: Mapping[str, tuple[str, ...]] = {
    "age_band": ("under_20", "20s", "30s", "40s", "50s", "60_or_over"),
    "gender": ("woman", "man", "nonbinary"),
    "hair": ("straight", "wavy", "curly", "coily"),
    "skin_type": ("dry", "oily", "combination", "normal", "sensitive"),
}
PURPOSES = tuple(p for p in people_pb2.AboutPurpose.values() if p != people_pb2.ABOUT_PURPOSE_UNSPECIFIED)


@dataclass(frozen=True, slots=True)
class About:
    """Each field empty where nothing was said. purposes: those that may read it, as numbers of AboutPurpose."""

    age_band: str = ""
    gender: str = ""
    hair: str = ""
    skin_type: str = ""
    style: str = ""
    purposes: tuple[int, ...] = ()


UNSTATED = About()
_OF_APPEARANCE = frozenset({"hair", "skin_type"})
_FIELDS = frozenset({*WORDS, "style"})


def checked(about: About) -> About:
    """In its shortest form. Raises InvalidAbout."""
    for field, words in WORDS.items():
        said = getattr(about, field)
        if said and said not in words:
            raise InvalidAbout(f"{field} is one of {', '.join(words)}, or left out")
    unknown = set(about.purposes) - set(PURPOSES)
    if unknown:
        raise InvalidAbout(f"there is no purpose {min(unknown)}")
    style = " ".join(unicodedata.normalize("NFC", about.style).split())
    if len(style) > LONGEST_STYLE or any(unicodedata.category(sign) in ("Cc", "Cs", "Co") for sign in style):
        raise InvalidAbout(f"style has at most {LONGEST_STYLE} visible characters")
    return replace(about, style=style, purposes=tuple(sorted(set(about.purposes))))


def fields_for(about: About, purpose: int, *, appearance: bool) -> frozenset[str]:
    """The fields that `purpose` may read, whether or not anything is said in them. appearance: whether the consent appearance_tips
    is given, for hair and skin."""
    if purpose not in about.purposes:
        return frozenset()
    return _FIELDS if appearance else _FIELDS - _OF_APPEARANCE


def readable(about: About, purpose: int, *, appearance: bool) -> About:
    """What `purpose` may read; appearance as in `fields_for`."""
    fields = fields_for(about, purpose, appearance=appearance)
    if not fields:
        return UNSTATED
    return about if fields >= _OF_APPEARANCE else replace(about, hair="", skin_type="")


def to_kept(about: About) -> Mapping[str, Any]:
    """As the database keeps it."""
    return asdict(about)


def from_kept(kept: Mapping[str, Any] | None) -> About:
    """Back from `to_kept`."""
    return UNSTATED if kept is None else About(**{**kept, "purposes": tuple(kept["purposes"])})
