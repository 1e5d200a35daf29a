"""The rules of boards: what a name, a note, a place and a pin may be. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import unicodedata
import uuid
from dataclasses import dataclass

from nungil.pictures.boxes import Box
from services.profile import watches
from services.profile.errors import InvalidBoard
from services.profile.watches import Crop

NAME_LENGTH = 80
NOTE_LENGTH = 500
DEFAULT_PINS, MAX_PINS = 50, 200  # a page
DEFAULT_COMPANIONS, MAX_COMPANIONS = 12, 50
_EVENTS = uuid.UUID("5d0c1f5e-54f5-5a53-8f0a-626f61726473")  # the namespace of the event ids of pins
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_CURSOR = re.compile(r"(-?\d{1,9})/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Limits:
    """boards: own ones, and as many kept ones, a person. pins: a board."""

    boards: int
    pins: int


@dataclass(frozen=True, slots=True)
class Pin:
    """A part of a picture on a board. box WHOLE: all of it. personal: the picture is its owner's alone, but for boards.

    told_at_ms: when the newest event that says so occurred.
    """

    pin_id: str
    board_id: str
    media_id: str
    box: Box
    item_id: str
    note: str
    personal: bool
    position: int
    saved_at_ms: int
    told_at_ms: int


@dataclass(frozen=True, slots=True)
class Board:
    """position: within its person's boards. shared: there is a link to it. cover: its first pin."""

    board_id: str
    tenant: str
    person_id: str
    name: str
    created_at_ms: int
    shared: bool
    pins: int = 0
    cover: Pin | None = None


@dataclass(frozen=True, slots=True)
class PinsPage:
    """Some pins of a board, in its order. cursor: of the next page; empty at the end."""

    board: Board
    pins: tuple[Pin, ...]
    cursor: str


Place = tuple[int, str]  # position and pin_id: where a page ends


def checked_name(name: str) -> str:
    """Without blanks around it. Raises InvalidBoard."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidBoard(f"a board's name has 1 to {NAME_LENGTH} characters that can be seen")
    return name


def checked_note(note: str) -> str:
    """Without blanks around it; may have lines. Raises InvalidBoard."""
    note = unicodedata.normalize("NFC", note).strip()
    if len(note) > NOTE_LENGTH or not note.replace("\n", "").replace("\t", "").isprintable():
        raise InvalidBoard(f"a note has at most {NOTE_LENGTH} characters that can be seen")
    return note


def checked_position(position: int) -> int:
    """Raises InvalidBoard."""
    if position < 0:
        raise InvalidBoard(f"position is {position}; it counts from 0")
    return position


def checked_limit(limit: int, *, default: int, most: int) -> int:
    """0 means `default`. Raises InvalidBoard."""
    if not 0 <= limit <= most:
        raise InvalidBoard(f"limit is {limit}; it must be 1 to {most}, or 0 for {default}")
    return limit or default


def checked_part(media_id: str, box: Box | None) -> tuple[Box, bool]:
    """The box as a pin keeps it, and whether it was clipped. The same part again gives the same box. Raises InvalidBox."""
    crop, clipped = watches.checked_crop(Crop(media_id), box)
    return crop.box, clipped


def new_token() -> str:
    """Of a link: 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of it; of what is no token, nothing's. A plain hash does: there is no dictionary to try."""
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else ""


def saved_event_id(pin_id: str) -> str:
    """The same however often it is told."""
    return str(uuid.uuid5(_EVENTS, f"{pin_id}/saved"))


def unsaved_event_id(pin_id: str) -> str:
    """The same however often it is told."""
    return str(uuid.uuid5(_EVENTS, f"{pin_id}/unsaved"))


def still_saved_event_id(pin_id: str, without: str) -> str:
    """Of a pin that stays where another of its picture, `without`, is removed. The same however often it is told."""
    return str(uuid.uuid5(_EVENTS, f"{pin_id}/saved/{without}"))


def encode_cursor(place: Place) -> str:
    """Opaque to whoever gets it."""
    return base64.urlsafe_b64encode(f"{place[0]}/{place[1]}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Place | None:
    """None for the beginning. Raises InvalidBoard for what `encode_cursor` did not give."""
    if not cursor:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise InvalidBoard("the cursor is not one that we gave; leave it out to begin anew") from error
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidBoard("the cursor is not one that we gave; leave it out to begin anew")
    return int(found[1]), found[2]


def moved(order: list[str], what: str, position: int) -> list[str]:
    """`order` with `what` at `position`, counted without it; past the end: last."""
    rest = [one for one in order if one != what]
    return [*rest[:position], what, *rest[position:]]
