"""Rules about pictures and who asks for them. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import PureWindowsPath
from urllib.parse import urlsplit

from nungil.api.common.v1 import common_pb2
from nungil.api.ingest.v1 import ingest_pb2
from nungil.vector_index.port import CATALOGUE
from services.ingest.errors import InvalidQuery, InvalidUpload, NobodyAsks

MAX_PICTURE_BYTES = 30_000_000
LONGEST_UPLOAD_MS = (
    1_800_000  # from its id to its row; half of the least age of an orphan, which leaves room for clocks that differ
)
MAX_URL = 2000
WEB = ("http://", "https://")
MAX_FILE_NAME = 255
DEFAULT_PAGE = 50
MAX_PAGE = 200

PERSONAL = int(common_pb2.PURPOSE_PERSONAL)
CATALOGUE_PURPOSE = int(common_pb2.PURPOSE_CATALOGUE)
SEARCH = int(common_pb2.PURPOSE_SEARCH)

ACCEPTED = int(ingest_pb2.MEDIA_STATE_ACCEPTED)
SEARCHABLE = int(ingest_pb2.MEDIA_STATE_SEARCHABLE)
REJECTED = int(ingest_pb2.MEDIA_STATE_REJECTED)
DELETED = int(ingest_pb2.MEDIA_STATE_DELETED)

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. person_id is empty for nobody in particular."""

    tenant: str
    person_id: str

    @property
    def sees(self) -> tuple[str, ...]:
        """The owners whose pictures this caller may see."""
        return (self.person_id, CATALOGUE) if self.person_id else (CATALOGUE,)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it came. purpose, source: values of nungil.api.common.v1."""

    data: bytes
    purpose: int
    source: int
    source_url: str = ""
    file_name: str = ""
    keep_taken_on: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """What ingest knows of a picture.

    taken_on: YYYY-MM-DD or empty. content_sha256: of the bytes as received; None where the same bytes shall get a new
    id. version: grows with every change. expires_at_ms: only of a picture that is only searched with.
    """

    tenant: str
    media_id: str
    owner: str
    purpose: int
    source: int
    source_url: str
    file_name: str
    taken_on: str
    width_px: int
    height_px: int
    content_sha256: str | None
    state: int
    reason: str
    version: int
    created_at_ms: int
    expires_at_ms: int | None


def check_caller(tenant: str, person_id: str) -> Caller:
    """Raises NobodyAsks where the tenant is none, or the person would be taken for the catalogue."""
    if not _TENANT.fullmatch(tenant):
        raise NobodyAsks(f"the tenant {tenant!r} is none: 1 to 64 letters, digits, '-' and '_'")
    if person_id == CATALOGUE:
        raise NobodyAsks(f"the person {person_id!r} is none")
    return Caller(tenant, person_id)


def born_at_ms(media_id: str) -> int:
    """When the id was given: a UUIDv7 begins with it (RFC 9562, 5.7)."""
    return int(media_id.replace("-", "")[:12], 16)


def owner_of(caller: Caller, purpose: int) -> str:
    """Whose a picture of this purpose is. Raises NobodyAsks where it must be a person's and none is named."""
    if purpose == CATALOGUE_PURPOSE:
        return CATALOGUE
    if not caller.person_id:
        raise NobodyAsks(
            "whose picture is it? name the person in the header Nungil-Person, or use the purpose catalogue"
        )
    return caller.person_id


def check_web_address(url: str) -> None:
    """Raises InvalidUpload unless `url` is an absolute http or https address."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        right = False
    if not right or len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise InvalidUpload(
            f"{url[:80]!r} is no web address: it must begin with http:// or https:// and have at most {MAX_URL} characters"
        )


def tidy_file_name(name: str) -> str:
    """The last part of a path of any system, printable, of bounded length."""
    last = "".join(c for c in PureWindowsPath(name).name if c.isprintable())
    return last if len(last) <= MAX_FILE_NAME else last[-MAX_FILE_NAME:]


def page_size(limit: int) -> int:
    """0 means DEFAULT_PAGE. Raises InvalidQuery outside 0..MAX_PAGE."""
    if not 0 <= limit <= MAX_PAGE:
        raise InvalidQuery(f"limit is {limit}; it must be 1 to {MAX_PAGE}")
    return limit or DEFAULT_PAGE


def encode_cursor(media_id: str) -> str:
    """The place after this picture, for a reader who shall not look inside."""
    return base64.urlsafe_b64encode(media_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Back to the media id. Raises InvalidQuery for what `encode_cursor` did not give."""
    try:
        media_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidQuery("the cursor is not one that we gave; leave it out to begin anew") from error
    if not re.fullmatch(r"[0-9a-f-]{36}", media_id):
        raise InvalidQuery("the cursor is not one that we gave; leave it out to begin anew")
    return media_id
