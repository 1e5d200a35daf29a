"""A service as an operating system process: its own group, its own log file, dead when its parent is."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOG_BYTES = 8 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


class LogFile:
    """The log of one program: bounded, and read for errors while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_bytes = path.stat().st_size if path.exists() else 0
        self._half_line = b""

    def errors(self) -> list[str]:
        """The messages of lines logged as errors since the last call. Keeps the file below 8 MiB, with one older file beside it."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            *lines, self._half_line = (self._half_line + file.read(size - self._read_bytes)).split(b"\n")
        self._read_bytes = size
        if size > LOG_BYTES:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            os.truncate(self.path, 0)  # its writer appends, so it goes on at the new end
            self._read_bytes = 0
        return [message for message in map(_error_in, lines) if message]

    def last_line(self) -> str:
        """The last line that says something, as the message it is, at most 200 characters."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 4096))
            lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        if not lines:
            return ""
        try:
            entry = json.loads(lines[-1])
        except ValueError:
            return lines[-1].strip()[:200]
        return str(entry.get("message", "") if isinstance(entry, dict) else entry)[:200]


def _error_in(line: bytes) -> str | None:
    text = line.decode(errors="replace").strip()
    try:
        entry = json.loads(text)
    except ValueError:  # not ours: a library's own print, or a settings error of ours, which is plain text
        return text if text.startswith("nungil ") else None
    if isinstance(entry, dict) and entry.get("level") in ("ERROR", "CRITICAL"):
        return str(entry.get("message"))
    return None


@dataclass(frozen=True)
class ChildProcess:
    """A running program. Its group holds whatever it starts itself."""

    popen: subprocess.Popen[bytes]
    log: LogFile

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self.popen.poll()

    def terminate(self) -> None:
        """SIGTERM, to it alone: it stops its own."""
        with suppress(ProcessLookupError):
            self.popen.terminate()

    def kill(self) -> None:
        """SIGKILL to its whole group, and waits until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def errors(self) -> list[str]:
        """The error messages that its log gained since the last call."""
        return self.log.errors()

    def last_words(self) -> str:
        """The last line of its log."""
        return self.log.last_line()


@dataclass(frozen=True)
class ServiceProgram:
    """A program with its command line, environment, log file and health check."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    is_healthy: Callable[[], bool]
    needs: Sequence[str] = ()

    def start(self) -> ChildProcess:
        """Starts it, in a process group of its own, so that a terminal's Ctrl-C reaches its parent only."""
        log = LogFile(self.log_path)
        with self.log_path.open("ab") as sink:
            popen = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        return ChildProcess(popen, log)

    def healthy(self) -> bool:
        """Whether it does its work."""
        return self.is_healthy()


def die_with_parent() -> Callable[[], None] | None:
    """What a child runs before its program: asks Linux to kill it when its parent dies, however the parent dies.

    Elsewhere there is no such call; a parent that is killed there leaves its children, and the next start says whose they are.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return in_child
