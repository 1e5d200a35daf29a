"""How the milvus-lite server of one machine is started, and when it is up."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from nungil.runtime.errors import Misconfigured
from nungil.vector_index.errors import VectorIndexAway

SCHEME = "milvus-lite"
_RECONNECT = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]


def command(data_dir: Path | str, port: int) -> list[str]:
    """The server's command line. Only one process may have a folder.

    --host: its own default is every interface. --max-workers 1: its collections are not safe for a search beside a write
    (rows that are being flushed are missing from it for a moment), so it does one call at a time.
    """
    return [
        *(sys.executable, "-m", "milvus_lite", "server"),
        *("--data-dir", str(data_dir), "--host", "127.0.0.1", "--port", str(port), "--max-workers", "1"),
    ]


def address_of(url: str) -> str:
    """'milvus-lite://127.0.0.1:PORT' -> '127.0.0.1:PORT'. Raises Misconfigured for anything else."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != SCHEME or not parts.hostname or not port or parts.path not in ("", "/"):
        raise Misconfigured(f"{url!r} names no milvus-lite server; use milvus-lite://127.0.0.1:PORT")
    return f"{parts.hostname}:{port}"


def wait_until_up(url: str, timeout_s: float) -> None:
    """Returns once the server answers. Raises VectorIndexAway where it does not within `timeout_s`."""
    address = address_of(url)
    with grpc.insecure_channel(address, options=_RECONNECT) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=timeout_s)
        except grpc.FutureTimeoutError as error:
            raise VectorIndexAway(f"no milvus-lite server at {address} within {timeout_s:g} s") from error
