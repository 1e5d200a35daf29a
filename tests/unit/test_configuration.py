"""Wrong settings: every fault at once, by the command before a start and by the start itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import nungil
import services
from nungil.cli.configuration import settings_of
from nungil.cli.data_folder import SERVICES
from nungil.cli.main import main
from nungil.runtime.configuration import OF_COMMANDS, OF_SERVICES, OF_THIS_REPOSITORY, disagreements, faults_of

SECRET = "hunter/2"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NUNGIL_") and not name.startswith("NUNGIL_TEST_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    """What every service can start with, but for the database, which they must not share."""
    return {
        "NUNGIL_EVENT_LOG_URL": f"sqlite://{tmp_path}/log.db",
        "NUNGIL_OBJECT_STORE_URL": f"file://{tmp_path}/objects",
        "NUNGIL_VECTOR_INDEX_URL": "milvus-lite://127.0.0.1:19530",
        "NUNGIL_ENCODER_URL": "tiny://64",
        "NUNGIL_DATABASE_URL": f"sqlite://{tmp_path}/x.db",
        "NUNGIL_LISTEN": "127.0.0.1:7000",
        **{f"NUNGIL_{name.upper()}_ADDRESS": f"{name}:7000" for name in ("ingest", "embed", "search", "profile")},
    }


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, good: dict[str, str]) -> Callable[..., dict[str, str]]:
    """The faults of a service's settings, by name: good ones, but for what is given; None takes one away."""

    def faults(service: str, **wrong: str | None) -> dict[str, str]:
        for name, value in (good | {f"NUNGIL_{name}": value for name, value in wrong.items()}).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return dict(fault.split(": ", 1) for fault in faults_of(settings_of(service)))

    return faults


@pytest.mark.parametrize("service", SERVICES)
def test_good_settings_have_no_fault(check, service: str) -> None:
    assert check(service) == {}


def test_every_kind_of_fault_is_told_at_once(check) -> None:
    faults = check(
        "embed",
        EVENT_LOG_URL="nats://somewhere",
        OBJECT_STORE_URL=None,
        LISTEN="here",
        BATCH_PICTURES="0",
        POLL_RECORDS="many",
        DEVICE="tpu",
        PREPARER="3",
    )
    assert set(faults) == {
        f"NUNGIL_{name}"
        for name in (
            "EVENT_LOG_URL",
            "OBJECT_STORE_URL",
            "LISTEN",
            "BATCH_PICTURES",
            "POLL_RECORDS",
            "DEVICE",
            "PREPARER",
        )
    }
    assert faults["NUNGIL_PREPARER"].endswith("did you mean NUNGIL_PREPARERS?")
    assert faults["NUNGIL_OBJECT_STORE_URL"].startswith("is not set: file:///")
    assert faults["NUNGIL_BATCH_PICTURES"] == "'0': it should be greater than or equal to 1"


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        ("ingest", "EVENT_LOG_URL", ""),
        ("ingest", "EVENT_LOG_URL", "sqlite://relative.db"),
        ("ingest", "EVENT_LOG_URL", "kafka://host"),
        ("ingest", "OBJECT_STORE_URL", "s3://bucket"),
        ("ingest", "OBJECT_STORE_URL", "file://host/objects"),
        ("embed", "VECTOR_INDEX_URL", "faiss:///x"),
        ("embed", "VECTOR_INDEX_URL", "milvus-lite:///index"),
        ("search", "VECTOR_INDEX_URL", "milvus://host"),
        ("search", "VECTOR_INDEX_URL", "exact://"),
        ("search", "DATABASE_URL", "mysql://host/x"),
        ("search", "DATABASE_URL", "postgresql://host"),
        ("search", "DATABASE_URL", "postgresql://host/x?sslmode=verify"),
        ("search", "DATABASE_URL", "postgresql://host/x?sslrootcert=/nowhere/ca.pem"),
        ("embed", "ENCODER_URL", "resnet://50"),
        ("embed", "KEPT_ENCODER_URL", "resnet://50"),
        ("embed", "KEPT_ENCODER_URL", "tiny://64"),  # the one that is served
        ("gateway", "SEARCH_ADDRESS", "search"),
        ("gateway", "SEARCH_ADDRESS", "search:70000"),
        ("gateway", "SEARCH_ADDRESS", "unix:/" + 107 * "x"),
        ("gateway", "METRICS_LISTEN", "9464"),
        ("gateway", "PAGE_DIR", "/nowhere"),
        ("gateway", "ALLOWED_HOSTS", "nungil.example"),
        ("profile", "ACTIVITY_GAINS", '{"saved": "much"}'),
        ("profile", "ACTIVITY_GAINS", '{"sold": 1}'),
        ("profile", "LOG_LEVEL", "chatty"),
    ],
)
def test_a_wrong_value_is_its_settings_only_fault(check, service: str, name: str, value: str) -> None:
    assert list(check(service, **{name: value})) == [f"NUNGIL_{name}"]


def test_a_bucket_without_keys_is_told_before_anything_is_asked(check) -> None:
    faults = check("embed", OBJECT_STORE_URL="s3+https://store.example/nungil")
    assert "set NUNGIL_S3_ACCESS_KEY and NUNGIL_S3_SECRET_KEY" in faults["NUNGIL_OBJECT_STORE_URL"]
    keys = {"S3_ACCESS_KEY": "k", "S3_SECRET_KEY": "s"}
    assert check("embed", OBJECT_STORE_URL="s3+https://store.example/nungil", **keys) == {}


def test_what_lies_in_a_files_place_is_told(check, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    faults = check(
        "ingest",
        EVENT_LOG_URL=f"sqlite://{tmp_path}",
        OBJECT_STORE_URL=f"file://{tmp_path}/taken",
        DATABASE_URL=f"sqlite://{tmp_path}/taken/x.db",
    )
    assert faults["NUNGIL_EVENT_LOG_URL"].startswith(f"{tmp_path} cannot be read and written")
    assert faults["NUNGIL_OBJECT_STORE_URL"] == f"{tmp_path}/taken is no folder"
    assert faults["NUNGIL_DATABASE_URL"] == f"{tmp_path}/taken is no folder"


def test_what_another_service_or_kubernetes_or_a_command_reads_is_no_fault(check) -> None:
    more = {
        "NUNGIL_CACHE_BYTES": "x",
        "NUNGIL_S3_ACCESS_KEY": "x",
        "NUNGIL_URL": "x",
        "NUNGIL_SEARCH_SERVICE_HOST": "10.0.0.1",
        "NUNGIL_SEARCH_PORT_7000_TCP_ADDR": "10.0.0.1",
    }
    assert check("embed", **{name.removeprefix("NUNGIL_"): value for name, value in more.items()}) == {}


@pytest.mark.parametrize("url", ["postgresql://me:{}@host", "mysql://me:{}@host/x", "postgresql://me:{}@host:x/x"])
def test_no_fault_shows_a_password(check, url: str) -> None:
    [fault] = check("ingest", DATABASE_URL=url.format(SECRET)).values()
    assert SECRET not in fault
    assert "postgresql://user@host" in fault  # how it should be is shown as it is


def test_the_names_that_every_service_lets_pass_are_those_that_they_read() -> None:
    fields = {name for service in SERVICES for name in settings_of(service).model_fields}
    assert {f"NUNGIL_{name.upper()}" for name in fields} == OF_SERVICES


def test_services_that_cannot_work_together_are_told() -> None:
    given = {
        "ingest": {"event_log_url": "kafka://a:1/x", "database_url": "postgresql://i:p@h/one"},
        "embed": {"event_log_url": "kafka://a:1/x?instance=embed-0", "encoder_url": "tiny://64"},
        "search": {
            "event_log_url": "sqlite:///log.db",
            "database_url": "postgresql://s:p@h/one",
            "encoder_url": "tiny://32",
        },
    }
    log, encoder, database = disagreements(given)
    assert "(ingest, embed: kafka://a:1/x; search: sqlite:///log.db)" in log
    assert "tiny://32" in encoder
    assert "ingest, search share a database" in database
    assert disagreements({"ingest": given["ingest"], "embed": {"event_log_url": "kafka://a:1/x?instance=e"}}) == []


def written(folder: Path, service: str, settings: dict[str, str]) -> str:
    file = folder / f"{service}.env"
    file.write_text("# as compose reads it\n\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
    return f"{service}={file}"


def test_the_command_reads_a_file_for_each_service_and_ends_with_0(good: dict[str, str], tmp_path: Path) -> None:
    files = [
        written(tmp_path, service, good | {"NUNGIL_DATABASE_URL": f"sqlite://{tmp_path}/{service}.db"})
        for service in SERVICES
    ]
    done = CliRunner().invoke(main, ["config", "check", *files])
    assert (done.exit_code, done.output.count("nothing is wrong")) == (0, len(SERVICES) + 1), done.output
    assert not list(tmp_path.glob("*.db"))  # nothing was made


def test_the_command_tells_of_every_service_and_ends_with_2(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["config", "check"])
    assert done.exit_code == 2
    for service in SERVICES:
        assert f"{service}: " in done.output
    assert CliRunner().invoke(main, ["config", "check", "embedd"]).exit_code == 2
    assert CliRunner().invoke(main, ["config", "check", f"embed={tmp_path}/none.env"]).exit_code == 2


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_own_start_gives_the_same_list_and_ends_with_2(check, service: str) -> None:
    faults = check(service, EVENT_LOG_URL="nats://x", LISTEN=None, LOG_LEVEL="chatty", LISTENS="x")
    process = subprocess.run(
        [sys.executable, "-m", f"services.{service}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert process.returncode == 2
    first, *lines = process.stderr.splitlines()
    assert first.startswith(f"nungil {service}: {service} cannot start: 4 settings are wrong")
    assert [line.strip() for line in lines] == [f"{name}: {what}" for name, what in faults.items()]


def test_every_setting_says_what_it_is() -> None:
    shown = CliRunner().invoke(main, ["config", "explain"])
    assert shown.exit_code == 0, shown.output
    for service in SERVICES:
        assert f"# {service}\n" in shown.output
        assert all(field.description for field in settings_of(service).model_fields.values()), service
    assert "NUNGIL_S3_SECRET_KEY (required for s3+https://" in shown.output


def test_every_variable_that_the_code_names_is_known() -> None:
    files = [*Path(nungil.__file__).parent.rglob("*.py"), *Path(services.__file__).parent.rglob("*.py")]
    named = {name for file in files for name in re.findall(r'"(NUNGIL_[A-Z0-9_]*[A-Z0-9])"', file.read_text("utf-8"))}
    assert named
    of_tests = {name for name in named if name.startswith("NUNGIL_TEST_")}
    assert named - of_tests <= OF_SERVICES | OF_COMMANDS | OF_THIS_REPOSITORY
