"""What every local server is: how it gets here, how it is started, when it is up."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nungil.runtime.errors import Misconfigured


@dataclass(frozen=True)
class Place:
    """Where a server lives: its own folder, the ports of all the servers on 127.0.0.1, and the password of those that have one."""

    folder: Path
    ports: Mapping[str, int]
    password: str


@dataclass(frozen=True)
class Launch:
    """A program to run. `user`: whose process it becomes, where we are root and it refuses to be."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


class Server(Protocol):
    """One real server."""

    @property
    def name(self) -> str: ...

    @property
    def variable(self) -> str:
        """The environment variable in which tests find its URL."""

    @property
    def port_names(self) -> Sequence[str]:
        """The ports it needs, as keys of Place.ports."""

    def missing(self) -> Sequence[str]:
        """What of this machine it lacks: a sentence each, with how to get it."""

    def fetch(self) -> None:
        """Gets its program, where it is not here yet. Raises Misconfigured where that fails."""

    def launch(self, place: Place) -> Launch:
        """Makes its data folder where absent, writes its configuration, and says what to run."""

    def ready(self, place: Place) -> bool:
        """Whether it does its work. Answers within about a second."""

    def url(self, place: Place) -> str:
        """How it is named in our settings."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listens(port: int) -> bool:
    """Whether anyone listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def lacking(programs: Mapping[str, str]) -> list[str]:
    """A sentence for each program that is not in the PATH. programs: name -> how to get it."""
    return [f"{name} is absent: {how}" for name, how in programs.items() if shutil.which(name) is None]


FETCH_ATTEMPTS = 3  # registries are away for a moment now and then


def run(
    what: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    attempts: int = 1,
) -> None:
    """Runs a command to its end, saying so. Raises Misconfigured with the last lines it wrote where it fails, `attempts` times."""
    print(what, file=sys.stderr, flush=True)
    for attempt in range(1, attempts + 1):
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode == 0:
            return
        said = " ".join(done.stdout.split()[-60:])
        if attempt < attempts:
            print(f"{what} failed and is tried again: {said}", file=sys.stderr, flush=True)
    raise Misconfigured(f"{what} failed: {said}")
