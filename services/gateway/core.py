"""The gateway's rules, pure: keys, who asks, hosts, sites, fingerprints."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nungil.runtime.errors import Rejected
from services.gateway.errors import (
    AnotherPerson,
    CrossSite,
    MalformedRequest,
    PersonNeeded,
    ScopeNeeded,
    UnknownHost,
)

Scope = Literal["person", "catalogue"]
SCOPES: tuple[Scope, ...] = ("person", "catalogue")
KEY_PREFIX = "nk_"
KEY_COOKIE = "nungil_key"
DAY_MS = 24 * 3600 * 1000
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_EVENTS = uuid.UUID("b7a1f0a4-5a53-5d0e-9b0c-6e756e67696c")
_VISIBLE = re.compile(r"^[\x21-\x7e]{1,200}$")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows. subject None: the key speaks for whomever it names, person by person."""

    tenant: str
    subject: str | None
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A key that we know, and the tenant's own id of the person that it speaks for; None: for nobody in particular."""

    grant: Grant
    subject: str | None


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks. person_id empty: nobody in particular, who sees the catalogue only."""

    tenant: str
    person_id: str
    scopes: frozenset[str]

    def as_person(self) -> Who:
        """Itself. Raises ScopeNeeded or PersonNeeded where it is nobody in particular."""
        self.within("person")
        if not self.person_id:
            raise PersonNeeded
        return self

    def within(self, scope: Scope) -> Who:
        """Itself. Raises ScopeNeeded where the key lacks `scope`."""
        if scope not in self.scopes:
            raise ScopeNeeded(f"this needs a key with the scope '{scope}'")
        return self


@dataclass
class Allowance:
    """So many messages: `per_s` in the long run, `burst` at once (a token bucket)."""

    per_s: float
    burst: float
    at_s: float  # of the last one taken, on a clock that only grows
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.burst

    def take(self, now_s: float) -> bool:
        """Whether one more may be; it is counted where it may."""
        self._left = min(self.burst, self._left + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


def new_key() -> str:
    """A key to hand out once: 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What is kept of a key. A plain hash does: the key is random, so there is no dictionary to try."""
    return hashlib.sha256(key.encode()).hexdigest()


def subject_of(grant: Grant, named: str | None) -> str | None:
    """The tenant's own id of the person who asks: the key's, or the one that the header Nungil-Person names.

    Raises AnotherPerson, ScopeNeeded, and MalformedRequest for a name that is none.
    """
    if named is None:
        return grant.subject if "person" in grant.scopes else None
    if not _VISIBLE.match(named):
        raise MalformedRequest("Nungil-Person must be 1 to 200 visible ASCII characters")
    if grant.subject is not None and named != grant.subject:
        raise AnotherPerson
    if "person" not in grant.scopes:
        raise ScopeNeeded("this key cannot speak for a person: it lacks the scope 'person'")
    return named


def check_host(host: str, allowed: Iterable[str]) -> None:
    """Raises UnknownHost. A browser that was led here by another name (DNS rebinding) says that name."""
    names = set(allowed)
    name = re.sub(r":\d+$", "", host).lower()
    if "*" not in names and name not in names:
        raise UnknownHost


def check_same_site(headers: Mapping[str, str]) -> None:
    """For a write or a WebSocket that a cookie speaks for. Raises CrossSite where it did not come from our own page."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin", "")
    same_host = origin.partition("://")[2] == headers.get("host", "")
    if site != "same-origin" if site is not None else not (origin and same_host):
        raise CrossSite


def check_idempotency_key(key: str) -> str:
    """The key. Raises Rejected where it is none."""
    if not _VISIBLE.match(key):
        raise Rejected("Idempotency-Key must be 1 to 200 visible ASCII characters", slug="invalid-idempotency-key")
    return key


def fingerprint(method: str, path: str, parts: Iterable[tuple[str, bytes]]) -> str:
    """What makes two requests the same one. parts: names and digests of the body's parts, so that the boundary of a multipart body does not count."""
    digest = hashlib.sha256()
    for piece in (method, path, *(f"{name}={value.hex()}" for name, value in sorted(parts))):
        digest.update(hashlib.sha256(piece.encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()


def event_id_of(who: Who, idempotency_key: str) -> str:
    """The id of the event that a write publishes: the same for every retry, so that it counts once."""
    return str(uuid.uuid5(_EVENTS, "\n".join((who.tenant, who.person_id, idempotency_key))))
