"""The faults: what is done to a running system, and on which stack."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from faults.servers import CUT_AFTER_MS, LATENCY_MS, RealServers
from faults.stack import Stack
from nungil.cli.stack import SERVERS

SERVICES = ("gateway", "ingest", "embed", "search", "profile")
_KILLS = 3


@dataclass(frozen=True)
class When:
    """For how long the load lasts, how long something is away, and by which chance; `stop` ends waits."""

    lasts_s: float
    away_s: float
    chance: random.Random
    stop: threading.Event

    def moments(self, count: int) -> list[float]:
        """Seconds after the load's begin, ascending."""
        return sorted(self.chance.uniform(0.1, 0.8) * self.lasts_s for _ in range(count))


@dataclass(frozen=True)
class Away:
    """When a fault began and was over, in seconds of time.monotonic: from then on it is for the system to recover.

    What is started again counts as away until it is up.
    """

    began_s: float
    over_s: float


@dataclass(frozen=True)
class Fault:
    """what: for the matrix. stacks: where it can be had. apply: does it, undoes it, and answers when it was over."""

    name: str
    what: str
    stacks: tuple[str, ...]
    apply: Callable[[Stack, When], Away]
    proxied: bool = False
    """Whether the services reach the servers through the fault proxy."""


def nothing(_: Stack, when: When) -> Away:
    """The quiet run."""
    return Away(time.monotonic(), time.monotonic() + when.lasts_s)


def killed(program: str) -> Callable[[Stack, When], Away]:
    """`kill -9` at random moments."""

    def apply(stack: Stack, when: When) -> Away:
        began_s = time.monotonic()
        for at_s in when.moments(_KILLS if when.lasts_s > 20 else 1):
            when.stop.wait(max(0.0, began_s + at_s - time.monotonic()))
            stack.signal(program, signal.SIGKILL)
        killed_s = time.monotonic()
        return Away(killed_s, killed_s)

    return apply


def silent(program: str) -> Callable[[Stack, When], Away]:
    """SIGSTOP: connections stay open and nothing is answered."""

    def apply(stack: Stack, when: When) -> Away:
        when.stop.wait(when.moments(1)[0] / 2)
        began_s = time.monotonic()
        pid = stack.signal(program, signal.SIGSTOP)
        try:
            when.stop.wait(when.away_s)
        finally:
            stack.resume(pid)
        return Away(began_s, time.monotonic())

    return apply


def disk_full(stack: Stack, when: When) -> Away:
    """The file system of the objects takes not a byte more."""
    when.stop.wait(when.moments(1)[0] / 2)
    began_s = time.monotonic()
    with stack.full_disk():
        when.stop.wait(when.away_s)
    return Away(began_s, time.monotonic())


def server_for_a_while(how: Callable[[RealServers], AbstractContextManager[None]]) -> Callable[[Stack, When], Away]:
    """Something is done to the real servers, and undone after `away_s`."""

    def apply(stack: Stack, when: When) -> Away:
        if stack.servers is None:
            raise ValueError("the embedded stack has no servers")
        when.stop.wait(when.moments(1)[0] / 2)
        began_s = time.monotonic()
        with how(stack.servers):
            when.stop.wait(when.away_s)
        return Away(began_s, time.monotonic())

    return apply


def _away(name: str, servers: RealServers) -> AbstractContextManager[None]:
    return servers.away(name)


def _silent(name: str, servers: RealServers) -> AbstractContextManager[None]:
    return servers.silent(name)


def faults() -> list[Fault]:
    """All, the quiet run first."""
    both = ("embedded", "real")
    return [
        Fault("quiet", "nothing", both, nothing),
        *(Fault(f"kill-{name}", f"`kill -9` of {name}, at random moments", both, killed(name)) for name in SERVICES),
        Fault("kill-index", "`kill -9` of milvus-lite, at random moments", ("embedded",), killed("milvus-lite")),
        Fault("silent-index", "milvus-lite answers nothing", ("embedded",), silent("milvus-lite")),
        *(
            Fault(f"away-{name}", f"{name} killed and away", ("real",), server_for_a_while(partial(_away, name)))
            for name in SERVERS
        ),
        *(
            Fault(f"silent-{name}", f"{name} answers nothing", ("real",), server_for_a_while(partial(_silent, name)))
            for name in SERVERS
        ),
        Fault(
            "slow",
            f"every answer of every server {LATENCY_MS} ms later",
            ("real",),
            server_for_a_while(RealServers.slow),
            proxied=True,
        ),
        Fault(
            "cut",
            f"connections to every server reset after {CUT_AFTER_MS} ms",
            ("real",),
            server_for_a_while(RealServers.cut),
            proxied=True,
        ),
        Fault("disk-full", "the disk of the objects is full", ("embedded",), disk_full),
    ]
