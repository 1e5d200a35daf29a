"""A whole system in a temporary folder, as `nungil up` starts it, and a client for each tenant."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class System:
    """A running system. `up_s`: from the command's start to its being healthy."""

    url: str
    key: str
    data: Path
    up_s: float

    def client(self, key: str | None = None) -> httpx.Client:
        """A client of one key; the local owner's where none is given."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key or self.key}"}, timeout=60)

    def environment_of(self, service: str) -> dict[str, str]:
        """What a service was started with. Linux."""
        pid = json.loads((self.data / "runtime.json").read_text())["pids"][service]
        pairs = Path(f"/proc/{pid}/environ").read_text().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def new_tenant(self, name: str) -> httpx.Client:
        """A tenant of its own, with one person and the right to fill a catalogue."""
        return self.client(self.new_key(name, "--subject", "owner"))

    def new_key(self, tenant: str, *more: str) -> str:
        """A key of a tenant with the right to fill its catalogue. more: as `keys add` takes it; without a subject, requests name one."""
        key = "nk_" + secrets.token_urlsafe(32)
        with tempfile.NamedTemporaryFile("w", suffix=".key") as file:
            file.write(key)
            file.flush()
            subprocess.run(
                [sys.executable, "-m", "services.gateway.keys", "add", "--tenant", tenant, *more,
                 "--scopes", "person,catalogue", "--key-file", file.name],
                env=os.environ | self.environment_of("gateway"),
                check=True,
            )  # fmt: skip
        return key


@contextmanager
def running_system(*arguments: str, data: Path | None = None) -> Iterator[System]:
    """`nungil up` until the block ends. Raises RuntimeError, with what it printed, where it does not come up."""
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder:
        data = data or Path(folder) / "data"
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "nungil.cli.main", "up", "--data", str(data), "--port", "0", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        printed: list[str] = []
        reader = threading.Thread(target=lambda: printed.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            runtime = _await_runtime(process, data, printed)
            yield System(runtime["url"], (data / "key").read_text().strip(), data, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _await_runtime(process: subprocess.Popen[str], data: Path, printed: list[str]) -> dict[str, Any]:
    pause = threading.Event()
    while process.poll() is None:
        try:
            runtime: dict[str, Any] = json.loads((data / "runtime.json").read_text())
            httpx.get(runtime["url"] + "/readyz", timeout=2).raise_for_status()
        except (OSError, ValueError, httpx.HTTPError):
            pause.wait(0.05)
            continue
        return runtime
    raise RuntimeError("nungil up ended:\n" + "".join(printed))


def give_pictures(client: httpx.Client, files: list[Path], *, purpose: str) -> dict[Path, str]:
    """Uploads, eight at a time, and waits until they are searchable (a picture only searched with: at once). File -> media id."""

    def give(file: Path) -> str:
        answer = client.post("/v1/media", files={"file": (file.name, file.read_bytes())}, data={"purpose": purpose})
        answer.raise_for_status()
        return str(answer.json()["media_id"])

    with ThreadPoolExecutor(8) as pool:
        ids = dict(zip(files, pool.map(give, files), strict=True))
    if purpose != "search":
        for media_id in ids.values():
            await_searchable(client, media_id)
    return ids


def await_searchable(client: httpx.Client, media_id: str, *, timeout_s: float = 120) -> None:
    """Returns when the picture is found by searches. Raises RuntimeError where it is rejected or takes too long."""
    pause, until = threading.Event(), time.monotonic() + timeout_s
    while time.monotonic() < until:
        state = client.get(f"/v1/media/{media_id}").raise_for_status().json()
        if state["state"] == "searchable":
            return
        if state["state"] == "rejected":
            raise RuntimeError(f"{media_id} was rejected: {state.get('reason')}")
        pause.wait(0.05)
    raise RuntimeError(f"{media_id} is not searchable after {timeout_s:.0f} s")
