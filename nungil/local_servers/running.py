"""The servers that run: started, waited for, written down, stopped by their ids. One folder holds one set of them."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event

from nungil.local_servers.kafka import Kafka
from nungil.local_servers.milvus import Milvus
from nungil.local_servers.minio import Minio
from nungil.local_servers.postgres import Postgres
from nungil.local_servers.proxy import FaultProxy
from nungil.local_servers.server import Launch, Place, Server, free_ports, listens
from nungil.runtime.errors import Misconfigured

CACHE = Path(os.environ.get("NUNGIL_SERVERS_CACHE") or Path(__file__).parents[2] / ".cache" / "servers")
RUN = CACHE / "run"
UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.1


def every_server(cache: Path) -> dict[str, Server]:
    """All that we know, in the order in which they start. cache: where their programs are kept."""
    servers: list[Server] = [Kafka(cache), Minio(cache), Milvus(cache), Postgres(cache), FaultProxy(cache)]
    return {server.name: server for server in servers}


def family_of(pid: int) -> Iterator[int]:
    """A process and all that come from it, those above first: once it is stopped it makes no more. PostgreSQL gives each connection
    a process in a group of its own."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended
            for child in tasks.read_text().split():
                yield from family_of(int(child))


@dataclass
class _Process:
    """`born`: when it started, in the system's own measure; a process id alone may be another's by now. Empty: it had ended before that was asked."""

    pid: int
    born: str

    @property
    def runs(self) -> bool:
        return self.born != "" and _born(self.pid) == self.born


@dataclass
class _Record:
    """What servers.json holds."""

    ports: dict[str, int] = field(default_factory=dict)
    password: str = ""
    processes: dict[str, _Process] = field(default_factory=dict)


class LocalServers:
    """The servers of one folder. Any process may open it: what runs is in its servers.json, which nobody else may read."""

    def __init__(self, folder: Path, servers: Mapping[str, Server]) -> None:
        self._folder = folder.absolute()
        self._servers = servers

    def missing(self) -> list[str]:
        """What this machine lacks to run them: a sentence each."""
        return [sentence for server in self._servers.values() for sentence in server.missing()]

    def fetch(self) -> None:
        """Gets every program that is not here yet. Raises Misconfigured with all that is absent, or where that fails."""
        self._refuse_missing()
        for server in self._servers.values():
            server.fetch()

    def start(self, *, die_with_us: Callable[[], None] | None = None) -> None:
        """Starts those that do not run, and returns once all do their work. Raises Misconfigured with every fault found.

        Each gets the ports that it had, so that clients find it again, unless somebody else listens there by now.
        """
        self._refuse_missing()
        record = self._read()
        record.password = record.password or secrets.token_hex(16)
        running = {port for name in self.names() for port in self._servers[name].port_names}
        kept = {name: port for name, port in record.ports.items() if name in running or not listens(port)}
        new = sorted({port for server in self._servers.values() for port in server.port_names} - set(kept))
        record.ports = kept | dict(zip(new, free_ports(len(new)), strict=True))
        self._write(record)
        idle = [name for name in self._servers if name not in self.names()]
        with ThreadPoolExecutor(max(1, len(idle))) as pool:
            launches = list(pool.map(lambda name: self._servers[name].launch(self._place(name)), idle))
        try:
            for name, launch in zip(idle, launches, strict=True):
                record.processes[name] = self._launch(name, launch, die_with_us)
        finally:
            self._write(record)
        self._wait_until_ready(idle)

    def stop(self, names: Iterable[str] | None = None, *, by: signal.Signals = signal.SIGTERM) -> list[str]:
        """Stops the named ones that run, or all; returns who it was. SIGKILL for those that stay. `by` SIGKILL: at once."""
        record = self._read()
        running = self.names()
        chosen = [name for name in (running if names is None else names) if name in running]
        for name in reversed(chosen):
            with suppress(ProcessLookupError):
                os.killpg(record.processes[name].pid, by)
        for name in chosen:
            if not _until(lambda name=name: not record.processes[name].runs, DOWN_WITHIN_S):  # type: ignore[misc]
                with suppress(ProcessLookupError):
                    os.killpg(record.processes[name].pid, signal.SIGKILL)
                _until(lambda name=name: not record.processes[name].runs, DOWN_WITHIN_S)  # type: ignore[misc]
            del record.processes[name]
        self._write(record)
        return chosen

    def pause(self, name: str) -> None:
        """Stops a server's clock (SIGSTOP): connections stay open and nothing is answered."""
        for pid in family_of(self._read().processes[name].pid):
            os.kill(pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Ends a pause."""
        for pid in family_of(self._read().processes[name].pid):
            os.kill(pid, signal.SIGCONT)

    def names(self) -> list[str]:
        """Those that run."""
        return [name for name, process in self._read().processes.items() if process.runs]

    def variables(self) -> dict[str, str]:
        """What tests find in their environment: a URL for each that runs, and this folder for those that stop and start them."""
        urls = {self._servers[name].variable: self.url(name) for name in self.names() if name in self._servers}
        return {**urls, "NUNGIL_TEST_SERVERS": str(self._folder)} if urls else {}

    def url(self, name: str) -> str:
        """Its URL, as our settings name it."""
        return self._servers[name].url(self._place(name))

    def _refuse_missing(self) -> None:
        faults = self.missing()
        if faults:
            raise Misconfigured("\n".join(faults))

    def _launch(self, name: str, launch: Launch, die_with_us: Callable[[], None] | None) -> _Process:
        with (self._folder / f"{name}.log").open("ab") as log:
            popen = subprocess.Popen(
                launch.command,
                env={**os.environ, **launch.environment},
                user=launch.user,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_us,
            )
        return _Process(popen.pid, _born(popen.pid))

    def _wait_until_ready(self, names: Sequence[str]) -> None:
        record = self._read()
        for name in names:
            server, place, process = self._servers[name], self._place(name), record.processes[name]
            up = _until(lambda: server.ready(place) or not process.runs, UP_WITHIN_S)  # noqa: B023
            if not up or not process.runs:
                log = self._folder / f"{name}.log"
                last = " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
                how = f"is not up after {UP_WITHIN_S:g} s" if process.runs else "ended at its start"
                raise Misconfigured(f"{name} {how}; see {log}: {last}")

    def _place(self, name: str) -> Place:
        record = self._read()
        return Place(self._folder / name, record.ports, record.password)

    def _read(self) -> _Record:
        try:
            stored = json.loads((self._folder / "servers.json").read_text())
        except FileNotFoundError:
            return _Record()
        processes = {name: _Process(**process) for name, process in stored["processes"].items()}
        return _Record(stored["ports"], stored["password"], processes)

    def _write(self, record: _Record) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / "servers.json.new"
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(record), indent=2))
        new.replace(self._folder / "servers.json")


def local_servers(only: str = "", folder: Path = RUN) -> LocalServers:
    """The named servers, or all. Raises Misconfigured for a name that we do not know."""
    known = every_server(CACHE)
    unknown = [name for name in only.split(",") if only and name not in known]
    if unknown:
        raise Misconfigured(f"no such server: {', '.join(unknown)}; there are {', '.join(known)}")
    return LocalServers(folder, {name: server for name, server in known.items() if not only or name in only.split(",")})


def _born(pid: int) -> str:
    """When the process started, or '' where it is gone (a zombie is gone)."""
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, started = done.stdout.strip().partition(" ")
    return "" if not state or state.startswith("Z") else started.strip()


def _until(done: Callable[[], bool], timeout_s: float) -> bool:
    ends, never = time.monotonic() + timeout_s, Event()
    while not done():
        if time.monotonic() > ends:
            return False
        never.wait(_LOOK_EVERY_S)
    return True
