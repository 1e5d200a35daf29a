"""A running system and what it stands on, as faults and reconciliation reach them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event

import httpx

from bench.running import System, running_system
from faults.servers import RealServers
from nungil.cli.data_folder import DataFolder

_TIMEOUT = httpx.Timeout(90.0, connect=5.0)
_BACK_WITHIN_S = 120.0
_DISK_BYTES = 1 << 30
_CLONE_NEWNS, _MS_REMOUNT, _MS_REC, _MS_PRIVATE = 0x0002_0000, 0x20, 0x4000, 0x4_0000


@dataclass
class Stack:
    """servers: those that it stands on; None: the embedded stack."""

    system: System
    encoder_url: str
    servers: RealServers | None

    def http(self) -> httpx.Client:
        """The owner's client."""
        headers = {"Authorization": f"Bearer {self.system.key}"}
        limits = httpx.Limits(max_connections=64)
        return httpx.Client(base_url=self.system.url, headers=headers, timeout=_TIMEOUT, trust_env=False, limits=limits)

    @cached_property
    def settings(self) -> Mapping[str, Mapping[str, str]]:
        """The NUNGIL_ variables with which each service runs, by service."""
        pids = self.pids()
        return {name: _environment_of(pid) for name, pid in pids.items() if name != "milvus-lite"}

    def pids(self) -> dict[str, int]:
        """The process id of every program, as the supervisor noted them last."""
        return DataFolder(self.system.data).runtime().pids

    def signal(self, program: str, number: signal.Signals) -> int:
        """Sends it to the process that does this program's work now; waits for that where it is just being started again."""
        never, ends_s = Event(), time.monotonic() + _BACK_WITHIN_S
        while True:
            pid = self.pids().get(program)
            if pid is not None and _runs(pid):
                os.kill(pid, number)
                return pid
            if time.monotonic() > ends_s:
                raise RuntimeError(f"{program} did not come back within {_BACK_WITHIN_S:g} s")
            never.wait(0.05)

    @property
    def event_log_url(self) -> str:
        """The log, for a reader that is no member of any group."""
        return DataFolder(self.system.data).runtime().event_log_url

    def resume(self, pid: int) -> None:
        """Ends a SIGSTOP."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Until the block ends, what holds the objects takes nothing more. Only where it was mounted with a limit."""
        objects = self.system.data / "objects"
        limit_disk(objects, 0)
        try:
            yield
        finally:
            limit_disk(objects, _DISK_BYTES)


@contextmanager
def running_stack(
    encoder_url: str, data: Path, servers: RealServers | None, *, proxied: bool = False
) -> Iterator[Stack]:
    """A system of its own in `data` and on `servers`, until the block ends. proxied: it reaches them by the fault proxy."""
    options = ["--encoder", encoder_url]
    if servers is not None:
        folder = servers.proxied() if proxied else servers.folder
        options += ["--stack", "real", "--servers", str(folder)]
    with running_system(*options, data=data) as system:
        yield Stack(system, encoder_url, servers)


def own_mounts() -> bool:
    """From now on what this process mounts is seen by nobody else, and gone with it. False where that is not allowed (Linux, root)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not sys.platform.startswith("linux") or libc.unshare(_CLONE_NEWNS) != 0:
        return False
    return bool(libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0)


def mount_disk(folder: Path) -> None:
    """A disk of its own for this folder, in memory, whose limit can be moved."""
    folder.mkdir(parents=True, mode=0o700)
    _mount(folder, 0, _DISK_BYTES)


def limit_disk(folder: Path, limit: int) -> None:
    """limit: bytes that it may hold; 0: not one more than it does."""
    used = os.statvfs(folder)
    _mount(folder, _MS_REMOUNT, limit or (used.f_blocks - used.f_bfree) * used.f_frsize)


def _mount(folder: Path, flags: int, limit: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, f"size={limit},mode=700".encode()) != 0:
        raise OSError(ctypes.get_errno(), f"no disk of its own for {folder}")


def _environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    pairs = (entry.partition("=") for entry in entries if entry.startswith("NUNGIL_"))
    return {name.removeprefix("NUNGIL_").lower(): value for name, _, value in pairs}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
