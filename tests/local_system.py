"""The whole system, each service its own process, as `nungil up` starts it; with the tiny encoder, so that it is quick."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from nungil.cli.api import Api, open_api
from nungil.cli.data_folder import DataFolder, Runtime

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 120.0
PROGRAMS = ("milvus-lite", "ingest", "embed", "profile", "search", "gateway")


@dataclass
class LocalSystem:
    """A running `nungil up`."""

    folder: DataFolder
    process: subprocess.Popen[bytes]
    output: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        return self.folder.runtime()

    @contextmanager
    def api(self) -> Iterator[Api]:
        with open_api(url=self.runtime.url, key=self.folder.key(), data=None) as api:
            yield api

    def said(self) -> str:
        """What `nungil up` wrote so far."""
        return self.output.read_text()

    def nungil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command against it."""
        return run_nungil(*arguments, "--data", str(self.folder.root))

    def kill(self, program: str) -> int:
        """`kill -9`; returns the id that the process had."""
        pid = self.runtime.pids[program]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_ready(self) -> None:
        """Until every service answers, or it is plain that they never will."""

        def ready() -> bool:
            assert self.process.poll() is None, f"nungil up ended:\n{self.said()}"
            return "everything is up" in self.said() and answers(self.runtime.url + "/readyz")

        wait_until(ready, START_LIMIT_S, self.said)

    def wait_until_restarted(self, program: str, old_pid: int) -> None:
        """Until another process does the work of the killed one."""

        def restarted() -> bool:
            return self.runtime.pids.get(program, old_pid) != old_pid and answers(self.runtime.url + "/readyz")

        wait_until(restarted, START_LIMIT_S, self.said)

    def stop(self, *, timeout_s: float = 60) -> int:
        """Ctrl-C once; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout_s)


def run_nungil(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    command = [sys.executable, "-m", "nungil.cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


def start(data: Path, *options: str) -> LocalSystem:
    """`nungil up` on `data`, not waited for."""
    data.mkdir(parents=True, exist_ok=True)
    output = data.parent / f"{data.name}.{time.monotonic_ns()}.out"
    with output.open("wb") as sink:
        command = (sys.executable, "-m", "nungil.cli.main", "up", "--data", str(data), "--port", "0")
        process = subprocess.Popen(
            [*command, "--encoder", "tiny://64", *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    return LocalSystem(DataFolder(data), process, output)


@contextmanager
def a_system(data: Path, *options: str) -> Iterator[LocalSystem]:
    """A system that is ready; stopped when the block ends."""
    system = start(data, *options)
    try:
        system.wait_until_ready()
        yield system
    finally:
        if system.process.poll() is None:
            system.process.send_signal(signal.SIGINT)
            try:
                system.process.wait(60)
            except subprocess.TimeoutExpired:
                system.process.kill()


def wait_until(true: Callable[[], Any], timeout_s: float, explain: Callable[[], object] = str) -> None:
    """Until `true()` is true; fails with `explain()` after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, f"it did not happen within {timeout_s:g} s:\n{explain()}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a GET gives 200."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def processes_under(pid: int) -> list[int]:
    """The process and everything that it started, directly or not."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def paint(folder: Path, count: int, colours: Sequence[tuple[int, int, int]], *, seed: int) -> list[Path]:
    """`count` small pictures, each of one of `colours` with a little noise of its own, so that no two are the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        pixels = np.full((64, 64, 3), colours[number % len(colours)], np.int16)
        pixels += random.integers(-8, 9, pixels.shape, dtype=np.int16)
        path = folder / f"{number:04d}.jpg"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=95)
        paths.append(path)
    return paths


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON document on stdout."""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
