"""What the gateway itself refuses. Everything else comes from the service behind a route, unchanged."""

from __future__ import annotations

from nungil.runtime.errors import Forbidden, NotFound, NotReady, Rejected, Unauthenticated


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


class PictureNotKept(NotReady):
    """This picture is only searched with and will be forgotten: keep it first, as a personal one."""


class NotOwnPicture(Rejected):
    """made_media_id is a picture of one's own that is kept: upload it as a personal one first."""


class InvalidMessage(Rejected):
    """A message of a WebSocket that is none that we take. The connection lives."""


class TooManyMessages(Rejected):
    """Messages come faster than any frame can be seen; send one a drawn frame."""

    http_status = 429


class LensFull(NotReady):
    """As many lens sessions are open here as may be; retry in a moment."""

    http_status = 503


class LensIdle(Rejected):
    """Nothing was asked for so long that the session was closed; open it again."""

    http_status = 408


class LensMoved(NotReady):
    """The process that held this session ends; open it again."""

    http_status = 503


class NoSuchItem(NotFound):
    """There is no such item."""


class TooManyRequests(Rejected):
    """This link is followed too often just now; try again in a moment."""

    http_status = 429
