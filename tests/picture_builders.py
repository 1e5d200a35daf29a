"""Painted pictures: every kind that a stranger may send, built when a test runs."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin
from pillow_heif import from_pillow

CANARY = "CANARY-of-a-private-place"


def a_painting(
    width: int = 96, height: int = 64, *, colour: tuple[int, int, int] = (200, 40, 40), seed: int = 0
) -> Image.Image:
    """A plain colour with a brighter top left quarter and a little noise: its four corners can be told apart."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), colour, dtype=np.int16)
    pixels[: height // 2, : width // 2] = (30, 60, 220)
    pixels += rng.integers(-6, 7, pixels.shape, dtype=np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def a_picture(
    width: int = 96,
    height: int = 64,
    *,
    format_: str = "JPEG",
    colour: tuple[int, int, int] = (200, 40, 40),
    seed: int = 0,
    orientation: int = 1,
    taken_on: str | None = None,
    private: bool = False,
) -> bytes:
    """A painting as JPEG, PNG, WEBP or HEIF. seed: other bytes for the same motif. taken_on: 'YYYY-MM-DD'.

    private: with EXIF, GPS, XMP, ICC and comments that all carry CANARY, as far as the format has them.
    """
    image = a_painting(width, height, colour=colour, seed=seed)
    return save(image, format_, orientation=orientation, taken_on=taken_on, private=private)


def save(
    image: Image.Image,
    format_: str,
    *,
    orientation: int = 1,
    taken_on: str | None = None,
    private: bool = False,
) -> bytes:
    """`image` as bytes, with the notes asked for beside the pixels."""
    notes: dict[str, object] = {}
    if private or taken_on or orientation != 1:
        notes["exif"] = _exif(orientation, taken_on, private).tobytes()
    if private:
        notes |= {"icc_profile": _profile_with_canary(), "xmp": _xmp()}
    out = io.BytesIO()
    if format_ == "HEIF":
        heif = from_pillow(image)
        heif.save(out, quality=90, **{k: v for k, v in notes.items() if k != "icc_profile"})
        return out.getvalue()
    if format_ == "PNG":
        text = PngImagePlugin.PngInfo()
        if private:
            text.add_text("Comment", CANARY)
            text.add_itxt("XML:com.adobe.xmp", _xmp().decode(), zip=False)
            text.add_text("Author", CANARY, zip=False)
        notes.pop("xmp", None)
        image.save(out, "PNG", pnginfo=text, **notes)
    elif format_ == "JPEG":
        if private:
            notes["comment"] = CANARY.encode()
        image.save(out, "JPEG", quality=92, **notes)
    else:
        image.save(out, "WEBP", quality=92, **notes)
    return out.getvalue()


def a_large_picture(width: int = 8000, height: int = 6000, *, format_: str = "JPEG") -> bytes:
    """One colour, quickly made. As PNG it cannot be decoded at a part of its size."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(out, format_)
    return out.getvalue()


def an_animation(frames: int = 500, *, format_: str = "WEBP", size: int = 8) -> bytes:
    """A WEBP or PNG of that many small frames."""
    shades = [Image.new("RGB", (size, size), (37 * i % 256, 91 * i % 256, 53 * i % 256)) for i in range(frames)]
    out = io.BytesIO()
    shades[0].save(out, format_, save_all=True, append_images=shades[1:], duration=20)
    return out.getvalue()


def a_sequence_of_heic(frames: int = 3) -> bytes:
    """A HEIC that holds several pictures."""
    heif = from_pillow(a_painting())
    for seed in range(1, frames):
        heif.add_from_pillow(a_painting(seed=seed))
    out = io.BytesIO()
    heif.save(out, quality=80)
    return out.getvalue()


def a_png_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few hundred bytes whose header claims that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


def a_webp_bomb(width: int = 16_000_000, height: int = 16_000_000) -> bytes:
    """A WebP of some bytes whose canvas claims that many pixels."""
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def a_jpeg_bomb(width: int = 65_000, height: int = 65_000) -> bytes:
    """A real small JPEG whose frame header was changed to claim that many pixels."""
    data = bytearray(a_picture(16, 16))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _exif(orientation: int, taken_on: str | None, private: bool) -> Image.Exif:
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    if taken_on:
        exif.get_ifd(0x8769)[0x9003] = f"{taken_on.replace('-', ':')} 12:34:56"
    if private:
        exif[0x010E] = CANARY  # ImageDescription
        exif[0x013B] = CANARY  # Artist
        exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + CANARY.encode()  # UserComment
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2] = "N", (37.0, 33.0, 59.0)
        gps[3], gps[4] = "E", (126.0, 58.0, 41.0)
        gps[27] = CANARY.encode()  # GPSProcessingMethod
    return exif


def _xmp() -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>{CANARY}</dc:creator></x:xmpmeta>'.encode()


def _profile_with_canary() -> bytes:
    """An sRGB profile whose description says CANARY; the length of the text is that of the profile's own."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for encoding in ("utf-16-be", "ascii"):
        own = "sRGB built-in".encode(encoding)
        at = profile.find(own)
        if at >= 0:
            profile[at : at + len(own)] = CANARY[:13].encode(encoding)
    return bytes(profile)
