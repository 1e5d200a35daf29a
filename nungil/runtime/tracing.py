"""W3C trace context (https://www.w3.org/TR/trace-context/): carried in gRPC metadata and in the headers of records.

A span is a piece of work in a trace. It is logged, one line, when it ends: its name, span_id, parent_id, when it began, how
long it took, and what it was about. So the lines of one trace_id, of all services, tell what became of one upload.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

TRACEPARENT = "traceparent"
_FORMAT = re.compile(r"^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$")
Field = str | int | float | bool


@dataclass(eq=False, slots=True)
class Span:
    """Work that has begun. Belongs to one thread at a time."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    fields: dict[str, Field]
    level: int = logging.INFO
    began_at_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _began_s: float = field(default_factory=time.perf_counter)
    _lap_s: float = field(default_factory=time.perf_counter)

    def headers(self) -> dict[str, str]:
        """What makes others' work a part of this."""
        return {TRACEPARENT: f"00-{self.trace_id}-{self.span_id}-01"}

    def lap(self, step: str) -> None:
        """Notes `<step>_ms`, the time since the last lap or the beginning: laps add up to the whole."""
        now_s = time.perf_counter()
        self.fields[f"{step}_ms"] = round(1000 * (now_s - self._lap_s), 2)
        self._lap_s = now_s

    def end(self) -> None:
        """Logs it."""
        ms = round(1000 * (time.perf_counter() - self._began_s), 2)
        ids = {"trace_id": self.trace_id, "span_id": self.span_id, "parent_id": self.parent_id}
        extra = {**self.fields, **ids, "span": self.name, "began_at_ms": self.began_at_ms, "ms": ms}
        logger.log(self.level, "%s in %.0f ms", self.name, ms, extra=extra)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where this code runs: a trace and, below it, the span of ours or the one that a peer named."""

    trace_id: str
    span_id: str
    span: Span | None = None


_current: ContextVar[_Place | None] = ContextVar("place", default=None)


def current_ids() -> tuple[str, str]:
    """The trace and the span that this code runs in; empty outside."""
    place = _current.get()
    return (place.trace_id, place.span_id) if place else ("", "")


def current_trace_id() -> str | None:
    """The 32 hex digits of the trace that this code runs in."""
    place = _current.get()
    return place.trace_id if place else None


def inject() -> dict[str, str]:
    """The headers to send along: empty outside a trace."""
    place = _current.get()
    return {TRACEPARENT: f"00-{place.trace_id}-{place.span_id or secrets.token_hex(8)}-01"} if place else {}


def note(**fields: Field) -> None:
    """Adds to the line of the span that this code runs in. Ids, counts, milliseconds: never a title, a name, a subject."""
    place = _current.get()
    if place and place.span:
        place.span.fields.update(fields)


@contextmanager
def trace(headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Continues the trace of `headers`, or begins one. Gives the trace id."""
    place = _place_of(headers)
    token = _current.set(place)
    try:
        yield place.trace_id
    finally:
        _current.reset(token)


def begin(name: str, headers: Mapping[str, str] | None = None, **fields: Field) -> Span:
    """A span in the trace of `headers`, or in a new one, that the caller ends: for work that several traces share."""
    return _begin(name, _place_of(headers), fields)


@contextmanager
def span(name: str, **fields: Field) -> Iterator[Span]:
    """A span of the trace that this code runs in, or of a new one; what runs inside is its children."""
    begun = _begin(name, _current.get() or _place_of(None), fields)
    token = _current.set(_Place(begun.trace_id, begun.span_id, begun))
    try:
        yield begun
    finally:
        begun.end()
        _current.reset(token)


def _begin(name: str, place: _Place, fields: dict[str, Field]) -> Span:
    return Span(name, place.trace_id, secrets.token_hex(8), place.span_id, fields)


def _place_of(headers: Mapping[str, str] | None) -> _Place:
    parent = _FORMAT.match((headers or {}).get(TRACEPARENT, ""))
    return _Place(parent[1], parent[2]) if parent else _Place(secrets.token_hex(16), "")
