"""A TCP relay that lets answers come late, for servers on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SlowRelay:
    """Everything that the server sends arrives `delay_s` later, in its order; what is sent to the server arrives at once."""

    def __init__(self, upstream_port: int) -> None:
        self.delay_s = 0.0
        self.port = 0
        self.bytes_to_server = 0
        self._upstream_port = upstream_port
        self._loop = asyncio.new_event_loop()

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.close()
            return
        with suppress(asyncio.CancelledError):  # at the end of the test
            await asyncio.gather(self._at_once(reader, to_server), self._late(from_server, writer))

    async def _at_once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                self.bytes_to_server += len(chunk)
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def _late(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = self._loop.time()
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                due = max(due, self._loop.time() + self.delay_s)
                self._loop.call_at(due, writer.write, chunk)
        self._loop.call_at(due, writer.close)


@contextmanager
def a_slow_relay(upstream_port: int) -> Iterator[SlowRelay]:
    """Not slow until told."""
    relay = SlowRelay(upstream_port)
    loop = relay._loop
    thread = threading.Thread(target=loop.run_forever, name="relay")
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(relay.listen(), loop).result(timeout=10)
        yield relay
        loop.call_soon_threadsafe(server.close)
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
