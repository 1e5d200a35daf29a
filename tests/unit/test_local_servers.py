"""The harness of the real servers, as far as it goes without them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nungil.local_servers import namespace
from nungil.local_servers.milvus import Milvus
from nungil.local_servers.namespace import only_loopback
from nungil.local_servers.running import LocalServers, _born, _Process, every_server
from nungil.local_servers.server import Launch, Place, free_ports, listens
from nungil.runtime.errors import Misconfigured

GREETS = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.sendall(b"hello")
    client.close()
"""


def greeting(port: int) -> bytes:
    """What is said to who connects; nothing where nobody is."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            return client.recv(100)
    except OSError:
        return b""


@dataclass(frozen=True)
class Listener:
    """A server of one line."""

    lacks: tuple[str, ...] = ()
    code: str = GREETS
    name: str = "listener"
    variable: str = "NUNGIL_TEST_LISTENER"
    port_names: Sequence[str] = ("listener",)
    jailed: bool = False

    def missing(self) -> Sequence[str]:
        return self.lacks

    def fetch(self) -> None:
        """It is here."""

    def launch(self, place: Place) -> Launch:
        port = str(place.ports["listener"])
        jail = [sys.executable, "-m", "nungil.local_servers.jail", port] if self.jailed else []
        return Launch([*jail, sys.executable, "-c", self.code, port], {"PYTHONPATH": str(Path(__file__).parents[2])})

    def ready(self, place: Place) -> bool:
        return greeting(place.ports["listener"]) == b"hello"

    def url(self, place: Place) -> str:
        return f"http://127.0.0.1:{place.ports['listener']}"


def servers_in(folder: Path, listener: Listener | None = None) -> LocalServers:
    return LocalServers(folder, {"listener": listener or Listener()})


def test_a_server_runs_until_any_process_stops_it(tmp_path: Path) -> None:
    servers_in(tmp_path).start()
    try:
        variables = servers_in(tmp_path).variables()
        assert variables["NUNGIL_TEST_SERVERS"] == str(tmp_path)
        assert listens(int(variables["NUNGIL_TEST_LISTENER"].rpartition(":")[2]))
    finally:
        assert servers_in(tmp_path).stop() == ["listener"]
    assert servers_in(tmp_path).names() == []
    assert servers_in(tmp_path).stop() == []


def test_starting_what_runs_changes_nothing(tmp_path: Path) -> None:
    servers = servers_in(tmp_path)
    servers.start()
    try:
        before = (tmp_path / "servers.json").read_text()
        servers.start()
        assert (tmp_path / "servers.json").read_text() == before
    finally:
        servers.stop()


def test_who_runs_is_written_where_nobody_else_reads_it(tmp_path: Path) -> None:
    servers = servers_in(tmp_path)
    servers.start()
    servers.stop()
    assert (tmp_path / "servers.json").stat().st_mode & 0o077 == 0


def test_a_server_that_ends_at_its_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"listener ended at its start.*no such luck"):
        servers_in(tmp_path, Listener(code="raise SystemExit('no such luck')")).start()


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    servers = LocalServers(
        tmp_path, {"a": Listener(lacks=("no java: install it",)), "b": Listener(lacks=("no go: install it",))}
    )
    with pytest.raises(Misconfigured, match="no java: install it\nno go: install it"):
        servers.start()


def test_a_machine_without_java_maven_and_go_is_told_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sentences = " ".join(sentence for server in every_server(tmp_path).values() for sentence in server.missing())
    for program in ("java", "mvn", "go"):
        assert f"{program} is absent: install" in sentences


@pytest.mark.skipif(only_loopback(), reason="this machine has no network at all")
def test_milvus_runs_in_a_jail_refuses_to_run_without_or_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, {"milvus": 1, "milvus_metrics": 2}, "")
    monkeypatch.delenv("NUNGIL_ACCEPT_OPEN_PORTS", raising=False)
    assert "nungil.local_servers.jail" in Milvus(tmp_path).launch(place).command
    assert bool(Milvus(tmp_path).missing()) is not namespace.allowed()
    monkeypatch.setenv("NUNGIL_ACCEPT_OPEN_PORTS", "1")
    assert "nungil.local_servers.jail" not in Milvus(tmp_path).launch(place).command
    assert Milvus(tmp_path).missing() == []


@pytest.mark.skipif(not namespace.allowed(), reason="network namespaces are not allowed here")
def test_a_server_in_a_jail_is_reached_through_its_port(tmp_path: Path) -> None:
    listener = Listener(jailed=True)
    servers = servers_in(tmp_path, listener)
    servers.start()
    try:
        assert greeting(int(servers.url("listener").rpartition(":")[2])) == b"hello"
    finally:
        servers.stop()
    assert not listens(int(servers.url("listener").rpartition(":")[2]))


def test_ports_are_free_and_distinct() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", ports[0]))
        mine.listen()
        assert listens(ports[0])
        assert not listens(ports[1])


def test_a_process_that_had_ended_before_its_birth_was_asked_for_does_not_run() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not _Process(ended.pid, _born(ended.pid)).runs
