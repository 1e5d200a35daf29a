"""A stranger's bytes to what is stored of them: pixels alone, as an original and a rendition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nungil.pictures.decode import check_name, check_picture, decode_upright, taken_on
from nungil.pictures.render import RENDITION_PX, Stored, encode_original, encode_rendition


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall come of a picture. file_name: refused where it contradicts the content; empty says nothing.

    original: False where the rendition is enough. taken_on: whether the day on which it was taken shall be read.
    """

    file_name: str = ""
    original: bool = True
    taken_on: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is stored. Sizes are the upright picture's as decoded; taken_on: YYYY-MM-DD or empty."""

    original: Stored | None
    rendition: bytes
    width_px: int
    height_px: int
    taken_on: str


Clean = Callable[[bytes, Wanted], Cleaned]
"""`clean` below, or `Decoders.clean`, which runs it in a process of its own."""


def clean(data: bytes, wanted: Wanted) -> Cleaned:
    """Checks before it decodes. Raises as `check_picture`, `check_name` and `decode_upright`, all of it Rejected."""
    info = check_picture(data)
    check_name(wanted.file_name, info)
    pixels = decode_upright(data, max_px=None if wanted.original else RENDITION_PX)
    height, width = pixels.shape[:2]
    day = taken_on(data) if wanted.taken_on else None
    return Cleaned(
        original=encode_original(pixels, info.format) if wanted.original else None,
        rendition=encode_rendition(pixels),
        width_px=width,
        height_px=height,
        taken_on=day.isoformat() if day else "",
    )
