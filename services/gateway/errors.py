"""What the gateway itself refuses. Everything else comes from the service behind a route, unchanged."""

from __future__ import annotations

from nungil.runtime.errors import Forbidden, NotReady, Rejected, Unauthenticated


class UnknownKey(Unauthenticated):
    """This needs a key: send 'Authorization: Bearer nk_…' with one that we know."""


class ScopeNeeded(Forbidden):
    """The key does not allow this."""


class AnotherPerson(Forbidden):
    """The key speaks for one person only; leave the header Nungil-Person away."""


class PersonNeeded(Rejected):
    """This belongs to a person: name one with the header Nungil-Person, or use a key of one person."""


class ConsentNeeded(Forbidden):
    """The person has not consented to this."""


class CrossSite(Forbidden):
    """A page of another site may not use this browser's key."""


class UnknownHost(Rejected):
    """The Host header names no host that is served here."""

    http_status = 421


class MalformedRequest(Rejected):
    """The request cannot be read."""

    http_status = 400


class UnsupportedBody(Rejected):
    """The body's type is none that this route takes."""

    http_status = 415


class IdempotencyKeyReused(Rejected):
    """This Idempotency-Key came before with another request; use a new one for a new request."""


class IdempotencyKeyInUse(NotReady):
    """The request with this Idempotency-Key is still being answered; retry in a moment."""


class PictureNotReady(NotReady):
    """The picture is known and cannot be searched with: not yet, or never."""
