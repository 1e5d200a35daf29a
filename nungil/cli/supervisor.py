"""Keeps a set of programs running on one machine: starts them, restarts what crashes, stops them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from threading import Event
from typing import Protocol

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
FORGIVEN_AFTER_S = 60.0
STOP_GRACE_S = 15.0
TICK_S = 0.1
MISCONFIGURED = 2  # the exit code of a service whose settings are wrong: starting it again would not help

Say = Callable[[str], None]


class Process(Protocol):
    """A started program."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""

    def terminate(self) -> None:
        """Asks it to end (SIGTERM)."""

    def kill(self) -> None:
        """Ends it and what it started, at once (SIGKILL)."""

    def errors(self) -> list[str]:
        """What it logged as an error since the last call."""

    def last_words(self) -> str:
        """The last line that it wrote."""


class Program(Protocol):
    """What is kept running."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> Sequence[str]:
        """Names of the programs that must have been healthy before this one starts for the first time."""

    def start(self) -> Process: ...

    def healthy(self) -> bool:
        """Whether it does its work. Answers within about a second."""


class State(Enum):
    """Where a program stands."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    STOPPED = "stopped"


class GaveUp(Exception):
    """A program will not start, and starting it again would not help."""


@dataclass
class Restarts:
    """How long to wait before a program that crashed is started again: 0.5 s, doubling to 30 s, forgotten after 60 s of health."""

    next_wait_s: float = FIRST_WAIT_S

    def crashed(self, *, healthy_for_s: float) -> float:
        """The wait, given how long the program had been healthy (0 where it never was)."""
        if healthy_for_s >= FORGIVEN_AFTER_S:
            self.next_wait_s = FIRST_WAIT_S
        wait_s = self.next_wait_s
        self.next_wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        return wait_s


@dataclass
class Watched:
    """One program and what is known of it."""

    program: Program
    state: State = State.WAITING
    process: Process | None = None
    start_at_s: float = 0.0
    healthy_since_s: float | None = None
    was_healthy: bool = False
    restarts: Restarts = field(default_factory=Restarts)


class Supervisor:
    """Programs, in the order in which they start; they stop in the reverse order."""

    def __init__(self, programs: Iterable[Program], say: Say) -> None:
        self._watched = {program.name: Watched(program) for program in programs}
        self._say = say

    @property
    def all_healthy(self) -> bool:
        """Whether every program does its work."""
        return all(watched.state is State.HEALTHY for watched in self._watched.values())

    @property
    def pids(self) -> dict[str, int]:
        """The process id of every program that runs."""
        return {name: watched.process.pid for name, watched in self._watched.items() if watched.process}

    @property
    def states(self) -> dict[str, State]:
        """Where each program stands."""
        return {name: watched.state for name, watched in self._watched.items()}

    def tick(self, now_s: float) -> None:
        """Looks at every program once: starts what is due, notes what became healthy, and what ended.

        now_s: seconds of a clock that never goes back. Raises GaveUp where a program that was never healthy says that its
        settings are wrong.
        """
        for watched in self._watched.values():
            if watched.process is None:
                if now_s >= watched.start_at_s and self._may_start(watched):
                    watched.process = watched.program.start()
                    watched.state = State.STARTING
                continue
            for error in watched.process.errors():
                self._say(f"{watched.program.name}: {error}")
            code = watched.process.poll()
            if code is not None:
                self._ended(watched, code, now_s)
            elif watched.state is State.STARTING and watched.program.healthy():
                watched.state, watched.healthy_since_s, watched.was_healthy = State.HEALTHY, now_s, True
                self._say(f"{watched.program.name} is up")

    def stop(self, hurry: Event, *, grace_s: float = STOP_GRACE_S) -> None:
        """Stops every program in reverse order, each given `grace_s`; all at once when `hurry` is set."""
        for watched in reversed(self._watched.values()):
            process, watched.state = watched.process, State.STOPPED
            if process is None:
                continue
            process.terminate()
            waited_s = 0.0
            while process.poll() is None and waited_s < grace_s and not hurry.wait(TICK_S):
                waited_s += TICK_S
            if process.poll() is None and not hurry.is_set():
                self._say(f"{watched.program.name} did not stop within {grace_s:g} s and is killed")
            if hurry.is_set():
                break
            process.kill()
            self._say(f"{watched.program.name} stopped")
        for watched in self._watched.values():
            if watched.process is not None:
                watched.process.kill()
                watched.process = None

    def _may_start(self, watched: Watched) -> bool:
        return all(self._watched[name].was_healthy for name in watched.program.needs)

    def _ended(self, watched: Watched, code: int, now_s: float) -> None:
        name = watched.program.name
        how, words = f"was killed by signal {-code}", ""
        if watched.process is not None:
            watched.process.kill()  # what it started must not outlive it
            words = watched.process.last_words()
        if code >= 0:
            how = f"ended with exit code {code}" + (f" ({words})" if words else "")
        if code == MISCONFIGURED and not watched.was_healthy:
            raise GaveUp(f"{name} {how}: its settings are wrong")
        healthy_for_s = now_s - watched.healthy_since_s if watched.healthy_since_s is not None else 0.0
        wait_s = watched.restarts.crashed(healthy_for_s=healthy_for_s)
        watched.state, watched.process, watched.healthy_since_s = State.WAITING, None, None
        watched.start_at_s = now_s + wait_s
        self._say(f"{name} {how}; starting it again in {wait_s:g} s")
