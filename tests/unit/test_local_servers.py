"""The harness of the real servers, as far as it goes without them."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nungil.local_servers.milvus import Milvus
from nungil.local_servers.namespace import only_loopback
from nungil.local_servers.running import LocalServers, every_server
from nungil.local_servers.server import Launch, Place, free_ports, listens
from nungil.runtime.errors import Misconfigured


@dataclass(frozen=True)
class Listener:
    """A server of one line."""

    lacks: tuple[str, ...] = ()
    code: str = "import http.server, sys; http.server.test(port=int(sys.argv[1]), bind='127.0.0.1')"
    name: str = "listener"
    variable: str = "NUNGIL_TEST_LISTENER"
    port_names: Sequence[str] = ("listener",)

    def missing(self) -> Sequence[str]:
        return self.lacks

    def fetch(self) -> None:
        """It is here."""

    def launch(self, place: Place) -> Launch:
        return Launch([sys.executable, "-c", self.code, str(place.ports["listener"])])

    def ready(self, place: Place) -> bool:
        return listens(place.ports["listener"])

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


@pytest.mark.skipif(only_loopback(), reason="a machine with no network at all")
def test_milvus_refuses_a_machine_that_others_can_reach_until_told_to_accept_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUNGIL_ACCEPT_OPEN_PORTS", raising=False)
    with pytest.raises(Misconfigured, match="every network interface"):
        Milvus(tmp_path).launch(Place(tmp_path, {}, ""))
    monkeypatch.setenv("NUNGIL_ACCEPT_OPEN_PORTS", "1")
    assert Milvus(tmp_path).missing() == []


def test_ports_are_free_and_distinct() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", ports[0]))
        mine.listen()
        assert listens(ports[0])
        assert not listens(ports[1])
