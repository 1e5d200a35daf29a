"""Around every request: its trace and what is counted of it, the host it may name, the size it may have, the headers of every answer."""

from __future__ import annotations

import logging
import time

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nungil.runtime import metrics, tracing
from nungil.runtime.errors import NungilError, TooLarge
from services.gateway.config import GatewaySettings
from services.gateway.core import check_host
from services.gateway.http.problems import of_error, unforeseen

logger = logging.getLogger(__name__)

_OF_EVERY_ANSWER = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}
_MULTIPART_BYTES = 64 * 1024  # what the parts around a file may take
_PROBES = frozenset({"/healthz", "/readyz"})  # asked by address, not by name
_QUIET = _PROBES | {"/metrics"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_LINGER_S = 10.0
_LINGER_BYTES = 64_000_000


class Edge:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with tracing.trace(headers) as trace_id, tracing.span("http") as span:
            if scope["path"] in _QUIET:
                span.level = logging.DEBUG
            body = _Body(receive, headers, self._limit(scope["path"], headers))
            answer = _Answer(send, body, trace_id, _Seen(scope, span))
            try:
                if scope["path"] not in _PROBES:
                    check_host(headers.get("host", ""), self._settings.allowed_hosts)
                body.check_declared()
                await self._app(scope, body.receive, answer.send)
            except NungilError as error:
                await of_error(error)(scope, receive, answer.send)
            except Exception:
                logger.exception("a request failed with an error that we did not foresee")
                if not answer.begun:
                    await unforeseen()(scope, receive, answer.send)
                elif not answer.ended:
                    raise  # too late to say so: the connection is cut

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One trace and one span from the handshake to the end; the server holds messages to a size."""
        headers = Headers(scope=scope)
        with tracing.trace(headers) as trace_id, tracing.span("websocket") as span:
            answer = _Handshake(send, trace_id, _Seen(scope, span))
            try:
                check_host(headers.get("host", ""), self._settings.allowed_hosts)
                await self._app(scope, receive, answer.send)
            except NungilError as error:
                await of_error(error)(scope, receive, answer.send)
            except Exception:
                logger.exception("a WebSocket failed with an error that we did not foresee")
                if answer.begun:
                    await send({"type": "websocket.close", "code": 1011})
                else:
                    await unforeseen()(scope, receive, answer.send)

    def _limit(self, path: str, headers: Headers) -> int:
        if path == "/v1/media":
            return self._settings.picture_limit_bytes + _MULTIPART_BYTES
        if path == "/v1/imports":
            return self._settings.feed_limit_bytes + _MULTIPART_BYTES
        return self._settings.json_limit_bytes


class _Answer:
    """Adds our headers."""

    def __init__(self, send: Send, body: _Body, trace_id: str, seen: _Seen) -> None:
        self._seen = seen
        self._send = send
        self._body = body
        self._trace_id = trace_id
        self.begun = False
        self.ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._seen.answered(message["status"])
            if message["status"] >= 400:
                await self._body.read_away()
            headers = MutableHeaders(scope=message)
            for name, value in _OF_EVERY_ANSWER.items():
                headers[name] = value
            headers["Nungil-Trace"] = self._trace_id
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)


class _Handshake:
    """Adds our headers to what a WebSocket begins with: its acceptance, or a problem."""

    def __init__(self, send: Send, trace_id: str, seen: _Seen) -> None:
        self._send = send
        self._trace_id = trace_id
        self._seen = seen
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] in ("websocket.accept", "websocket.http.response.start"):
            self.begun = True
            self._seen.answered(message.get("status", 101))
            headers = MutableHeaders(scope=message)
            if message["type"] != "websocket.accept":
                headers.update({**_OF_EVERY_ANSWER, "Cache-Control": "no-store"})
            headers["Nungil-Trace"] = self._trace_id
        await self._send(message)


class _Seen:
    """What is counted and logged of a request: its route's template, never its address."""

    def __init__(self, scope: Scope, span: tracing.Span) -> None:
        self._scope = scope
        self._span = span
        self._began_s = time.perf_counter()

    def answered(self, status: int) -> None:
        route = self._route()
        asked = self._scope.get("method", "GET")  # a WebSocket's handshake is one
        method = asked if asked in _METHODS else "other"
        metrics.HTTP_REQUESTS.add(route=route, method=method, status=str(status))
        metrics.HTTP_SECONDS.observe(time.perf_counter() - self._began_s, route=route)
        self._span.fields.update(method=method, route=route, status=status)

    def _route(self) -> str:
        if isinstance(route := self._scope.get("route"), BaseRoute):
            return str(getattr(route, "path", "none"))
        return "/page" if self._scope["path"].startswith("/page/") else "none"


class _Body:
    """Counts what is received. The limit holds for what was declared and for what comes."""

    def __init__(self, receive: Receive, headers: Headers, limit_bytes: int) -> None:
        self._receive = receive
        self._headers = headers
        self._limit_bytes = limit_bytes
        self._seen_bytes = 0
        self._ended = False

    def check_declared(self) -> None:
        declared = self._headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen_bytes += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
            if self._seen_bytes > self._limit_bytes:
                raise self._too_large()
        return message

    async def read_away(self) -> None:
        """Reads on for a moment what will not be used: who still sends when the connection closes sees it reset, not our answer."""
        waits_to_be_asked = self._headers.get("expect", "").lower() == "100-continue" and not self._seen_bytes
        if waits_to_be_asked or not {"content-length", "transfer-encoding"} & set(self._headers.keys()):
            return
        left_bytes = _LINGER_BYTES
        with anyio.move_on_after(_LINGER_S):
            while not self._ended and left_bytes > 0:
                message = await self._receive()
                if message["type"] != "http.request":
                    return
                left_bytes -= len(message.get("body", b""))
                self._ended = not message.get("more_body", False)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is too large: at most {self._limit_bytes:,} bytes are taken here")
