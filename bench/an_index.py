"""An index to measure: the Milvus that the environment names (`nungil.local_servers exec`), or a milvus-lite server of one's own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nungil.encoder.port import EncoderSpace
from nungil.local_servers.server import free_ports
from nungil.vector_index.milvus_lite_server import command, wait_until_up
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import VectorIndex

MILVUS = "NUNGIL_TEST_MILVUS"


@contextmanager
def an_index(folder: Path, space: EncoderSpace) -> Iterator[tuple[str, VectorIndex]]:
    """Its name, and an empty index."""
    if url := os.environ.get(MILVUS):
        with open_vector_index(f"{url}/bench_{secrets.token_hex(4)}", space) as index:
            yield "Milvus", index
        return
    [port] = free_ports(1)
    with (folder / "index.log").open("wb") as said:
        server = subprocess.Popen(command(folder / "index", port), stdout=said, stderr=said)
    try:
        wait_until_up(f"milvus-lite://127.0.0.1:{port}", 60)
        with open_vector_index(f"milvus-lite://127.0.0.1:{port}", space) as index:
            yield "milvus-lite", index
    finally:
        server.terminate()
        server.wait(30)
