"""Pixels to bytes: what is stored of a picture. Only pixels are written, never a note beside them."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nungil.pictures.boxes import Box
from nungil.pictures.container import Format

Pixels = NDArray[np.uint8]

RENDITION_PX = 1600
WIDTHS_PX = (160, 320, 640, 1080, 1600)  # what is shown comes in few sizes, so that caches hit

_MIME: dict[Format, str] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes to store and what they are."""

    data: bytes
    content_type: str


def encode_original(pixels: Pixels, format_: Format) -> Stored:
    """All pixels (uint8 [height, width, 3]) in the format that they came in; a HEIC becomes a JPEG."""
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    match format_:
        case "JPEG" | "HEIF":
            image.save(out, "JPEG", quality=95, subsampling="4:4:4")
        case "PNG":
            image.save(out, "PNG", compress_level=1)  # 6 takes three times as long for a sixth less
        case "WEBP":
            image.save(out, "WEBP", quality=95, method=2)
    return Stored(out.getvalue(), _MIME[format_])


def encode_rendition(pixels: Pixels) -> bytes:
    """A JPEG whose longer side is at most RENDITION_PX. With all its colours: the encoder looks at it, and sees less where they are halved."""
    return _jpeg(_within(Image.fromarray(pixels), RENDITION_PX, RENDITION_PX), quality=90, subsampling="4:4:4")


def narrower(rendition: bytes, max_width_px: int) -> bytes:
    """`rendition`, a JPEG of ours, at the first of WIDTHS_PX that is not below `max_width_px`; itself where that is no narrower."""
    width = next((w for w in WIDTHS_PX if w >= max_width_px), WIDTHS_PX[-1])
    with Image.open(io.BytesIO(rendition), formats=("JPEG",)) as image:
        if width >= image.width:
            return rendition
        height = max(1, round(image.height * width / image.width))
        image.draft(None, (2 * width, 2 * height))
        return _jpeg(image.resize((width, height), Image.Resampling.LANCZOS), quality=85)


def part(rendition: bytes, box: Box) -> bytes:
    """What lies under `box` (within the picture) of `rendition`, a JPEG of ours: at least a pixel."""
    with Image.open(io.BytesIO(rendition), formats=("JPEG",)) as image:
        left, top = int(box.x * image.width), int(box.y * image.height)
        right = min(image.width, max(left + 1, round((box.x + box.width) * image.width)))
        bottom = min(image.height, max(top + 1, round((box.y + box.height) * image.height)))
        left, top = min(left, right - 1), min(top, bottom - 1)
        return _jpeg(image.crop((left, top, right, bottom)), quality=90)


def _within(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / image.width, height / image.height, 1.0)
    if scale == 1.0:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _jpeg(image: Image.Image, *, quality: int, subsampling: str = "4:2:0") -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=subsampling)
    return out.getvalue()
