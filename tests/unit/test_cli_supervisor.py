"""The supervisor: what starts when, how long a crashed program waits, and in which order all stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

import pytest

from nungil.cli.supervisor import GaveUp, Restarts, State, Supervisor


@dataclass
class ScriptedProcess:
    """A process that ends when the test says so."""

    pid: int
    journal: list[str]
    name: str
    exit_code: int | None = None
    obeys: bool = True
    logged: list[str] = field(default_factory=list)

    def poll(self) -> int | None:
        return self.exit_code

    def terminate(self) -> None:
        self.journal.append(f"terminate {self.name}")
        if self.obeys:
            self.exit_code = 0

    def kill(self) -> None:
        if self.exit_code is None:
            self.journal.append(f"kill {self.name}")
            self.exit_code = -9

    def last_words(self) -> str:
        return "out of memory"

    def errors(self) -> list[str]:
        taken, self.logged = self.logged, []
        return taken


@dataclass
class ScriptedProgram:
    """A program whose health the test sets."""

    name: str
    journal: list[str]
    needs: tuple[str, ...] = ()
    is_healthy: bool = True
    obeys: bool = True
    processes: list[ScriptedProcess] = field(default_factory=list)

    def start(self) -> ScriptedProcess:
        self.journal.append(f"start {self.name}")
        self.processes.append(ScriptedProcess(100 + len(self.processes), self.journal, self.name, obeys=self.obeys))
        return self.processes[-1]

    def healthy(self) -> bool:
        return self.is_healthy


@pytest.fixture
def journal() -> list[str]:
    return []


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_program_that_crashes_waits_twice_as_long_each_time_up_to_half_a_minute() -> None:
    restarts = Restarts()
    waits = [restarts.crashed(healthy_for_s=1) for _ in range(8)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_minute_of_health_forgives_earlier_crashes() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.crashed(healthy_for_s=59)
    assert restarts.crashed(healthy_for_s=60) == 0.5


def test_a_program_starts_once_what_it_needs_was_healthy(journal: list[str], said: list[str]) -> None:
    index = ScriptedProgram("index", journal, is_healthy=False)
    supervisor = Supervisor([index, ScriptedProgram("embed", journal, needs=("index",))], said.append)
    supervisor.tick(0)
    supervisor.tick(1)
    assert journal == ["start index"]
    index.is_healthy = True
    supervisor.tick(2)
    supervisor.tick(3)
    assert journal == ["start index", "start embed"]
    assert supervisor.all_healthy


def test_a_crashed_program_is_started_again_after_its_wait_and_that_is_said(
    journal: list[str], said: list[str]
) -> None:
    embed = ScriptedProgram("embed", journal)
    supervisor = Supervisor([embed], said.append)
    supervisor.tick(0)
    supervisor.tick(1)
    embed.processes[0].exit_code = -9
    supervisor.tick(10)
    assert said[-1] == "embed was killed by signal 9; starting it again in 0.5 s"
    supervisor.tick(10.4)
    assert len(embed.processes) == 1
    assert supervisor.states["embed"] is State.WAITING
    supervisor.tick(10.5)
    supervisor.tick(10.6)
    assert len(embed.processes) == 2
    assert supervisor.all_healthy


def test_a_program_that_ended_by_itself_is_quoted(journal: list[str], said: list[str]) -> None:
    embed = ScriptedProgram("embed", journal)
    supervisor = Supervisor([embed], said.append)
    supervisor.tick(0)
    embed.processes[0].exit_code = 1
    supervisor.tick(1)
    assert said[-1] == "embed ended with exit code 1 (out of memory); starting it again in 0.5 s"


def test_a_crash_of_what_others_need_does_not_stop_the_others(journal: list[str], said: list[str]) -> None:
    index = ScriptedProgram("index", journal)
    embed = ScriptedProgram("embed", journal, needs=("index",))
    supervisor = Supervisor([index, embed], said.append)
    for now_s in range(3):
        supervisor.tick(now_s)
    index.processes[0].exit_code = 1
    supervisor.tick(4)
    assert supervisor.states == {"index": State.WAITING, "embed": State.HEALTHY}


def test_a_program_whose_settings_are_wrong_is_given_up(journal: list[str], said: list[str]) -> None:
    embed = ScriptedProgram("embed", journal, is_healthy=False)
    supervisor = Supervisor([embed], said.append)
    supervisor.tick(0)
    embed.processes[0].exit_code = 2
    with pytest.raises(GaveUp, match="settings are wrong"):
        supervisor.tick(1)


def test_errors_of_a_program_are_repeated(journal: list[str], said: list[str]) -> None:
    embed = ScriptedProgram("embed", journal)
    supervisor = Supervisor([embed], said.append)
    supervisor.tick(0)
    embed.processes[0].logged.append("the disk is full")
    supervisor.tick(1)
    assert "embed: the disk is full" in said


def test_programs_stop_in_the_reverse_of_their_order(journal: list[str], said: list[str]) -> None:
    supervisor = Supervisor([ScriptedProgram(name, journal) for name in ("index", "embed", "gateway")], said.append)
    supervisor.tick(0)
    journal.clear()
    supervisor.stop(Event())
    assert journal == ["terminate gateway", "terminate embed", "terminate index"]


def test_a_program_that_does_not_stop_is_killed_after_its_grace(journal: list[str], said: list[str]) -> None:
    supervisor = Supervisor([ScriptedProgram("embed", journal, obeys=False)], said.append)
    supervisor.tick(0)
    supervisor.stop(Event(), grace_s=0.1)
    assert journal[-1] == "kill embed"
    assert "embed did not stop within 0.1 s and is killed" in said


def test_a_second_signal_kills_all_that_is_left_at_once(journal: list[str], said: list[str]) -> None:
    supervisor = Supervisor([ScriptedProgram(name, journal, obeys=False) for name in ("index", "gateway")], said.append)
    supervisor.tick(0)
    journal.clear()
    hurry = Event()
    hurry.set()
    supervisor.stop(hurry)
    assert journal == ["terminate gateway", "kill index", "kill gateway"]
