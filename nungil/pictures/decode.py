"""Bytes of a stranger to upright sRGB pixels: four formats, bounded before anything is decoded, every failure ours.

Pillow's and libheif's decoders see only bytes whose kind, size and frames were read by `container` and allowed here.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from pillow_heif import HeifImageFile

from nungil.pictures.container import NAMES, Format, read_header
from nungil.pictures.errors import (
    MisnamedPicture,
    TooManyFrames,
    TooManyPixels,
    UndecodablePicture,
    UnsupportedPicture,
)

__all__ = [
    "MAX_PIXELS",
    "MisnamedPicture",
    "PictureInfo",
    "TooManyFrames",
    "TooManyPixels",
    "UndecodablePicture",
    "UnsupportedPicture",
    "check_name",
    "check_picture",
    "decode_at_least",
    "decode_upright",
    "taken_on",
]

Pixels = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
MAX_SIDE_PX = 65_500  # what a JPEG can be

_EXTENSIONS: dict[Format, frozenset[str]] = {
    "JPEG": frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    "PNG": frozenset({".png", ".apng"}),
    "WEBP": frozenset({".webp"}),
    "HEIF": frozenset({".heic", ".heif", ".hif"}),
}
_OTHER_EXTENSIONS = frozenset(
    {".gif", ".bmp", ".tif", ".tiff", ".svg", ".pdf", ".html", ".htm", ".avif", ".jxl", ".jp2"}
)
_UPRIGHT: dict[int, Image.Transpose] = {  # EXIF 2.32, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a picture is, without having decoded it. width_px, height_px: as stored, before orientation."""

    format: Format
    width_px: int
    height_px: int


def check_picture(data: bytes) -> PictureInfo:
    """Kind by content, pixels, frames and completeness, before any pixel is decoded.

    Raises UnsupportedPicture, UndecodablePicture, TooManyPixels, TooManyFrames. What passes may still fail to decode.
    """
    header = read_header(data)
    width, height = header.width_px, header.height_px
    if header.frames > 1:
        raise _too_many_frames(header.frames if header.format != "HEIF" else None)
    if width is None or height is None:
        with _decoding(header.format), _open(data, header.format) as image:
            width, height = image.size
            frames = getattr(image, "n_frames", 1)
        if frames > 1:
            raise _too_many_frames(frames)
    if width < 1 or height < 1:
        raise UndecodablePicture(f"this {NAMES[header.format]} claims to be {width} x {height} pixels")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PX:
        raise TooManyPixels(
            f"the picture is {width:,} x {height:,} pixels; we take up to {MAX_PIXELS // 1_000_000} megapixels"
            f" and {MAX_SIDE_PX:,} a side: make it smaller"
        )
    return PictureInfo(header.format, width, height)


def check_name(file_name: str, info: PictureInfo) -> None:
    """Raises MisnamedPicture where the name's ending is another type's. A name without a known ending says nothing."""
    ending = PurePosixPath(file_name.lower()).suffix
    known = _OTHER_EXTENSIONS.union(*_EXTENSIONS.values())
    if ending in known and ending not in _EXTENSIONS[info.format]:
        right = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic"}[info.format]
        raise MisnamedPicture(f"the name ends in {ending}, but the content is {NAMES[info.format]}: name it {right}")


def decode_upright(data: bytes, *, max_px: int | None = None) -> Pixels:
    """Upright sRGB pixels, uint8 [height, width, 3]; what is transparent becomes white.

    max_px: shrinks so that the longer side is at most this; never enlarges. Raises as `check_picture`, and
    UndecodablePicture where decoding fails.
    """
    info = check_picture(data)
    with _decoding(info.format), _open(data, info.format) as image:
        target = _fit(info.width_px, info.height_px, max_px)
        if target != (info.width_px, info.height_px):
            image.draft(None, (2 * target[0], 2 * target[1]))  # twice, so that the filter below has what it needs
        rgb, orientation = _load(image)
        if max_px is not None and max(rgb.size) > max_px:
            rgb = rgb.resize(_fit(*rgb.size, max_px) if image.format == "HEIF" else target, Image.Resampling.LANCZOS)
        return np.asarray(_turned(rgb, orientation))


def decode_at_least(data: bytes, least_px: int) -> tuple[Pixels, tuple[int, int]]:
    """As `decode_upright`, but a JPEG may come at a half, a quarter or an eighth of its size, and the picture's own width and height.

    Neither side of what comes is under `least_px`, unless the picture's own is. For who makes it smaller anyway: half the
    time for a picture of 1600 pixels that is seen at 320. Raises as `decode_upright`.
    """
    info = check_picture(data)
    with _decoding(info.format), _open(data, info.format) as image:
        image.draft(None, (least_px, least_px))  # a JPEG's decoder does it; the others have no such thing
        rgb, orientation = _load(image)
        turned = _turned(rgb, orientation)
        if info.format != "JPEG":
            return np.asarray(turned), turned.size
        width, height = info.width_px, info.height_px
        return np.asarray(turned), (height, width) if orientation in _ON_ITS_SIDE else (width, height)


def taken_on(data: bytes) -> date | None:
    """The day that the camera wrote down, if any. Raises as `check_picture`."""
    info = check_picture(data)
    with _decoding(info.format), _open(data, info.format) as image:
        exif = _exif(image) or Image.Exif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        written = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    found = re.match(r"(\d{4})[:-](\d{2})[:-](\d{2})\b", str(written or ""))
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:  # cameras without a clock write 0000:00:00
        return None


def _open(data: bytes, format_: Format) -> Image.Image:
    """By class, not by `Image.open`: only these four are ever reachable, and nothing is registered for the process."""
    stream = io.BytesIO(data)
    match format_:
        case "JPEG":
            return JpegImagePlugin.JpegImageFile(stream)  # of a phone's several pictures in one file, the first
        case "PNG":
            return PngImagePlugin.PngImageFile(stream)
        case "WEBP":
            return WebPImagePlugin.WebPImageFile(stream)
        case "HEIF":
            image: Image.Image = HeifImageFile(stream)  # type: ignore[no-untyped-call]
            return image


def _load(image: Image.Image) -> tuple[Image.Image, int]:
    """sRGB pixels as stored, and how to turn them."""
    orientation = _orientation(image)
    image.load()
    rgb = _to_srgb(image)
    if rgb.width * rgb.height > 4 * MAX_PIXELS:  # a container may have claimed less than its stream holds
        raise TooManyPixels(f"the picture is {rgb.width:,} x {rgb.height:,} pixels, not what its header says")
    return rgb, orientation


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


@contextmanager
def _decoding(format_: Format) -> Iterator[None]:
    """Whatever a decoder raises over hostile bytes becomes ours: the same bytes fail in the same way for ever."""
    try:
        yield
    except (UndecodablePicture, TooManyPixels, MemoryError):
        raise
    except Exception as error:
        raise UndecodablePicture(f"this {NAMES[format_]} is broken or cut short: {error}") from error


def _too_many_frames(frames: int | None) -> TooManyFrames:
    has = f"{frames:,} frames" if frames else "a sequence of frames"
    return TooManyFrames(f"the file holds {has}; we take a single picture: send one of them")


def _fit(width: int, height: int, max_px: int | None) -> tuple[int, int]:
    if max_px is None or max(width, height) <= max_px:
        return width, height
    scale = max_px / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except (
        SyntaxError,
        ValueError,
        KeyError,
        struct.error,
    ):  # a broken note beside the picture is no reason to refuse it
        return None


def _orientation(image: Image.Image) -> int:
    if image.format == "HEIF":  # libheif has turned it: the container's own rotation counts, EXIF's does not
        return 1
    exif = _exif(image)
    written = exif.get(ExifTags.Base.Orientation, 1) if exif is not None else 1
    return written if isinstance(written, int) else 1


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    flat = _eight_bit(image)
    if flat.has_transparency_data:
        layer = flat.convert("RGBA")
        alpha = layer.getchannel("A")
        colours = _by_profile(layer.convert("RGB"), profile)
        white = Image.new("RGB", layer.size, (255, 255, 255))
        white.paste(colours, mask=alpha)
        return white
    if flat.mode == "P":
        flat = flat.convert("RGB")
    return _by_profile(flat, profile)


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode == "I":
        return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    return image


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """To sRGB; without a profile, or with one that is broken or of another kind of pixels, sRGB is assumed."""
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB")
        if converted is not None:
            return converted
    return image.convert("RGB")
