"""What a decoder process can be asked for. Each takes the picture's bytes and an order, and gives a head and parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from nungil.pictures.cleaning import Wanted, clean
from nungil.pictures.container import Format
from nungil.pictures.decode import UndecodablePicture, decode_at_least, decode_upright
from nungil.pictures.decoder_messages import Head, Part
from nungil.pictures.render import encode_original

Job = Callable[[bytes, Mapping[str, Any]], tuple[Head, Sequence[Part]]]

CLEAN = "clean"
UPRIGHT = "upright"
AT_LEAST = "at_least"


def _clean(data: bytes, order: Mapping[str, Any]) -> tuple[Head, Sequence[Part]]:
    cleaned = clean(data, Wanted(**order))
    original = cleaned.original
    head = {
        "content_type": original.content_type if original else None,
        "width_px": cleaned.width_px,
        "height_px": cleaned.height_px,
        "taken_on": cleaned.taken_on,
    }
    return head, [original.data if original else b"", cleaned.rendition]


def _upright(data: bytes, order: Mapping[str, Any]) -> tuple[Head, Sequence[Part]]:
    pixels = np.ascontiguousarray(decode_upright(data))
    return {"shape": pixels.shape}, [pixels.data.cast("B")]


def _at_least(data: bytes, order: Mapping[str, Any]) -> tuple[Head, Sequence[Part]]:
    pixels, size = decode_at_least(data, order["least_px"])
    pixels = np.ascontiguousarray(pixels)
    return {"shape": pixels.shape, "size": size}, [pixels.data.cast("B")]


JOBS: dict[str, Job] = {CLEAN: _clean, UPRIGHT: _upright, AT_LEAST: _at_least}


def warm_up() -> None:
    """Loads all that the jobs need from files, while files can still be opened."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    Image.init()  # Pillow loads its formats late: a note of EXIF, for one, is read as TIFF
    formats: tuple[Format, ...] = ("JPEG", "PNG", "WEBP")
    for format_ in formats:
        _clean(encode_original(pixels, format_).data, {"taken_on": True})
    with suppress(UndecodablePicture):
        decode_upright(b"\0\0\0\x10ftypheic\0\0\0\0")
