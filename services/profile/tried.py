"""The rules of what a person tried: which ids, notes and places in the list there may be. Pure."""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass

from nungil.runtime.ids import ID
from services.profile.errors import InvalidTried

NOTE_LENGTH = 500
DEFAULT_TRIED, MAX_TRIED = 50, 200  # a page
_CURSOR = re.compile(rf"(\d{{1,15}})/({ID.pattern})")

Place = tuple[int, str]  # tried_at_ms and event_id: where a page ends


@dataclass(frozen=True, slots=True)
class Tried:
    """Something a person made after a picture. made_media_id: a picture of it; note: a word about it; empty where there is none."""

    event_id: str
    media_id: str
    made_media_id: str
    note: str
    tried_at_ms: int

    @property
    def said(self) -> tuple[str, str, str]:
        """All that the person said, however often they say it."""
        return self.media_id, self.made_media_id, self.note


def checked(event_id: str, media_id: str, made_media_id: str, note: str, now_ms: int) -> Tried:
    """Without blanks around the note, which may have lines. Raises InvalidTried."""
    for name, value in (("event_id", event_id), ("media_id", media_id), ("made_media_id", made_media_id)):
        if not ID.fullmatch(value) and (value or name != "made_media_id"):
            raise InvalidTried(f"{name} is missing or no id")
    note = unicodedata.normalize("NFC", note).strip()
    if len(note) > NOTE_LENGTH or not note.replace("\n", "").replace("\t", "").isprintable():
        raise InvalidTried(f"a note has at most {NOTE_LENGTH} characters that can be seen")
    return Tried(event_id, media_id, made_media_id, note, now_ms)


def checked_limit(limit: int) -> int:
    """0 means DEFAULT_TRIED. Raises InvalidTried."""
    if not 0 <= limit <= MAX_TRIED:
        raise InvalidTried(f"limit is {limit}; it must be 1 to {MAX_TRIED}, or 0 for {DEFAULT_TRIED}")
    return limit or DEFAULT_TRIED


def encode_cursor(last: Tried) -> str:
    """Opaque to whoever gets it."""
    return base64.urlsafe_b64encode(f"{last.tried_at_ms}/{last.event_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Place | None:
    """None for the beginning. Raises InvalidTried for what `encode_cursor` did not give."""
    if not cursor:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        text = ""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidTried("the cursor is not one that we gave; leave it out to begin anew")
    return int(found[1]), found[2]
