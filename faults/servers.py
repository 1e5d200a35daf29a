"""The real servers of a series of runs, and the same once more through the fault proxy."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from nungil.cli.processes import die_with_parent
from nungil.cli.stack import SERVERS
from nungil.local_servers.running import LocalServers, local_servers

CUT_AFTER_MS = 500
LATENCY_MS, JITTER_MS = 200, 100


@dataclass(frozen=True)
class RealServers:
    """folder: what `nungil up --servers` takes. through_proxy: where `proxied` writes the same, with the proxy's ports."""

    folder: Path
    through_proxy: Path
    all: LocalServers

    def proxied(self) -> Path:
        """What a system takes that reaches them by the proxy. As they run now: one that was started again has another id, and a
        system that takes it for gone would start one of its own, beside the proxy."""
        record = json.loads((self.folder / "servers.json").read_text())
        record["ports"] |= {name: record["ports"][f"proxy_{name}"] for name in SERVERS}
        self.through_proxy.mkdir(exist_ok=True)
        (self.through_proxy / "servers.json").write_text(json.dumps(record))
        return self.through_proxy

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Killed, and started again when the block ends, from the thread that started the others."""
        self.all.stop([name], by=signal.SIGKILL)
        try:
            yield
        finally:
            self.all.start(die_with_us=die_with_parent())

    @contextmanager
    def silent(self, name: str) -> Iterator[None]:
        """Connections stay open, nothing is answered."""
        self.all.pause(name)
        try:
            yield
        finally:
            self.all.go_on(name)

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Every answer of every server comes late."""
        with self._toxic("latency", latency=LATENCY_MS, jitter=JITTER_MS):
            yield

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection is reset half a second after it was made."""
        with self._toxic("reset_peer", timeout=CUT_AFTER_MS):
            yield

    @contextmanager
    def _toxic(self, kind: str, **attributes: int) -> Iterator[None]:
        with httpx.Client(base_url=self.all.url("proxy"), trust_env=False) as proxy:
            for name in SERVERS:
                toxic = {"name": "ours", "type": kind, "stream": "downstream", "attributes": attributes}
                proxy.post(f"/proxies/{name}/toxics", json=toxic).raise_for_status()
            try:
                yield
            finally:
                for name in SERVERS:
                    proxy.delete(f"/proxies/{name}/toxics/ours").raise_for_status()


@contextmanager
def real_servers() -> Iterator[RealServers]:
    """Fetched, started, and stopped and forgotten when the block ends. Raises Misconfigured where this machine lacks what they need."""
    local_servers().fetch()
    with tempfile.TemporaryDirectory(prefix="nungil-servers-", ignore_cleanup_errors=True) as folder:
        direct, proxied = Path(folder) / "servers", Path(folder) / "proxied"
        servers = local_servers(folder=direct)
        for place in (Path(folder), direct):
            place.mkdir(exist_ok=True)
            place.chmod(0o711)  # PostgreSQL's own user goes through it
        try:
            servers.start(die_with_us=die_with_parent())
            yield RealServers(direct, proxied, servers)
        finally:
            servers.stop()
