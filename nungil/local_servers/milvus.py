"""Milvus 2.3.5 standalone, from its Python package, in an environment of its own: it wants an older setuptools than we do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pymilvus import MilvusClient, MilvusException

from nungil.local_servers import milvus_start, namespace
from nungil.local_servers.namespace import only_loopback
from nungil.local_servers.server import FETCH_ATTEMPTS, Launch, Place, listens, run

VERSION = "2.3.5"
ACCEPT = "NUNGIL_ACCEPT_OPEN_PORTS"
_ROOT = str(Path(__file__).parents[2])


@dataclass(frozen=True)
class Milvus:
    """See server.Server."""

    cache: Path
    name: str = "milvus"
    variable: str = "NUNGIL_TEST_MILVUS"
    port_names: Sequence[str] = ("milvus", "milvus_metrics")

    @property
    def _environment(self) -> Path:
        return self.cache / "milvus-env"

    def missing(self) -> Sequence[str]:
        if _open_ports_do_no_harm() or namespace.allowed():
            return []
        return [
            f"Milvus {VERSION} listens on every network interface, and no network namespace can be made here to keep it in: "
            f"become root, or set {ACCEPT}=1 to accept open ports"
        ]

    def fetch(self) -> None:
        fetched = self._environment / f".{VERSION}-is-here"
        if fetched.exists():
            return
        if not (self._environment / "bin" / "python").exists():
            run("making an environment for Milvus", [sys.executable, "-m", "venv", str(self._environment)])
        packages = [f"milvus=={VERSION}", "setuptools<81"]
        run(
            "fetching Milvus with pip",
            [str(self._environment / "bin" / "python"), "-m", "pip", "install", "-q", *packages],
            attempts=FETCH_ATTEMPTS,
        )
        fetched.touch()

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(parents=True, exist_ok=True)
        ports = [str(place.ports[name]) for name in self.port_names]
        python = str(self._environment / "bin" / "python")
        milvus = [python, "-P", str(Path(milvus_start.__file__)), str(place.folder), *ports]
        if _open_ports_do_no_harm():
            return Launch(milvus)
        return Launch([sys.executable, "-m", "nungil.local_servers.jail", ports[0], *milvus], {"PYTHONPATH": _ROOT})

    def ready(self, place: Place) -> bool:
        if not listens(place.ports["milvus"]):
            return False
        try:
            client = MilvusClient(uri=f"http://127.0.0.1:{place.ports['milvus']}", timeout=1)
            try:
                client.list_collections(timeout=1)
            finally:
                client.close()
        except MilvusException:
            return False
        return True

    def url(self, place: Place) -> str:
        return f"milvus://127.0.0.1:{place.ports['milvus']}"


def _open_ports_do_no_harm() -> bool:
    return only_loopback() or os.environ.get(ACCEPT) == "1"
