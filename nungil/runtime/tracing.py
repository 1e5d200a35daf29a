"""W3C trace context (https://www.w3.org/TR/trace-context/): carried in gRPC metadata and in the headers of records."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

TRACEPARENT = "traceparent"
_FORMAT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_trace_id() -> str | None:
    """The 32 hex digits of the trace that this code runs in."""
    parent = _current.get()
    return parent[3:35] if parent else None


def inject() -> dict[str, str]:
    """The headers to send along: empty outside a trace."""
    parent = _current.get()
    return {TRACEPARENT: f"00-{parent[3:35]}-{secrets.token_hex(8)}-01"} if parent else {}


@contextmanager
def trace(headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Continues the trace of `headers`, or begins one. Gives the trace id."""
    parent = (headers or {}).get(TRACEPARENT, "")
    if not _FORMAT.match(parent):
        parent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    token = _current.set(parent)
    try:
        yield parent[3:35]
    finally:
        _current.reset(token)
