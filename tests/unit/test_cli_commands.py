"""The command line by itself: usage, the data folder, plans of what is started."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from nungil.cli.data_folder import SERVICES, DataFolder, Runtime
from nungil.cli.errors import CommandFailed, NotRunning
from nungil.cli.main import main
from nungil.cli.plan import Plan, free_port
from nungil.cli.stack import Stack, embedded_stack, real_stack

URLS = {
    "kafka": "kafka://127.0.0.1:1",
    "minio": "s3+http://who:secret@127.0.0.1:2",
    "milvus": "milvus://127.0.0.1:3",
    "postgres": "postgresql://who:secret@127.0.0.1:4/postgres",
}


def a_plan(tmp_path: Path, stack: Stack | None = None) -> Plan:
    folder = DataFolder(tmp_path)
    return Plan(folder, Path("/run/n"), 8484, stack or embedded_stack(folder, 9000), encoder_url="tiny://64")


def a_runtime() -> Runtime:
    return Runtime(
        "http://127.0.0.1:1",
        7,
        "sqlite:////tmp/log.db",
        "milvus-lite://127.0.0.1:2",
        {"ingest": "unix:/run/n/ingest.sock"},
        {"ingest": 8},
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["search"],
        ["search", "x", "--box", "1,2"],
        ["search", "x", "--box", "nan,0,1,1"],
        ["up", "--then-stop"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_help_documents_the_exit_codes() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "0 done; 1 something was refused or failed; 2 wrong usage or settings; 3 the system does not answer" in shown


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    key = folder.key()
    assert key.startswith("nk_")
    assert len(key) > 40
    assert DataFolder(tmp_path).key() == key
    assert stat.S_IMODE(folder.key_path.stat().st_mode) == 0o600


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.held(), pytest.raises(CommandFailed, match="already runs"), folder.held():
        pass
    with folder.held():
        pass


def test_what_runs_is_noted_and_forgotten(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.note_runtime(a_runtime())
    assert folder.runtime() == a_runtime()
    folder.forget_runtime()
    with pytest.raises(NotRunning, match="nungil up"):
        folder.runtime()


def test_every_service_is_started_with_its_own_database_and_socket(tmp_path: Path) -> None:
    plan = a_plan(tmp_path)
    programs = {program.name: program for program in plan.programs()}
    assert set(programs) == {"milvus-lite", *SERVICES}
    assert programs["ingest"].environment["NUNGIL_DATABASE_URL"] == f"sqlite:///{tmp_path}/databases/ingest.db"
    assert programs["ingest"].environment["NUNGIL_LISTEN"] == "unix:/run/n/ingest.sock"
    assert programs["gateway"].environment["NUNGIL_LISTEN"] == "127.0.0.1:8484"
    assert programs["gateway"].environment["NUNGIL_SEARCH_ADDRESS"] == "unix:/run/n/search.sock"
    assert "NUNGIL_DATABASE_URL" not in programs["embed"].environment
    assert programs["embed"].needs == ("milvus-lite",)


def test_the_gateway_stops_first_and_the_index_last(tmp_path: Path) -> None:
    order = [program.name for program in reversed(a_plan(tmp_path).programs())]
    assert order == ["gateway", "search", "profile", "embed", "ingest", "milvus-lite"]


def test_on_the_real_servers_the_same_services_start_and_no_index(tmp_path: Path) -> None:
    programs = {program.name: program for program in a_plan(tmp_path, real_stack(URLS, "0a1b")).programs()}
    assert set(programs) == set(SERVICES)
    assert not any(program.needs for program in programs.values())
    search = programs["search"].environment
    assert search["NUNGIL_EVENT_LOG_URL"] == "kafka://127.0.0.1:1/nungil-0a1b?instance=search"
    assert search["NUNGIL_OBJECT_STORE_URL"] == "s3+http://who:secret@127.0.0.1:2/nungil-0a1b"
    assert search["NUNGIL_VECTOR_INDEX_URL"] == "milvus://127.0.0.1:3/nungil_0a1b"
    assert search["NUNGIL_DATABASE_URL"] == "postgresql://who:secret@127.0.0.1:4/nungil_0a1b_search"


def test_two_data_folders_have_different_names_and_keep_them(tmp_path: Path) -> None:
    one, other = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "other")
    one.root.mkdir()
    other.root.mkdir()
    assert one.name() != other.name()
    assert one.name() == DataFolder(tmp_path / "one").name()


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
    assert free_port(port) == port


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_of_a_service_is_explained(service: str) -> None:
    shown = CliRunner().invoke(main, ["config", "explain", service])
    assert shown.exit_code == 0, shown.output
    assert "NUNGIL_EVENT_LOG_URL (required)" in shown.output


def test_topics_apply_says_that_the_sqlite_log_needs_nothing() -> None:
    done = CliRunner().invoke(main, ["topics", "apply", "--event-log-url", "sqlite:////tmp/log.db"])
    assert done.exit_code == 0
    assert "nothing to do" in done.output
    assert CliRunner().invoke(main, ["topics", "apply", "--event-log-url", "nats://x"]).exit_code == 2
