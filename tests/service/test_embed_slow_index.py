"""A slow index holds embed back: it takes no more in than it can put away, keeps its partitions, and goes on by itself."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from slow_index import SlowIndexStory
from slow_relay import SlowRelay, a_slow_relay

from nungil.encoder.open import space_of
from nungil.local_servers.server import free_ports
from nungil.vector_index.milvus_lite_server import command, wait_until_up
from nungil.vector_index.open import open_vector_index

SLOW_S = 3.0
PYMILVUS_ASKS_EVERY_S = 10.0  # what it does unless told otherwise


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nungil-") as short:  # the path of a socket has at most 107 characters
        yield Path(short)


@pytest.fixture
def relay(folder: Path) -> Iterator[SlowRelay]:
    """In front of a milvus-lite server."""
    [port] = free_ports(1)
    with (folder / "index.log").open("wb") as said:
        server = subprocess.Popen(command(folder / "index", port), stdout=said, stderr=said)
    try:
        wait_until_up(f"milvus-lite://127.0.0.1:{port}", 60)
        with a_slow_relay(port) as relay:
            yield relay
    finally:
        server.kill()
        server.wait()


@contextmanager
def slow(relay: SlowRelay) -> Iterator[None]:
    relay.delay_s = SLOW_S
    try:
        yield
    finally:
        relay.delay_s = 0


def test_embed_takes_in_no_more_than_a_slow_index_can_hold_and_goes_on_by_itself(
    folder: Path, relay: SlowRelay
) -> None:
    story = SlowIndexStory(folder, f"milvus-lite://127.0.0.1:{relay.port}", slow(relay))
    story.run()


def test_an_idle_connection_asks_nothing_of_milvus_lite(relay: SlowRelay) -> None:
    """It counts signs of life that it is asked for while nothing else is, and hangs up on who asks too often."""
    space = space_of("tiny://64")
    with open_vector_index(f"milvus-lite://127.0.0.1:{relay.port}", space) as index:
        query = np.eye(1, space.dim, dtype=np.float32)
        index.search(query, tenant="shop", owners=["catalogue"], limit=1)
        Event().wait(1)  # what belongs to that call has gone out
        sent = relay.bytes_to_server
        Event().wait(PYMILVUS_ASKS_EVERY_S + 1)
        assert relay.bytes_to_server == sent
