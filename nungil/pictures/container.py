"""What a picture's bytes say of themselves before anything is decoded: kind, size in pixels, frames, and whether they end early.

Read here by hand, since a decoder may allocate for what a header claims. HEIC sizes are the decoder's to read: it does
so without decoding.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nungil.pictures.errors import UndecodablePicture, UnsupportedPicture

Format = Literal["JPEG", "PNG", "WEBP", "HEIF"]

NAMES: dict[Format, str] = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC"}
TAKEN = "send a JPEG, PNG, WebP or HEIC picture"
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_SEQUENCE_BRANDS = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
_MAX_SCANS = 100  # encoders write up to 20; each costs a pass over all pixels, however few bytes it has
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# First bytes of what else people send. In this order: the first that fits names it.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{4}\0\0\0\0", "BMP"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "TIFF or raw photograph"),
    (rb"%PDF-", "PDF"),
    (rb"%!PS", "PostScript file"),
    (rb"8BPS", "Photoshop file"),
    (rb"\0\0[\x01\x02]\0", "Windows icon"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL file"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000 file"),
    (rb"PK\x03\x04", "ZIP archive or office document"),
    (rb"\x1f\x8b", "gzip archive"),
    (rb".{4}ftyp(avi[fso])", "AVIF"),
    (rb".{4}ftyp", "video"),
    (rb"\x1a\x45\xdf\xa3", "video"),
    (rb"RIFF.{4}AVI ", "video"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """As the bytes claim it. width_px, height_px: as stored, before orientation; None where only the decoder can tell."""

    format: Format
    width_px: int | None
    height_px: int | None
    frames: int


def read_header(data: bytes) -> Header:
    """Reads the structure alone, in time and memory that do not grow with the pixels claimed.

    Raises UnsupportedPicture for another kind of file, UndecodablePicture for a broken or truncated one.
    """
    kind = sniff(data)
    try:
        match kind:
            case "JPEG":
                return _jpeg(data)
            case "PNG":
                return _png(data)
            case "WEBP":
                return _webp(data)
            case "HEIF":
                return _heif(data)
    except (struct.error, IndexError) as error:
        raise _truncated(kind) from error


def sniff(data: bytes) -> Format:
    """The kind, by content. Raises UnsupportedPicture naming what it looks like."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_PNG_SIGNATURE):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        if brands & (_HEIF_BRANDS | _SEQUENCE_BRANDS) and not data[8:12].startswith(b"avi"):
            return "HEIF"
    if not data:
        raise UnsupportedPicture(f"the file is empty; {TAKEN}")
    start = data[:4096].removeprefix(b"\xef\xbb\xbf")
    for pattern, name in _OTHERS:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            raise UnsupportedPicture(f"this looks like {_article(name)}; {TAKEN}")
    if start.lstrip().startswith(b"<"):
        raise UnsupportedPicture(f"this looks like {_article(_markup(start.lower()))}; {TAKEN}")
    raise UnsupportedPicture(f"this is no picture that we know; {TAKEN}")


def _markup(start: bytes) -> str:
    if b"<svg" in start:
        return "SVG"
    return "HTML page" if re.search(rb"<(!doctype html|html|head|body|script)\b", start) else "XML file"


def _article(name: str) -> str:
    return f"{'an' if name in ('AVIF', 'SVG', 'HTML page', 'XML file') else 'a'} {name}"


def _jpeg(data: bytes) -> Header:
    at, size = 2, None
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        if data[at] != 0xFF:
            raise UndecodablePicture("this JPEG is broken: a marker is missing where one must be")
        marker = data[at + 1]
        if marker in (0x01, *range(0xD0, 0xD8)):  # markers without a length
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        if marker == 0xDA:
            break
        at += 2 + length
    if size is None:
        raise UndecodablePicture("this JPEG is broken: it has no size")
    # Within coded data 0xFF is followed by 0x00 or a restart marker, so these find the end of the picture and its scans.
    end = data.find(b"\xff\xd9", at + 2 + length)
    if end < 0:
        raise _truncated("JPEG")
    if data.count(b"\xff\xda", at, end) > _MAX_SCANS:
        raise UndecodablePicture(f"this JPEG has more than {_MAX_SCANS} scans: save it anew")
    return Header("JPEG", *size, frames=1)


def _png(data: bytes) -> Header:
    width = height = 0
    frames, at = 1, len(_PNG_SIGNATURE)
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IHDR":
            width, height = struct.unpack_from(">II", data, at + 8)
        elif name == b"acTL":
            (frames,) = struct.unpack_from(">I", data, at + 8)
        at += 12 + length
        if at > len(data):
            raise _truncated("PNG")
        if name == b"IEND":
            return Header("PNG", width, height, frames)


def _webp(data: bytes) -> Header:
    (riff_bytes,) = struct.unpack_from("<I", data, 4)
    if riff_bytes + 8 > len(data):
        raise _truncated("WEBP")
    size, frames = None, 0
    for name, at in _riff_chunks(data, riff_bytes + 8):
        if name == b"VP8X" or (name == b"VP8L" and size is None) or (name == b"VP8 " and size is None):
            size = _webp_size(name, data, at)
        frames += name in (b"ANMF", b"VP8 ", b"VP8L")
    if size is None:
        raise UndecodablePicture("this WebP is broken: it has no size")
    return Header("WEBP", *size, frames=frames)


def _riff_chunks(data: bytes, end: int) -> Iterator[tuple[bytes, int]]:
    at = 12
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8
        at += 8 + length + (length & 1)


def _webp_size(name: bytes, data: bytes, at: int) -> tuple[int, int]:
    if name == b"VP8X":
        width = int.from_bytes(data[at + 4 : at + 7], "little") + 1
        return width, int.from_bytes(data[at + 7 : at + 10], "little") + 1
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, at + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, at + 6)
    return width & 0x3FFF, height & 0x3FFF


def _heif(data: bytes) -> Header:
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        if length == 0:  # to the end of the file
            break
        if length < 8:
            raise UndecodablePicture("this HEIC is broken: a box without a length")
        at += length
    if at > len(data):
        raise _truncated("HEIF")
    return Header("HEIF", None, None, frames=2 if data[8:12] in _SEQUENCE_BRANDS else 1)


def _brands(data: bytes) -> set[bytes]:
    (length,) = struct.unpack_from(">I", data)
    body = data[8 : min(length, 256)]
    return {body[i : i + 4] for i in range(0, len(body) - 3, 4)} if len(body) >= 4 else set()


def _truncated(kind: Format) -> UndecodablePicture:
    return UndecodablePicture(f"this {NAMES[kind]} is cut short: its end is missing; send the whole file")
