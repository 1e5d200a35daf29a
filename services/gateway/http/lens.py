"""The moving frame: /v1/lens, a WebSocket."""

from __future__ import annotations

import socket
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from nungil.runtime.errors import NungilError
from services.gateway.handlers.lens import ClientLeft
from services.gateway.http.parts import parts_of
from services.gateway.http.problems import of_error
from services.gateway.http.route import speaker_of

MESSAGE_BYTES = 64 * 1024
PING_S = 20.0
_UNSENT_BYTES = 16 * 1024
router = APIRouter(prefix="/v1")


@router.websocket("/lens")
async def open_lens(connection: WebSocket) -> None:
    """A frame that moves over a picture: see docs/guide/lens.md. What is refused before it is open is a problem, as everywhere."""
    parts = parts_of(connection)
    try:
        parts.lens.check_room()
        who = await parts.identify(await speaker_of(connection, writes=True))
    except NungilError as error:
        await connection.send_denial_response(of_error(error))
        return
    await connection.accept()
    code = await parts.lens(who, _Client(connection))
    if code is not None:
        await connection.close(code)


class _Client:
    def __init__(self, connection: WebSocket) -> None:
        self._connection = connection

    async def receive(self) -> str:
        message = await self._connection.receive()
        if message["type"] == "websocket.disconnect":
            raise ClientLeft
        text: str | None = message.get("text")
        return text if text is not None else str(message["bytes"], "utf-8", "replace")

    async def send(self, text: str) -> None:
        try:
            await self._connection.send_text(text)
        except WebSocketDisconnect as error:
            raise ClientLeft from error


class PromptWebSocket(WebSocketsSansIOProtocol):
    """Writing waits while the network has not taken what was written: what a slow client has yet to get is replaced, not queued."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)
        connected = transport.get_extra_info("socket")
        if connected is not None and hasattr(
            socket, "TCP_NOTSENT_LOWAT"
        ):  # Linux and macOS: the kernel queues little more
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
