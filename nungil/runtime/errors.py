"""The error tree. Each class says what becomes of it at an edge: gRPC status, HTTP status, retry or dead letter."""

from __future__ import annotations

import re
from typing import ClassVar

import grpc


class NungilError(Exception):
    """Anything that we raise on purpose. The message is for the caller and says what to do."""

    http_status: ClassVar[int] = 500
    grpc_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL

    def __init__(self, message: str = "", *, slug: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])
        self._slug = slug

    @property
    def slug(self) -> str:
        """The error's name for machines, as in a problem's type: 'undecodable-picture'."""
        return self._slug or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(self).__name__).lower()


class Rejected(NungilError):
    """What was sent is wrong and will stay wrong. Event: dead letter."""

    http_status = 422
    grpc_code = grpc.StatusCode.INVALID_ARGUMENT


class TooLarge(Rejected):
    """More bytes than we take."""

    http_status = 413
    grpc_code = grpc.StatusCode.RESOURCE_EXHAUSTED


class NotFound(NungilError):
    """There is no such thing, or it is not the caller's to see: the answer is the same."""

    http_status = 404
    grpc_code = grpc.StatusCode.NOT_FOUND


class NotReady(NungilError):
    """It exists and cannot be used yet, or not in this state."""

    http_status = 409
    grpc_code = grpc.StatusCode.FAILED_PRECONDITION


class Outdated(NungilError):
    """It was changed since the caller read it: read it again, and decide again."""

    http_status = 412
    grpc_code = grpc.StatusCode.ABORTED


class Unauthenticated(NungilError):
    """No key, or one that we do not know."""

    http_status = 401
    grpc_code = grpc.StatusCode.UNAUTHENTICATED


class Forbidden(NungilError):
    """The key is known and does not allow this."""

    http_status = 403
    grpc_code = grpc.StatusCode.PERMISSION_DENIED


class DependencyAway(NungilError):
    """Something that we need cannot be reached. Retry; never a reason for a dead letter."""

    http_status = 503
    grpc_code = grpc.StatusCode.UNAVAILABLE


class Misconfigured(NungilError):
    """The configuration is wrong: the process refuses to start."""


_BY_CODE: dict[grpc.StatusCode, type[NungilError]] = {
    c.grpc_code: c
    for c in (Rejected, TooLarge, NotFound, NotReady, Outdated, Unauthenticated, Forbidden, DependencyAway)
}
_BY_CODE[grpc.StatusCode.DEADLINE_EXCEEDED] = DependencyAway


def of_status(code: grpc.StatusCode, details: str, slug: str | None) -> NungilError:
    """The error that a peer's gRPC status stands for."""
    return _BY_CODE.get(code, NungilError)(details, slug=slug)
