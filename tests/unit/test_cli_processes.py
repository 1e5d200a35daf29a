"""Processes under the supervisor: their logs are bounded and read for errors, and none outlives its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from nungil.cli.processes import LOG_BYTES, LogFile, ServiceProgram


def a_program(tmp_path: Path, code: str) -> ServiceProgram:
    return ServiceProgram("embed", (sys.executable, "-c", code), {}, tmp_path / "embed.log", lambda: True)


def wait_until(true: object, *, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_program_logs_as_an_error_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "embed.log"
    path.write_text("")
    log = LogFile(path)
    with path.open("a") as file:
        file.write(json.dumps({"level": "INFO", "message": "started"}) + "\n")
        file.write(json.dumps({"level": "ERROR", "message": "the disk is full"}) + "\n")
        file.write("nungil embed: EmbedSettings cannot start\n")
        file.write('{"level": "ERROR", "mess')
    assert log.errors() == ["the disk is full", "nungil embed: EmbedSettings cannot start"]
    with path.open("a") as file:
        file.write('age": "again"}\n')
    assert log.errors() == ["again"]


def test_what_an_earlier_run_logged_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "embed.log"
    path.write_text(json.dumps({"level": "ERROR", "message": "yesterday"}) + "\n")
    assert LogFile(path).errors() == []


def test_a_log_that_grew_too_long_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "embed.log"
    path.write_bytes(b"")
    log = LogFile(path)
    path.write_bytes(b"x" * (LOG_BYTES + 1))
    log.errors()
    assert path.stat().st_size == 0
    assert (tmp_path / "embed.log.1").stat().st_size == LOG_BYTES + 1


def test_killing_a_program_kills_what_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    process = a_program(
        tmp_path,
        f"import subprocess, time; p = subprocess.Popen(['sleep', '60']); open({str(child)!r}, 'w').write(str(p.pid) + ';'); time.sleep(60)",
    ).start()
    wait_until(lambda: child.exists() and child.read_text().endswith(";"))
    process.kill()
    assert process.poll() == -signal.SIGKILL
    wait_until(lambda: not is_running(int(child.read_text().rstrip(";"))))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux kills children with their parent")
def test_a_program_dies_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    parent_code = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from nungil.cli.processes import ServiceProgram
        program = ServiceProgram("x", (sys.executable, "-c", "import time; time.sleep(60)"), {{}}, Path({str(tmp_path / "x.log")!r}), lambda: True)
        print(program.start().pid, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    assert is_running(child_pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not is_running(child_pid))
