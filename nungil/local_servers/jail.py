"""Runs a server in a network namespace of its own, and lets through one of its ports: `jail.py PORT COMMAND…`.

Who connects to 127.0.0.1:PORT outside is connected to 127.0.0.1:PORT inside. Whatever else the server listens on, nobody reaches.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType

from nungil.cli.processes import die_with_parent
from nungil.local_servers import namespace

_BYTES = 256 * 1024


def main() -> None:
    """Ends when the server does, with its exit code; a SIGTERM is passed on to it."""
    port, command = int(sys.argv[1]), sys.argv[2:]
    with socket.create_server(
        ("127.0.0.1", port), backlog=128
    ) as outside:  # before the move: it stays where it was made
        namespace.enter()
        server = subprocess.Popen(command, preexec_fn=die_with_parent())

        def end(_signal: int, _frame: FrameType | None) -> None:
            server.terminate()

        signal.signal(signal.SIGTERM, end)
        threading.Thread(target=_let_in, args=(outside, port), daemon=True).start()
        os._exit(server.wait() & 0xFF)  # connections are still being passed on, to nobody


def _let_in(outside: socket.socket, port: int) -> None:
    while True:
        client, _ = outside.accept()
        try:
            inside = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()  # as a port on which nobody listens yet
            continue
        for one, other in ((client, inside), (inside, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Until either end closes."""
    with suppress(OSError):
        while data := one.recv(_BYTES):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
