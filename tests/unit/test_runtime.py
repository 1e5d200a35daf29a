"""Settings, lifecycle, errors, tracing, logs."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nungil.runtime import tracing
from nungil.runtime.errors import Misconfigured, NotFound, Rejected, TooLarge
from nungil.runtime.lifecycle import worker
from nungil.runtime.logs import configure_logs
from nungil.runtime.settings import ServiceSettings, read_settings

A_SERVICE = """
from threading import Event
from nungil.runtime.lifecycle import serve
from nungil.runtime.settings import ServiceSettings

def run(settings, stop: Event) -> None:
    print("running", flush=True)
    assert stop.wait(20), "nobody stopped me"

serve("echo", ServiceSettings, run)
"""


def a_service(env: dict[str, str]) -> subprocess.Popen:
    base = {key: value for key, value in os.environ.items() if not key.startswith("NUNGIL_")}
    return subprocess.Popen(
        [sys.executable, "-c", A_SERVICE], env=base | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_wrong_settings_are_all_told_at_once(monkeypatch):
    monkeypatch.delenv("NUNGIL_EVENT_LOG_URL", raising=False)
    monkeypatch.setenv("NUNGIL_LISTEN", "unix:/tmp/x.sock")
    monkeypatch.setenv("NUNGIL_LOG_LEVEL", "chatty")
    with pytest.raises(Misconfigured) as caught:
        read_settings(ServiceSettings)
    assert "NUNGIL_EVENT_LOG_URL" in str(caught.value)
    assert "NUNGIL_LOG_LEVEL" in str(caught.value)


def test_a_misconfigured_service_exits_with_2_and_says_what_to_set():
    process = a_service({})
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "NUNGIL_LISTEN" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_a_service_with_0(number, tmp_path):
    process = a_service({"NUNGIL_EVENT_LOG_URL": f"sqlite://{tmp_path}/x.db", "NUNGIL_LISTEN": "unix:/tmp/x.sock"})
    assert process.stdout.readline() == "running\n"
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0


A_START = """
import sys
from nungil.runtime import lifecycle
from nungil.runtime.errors import DependencyAway, Misconfigured
from nungil.runtime.settings import ServiceSettings

lifecycle.FIRST_WAIT_S = 0.01
tries = []

def run(settings, stop):
    tries.append(1)
    if sys.argv[1] == "wrong":
        raise Misconfigured("the topics are missing: run `nungil topics apply`")
    if sys.argv[1] == "fails later":
        stop.set()  # as a worker does
        raise DependencyAway("gone")
    if len(tries) < 3:
        raise DependencyAway("the log does not answer")
    print("running", flush=True)
    assert stop.wait(20), "nobody stopped me"

lifecycle.serve("echo", ServiceSettings, run)
"""


def a_start(how: str, folder: Path) -> subprocess.Popen:
    env = {key: value for key, value in os.environ.items() if not key.startswith("NUNGIL_")}
    env |= {"NUNGIL_EVENT_LOG_URL": f"sqlite://{folder}/x.db", "NUNGIL_LISTEN": "unix:/tmp/x.sock"}
    return subprocess.Popen(
        [sys.executable, "-c", A_START, how], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_what_is_wrong_at_a_start_is_told_in_one_line_and_ends_it_with_2(tmp_path):
    process = a_start("wrong", tmp_path)
    _, err = process.communicate(timeout=30)
    [line] = err.splitlines()
    assert process.returncode == 2
    assert json.loads(line)["message"] == "echo cannot start: the topics are missing: run `nungil topics apply`"


def test_what_does_not_answer_at_a_start_is_waited_for_with_a_line_a_try(tmp_path):
    process = a_start("away", tmp_path)
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    first, second, last = [json.loads(line)["message"] for line in err.splitlines()]
    assert first.startswith("echo cannot start yet, and tries again in")
    assert first.endswith("the log does not answer")
    assert second.endswith("the log does not answer")
    assert (last, process.returncode) == ("echo stopped", 0)


def test_a_service_that_fails_later_is_not_begun_again_within(tmp_path):
    process = a_start("fails later", tmp_path)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "echo failed and stops" in err


def test_a_worker_that_fails_stops_its_process_and_tells_why():
    stop = threading.Event()

    def work() -> None:
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"), worker("w", work, stop):
        assert stop.wait(5)


def test_slugs_are_the_class_names_in_kebab_case():
    assert [e.slug for e in (TooLarge("x"), NotFound("x"), Rejected("x", slug="empty-box"))] == [
        "too-large",
        "not-found",
        "empty-box",
    ]


def test_a_trace_goes_on_where_headers_carry_one():
    with tracing.trace() as first:
        headers = tracing.inject()
    assert tracing.inject() == {}
    with tracing.trace(headers) as second:
        assert second == first
        assert tracing.inject()["traceparent"][3:35] == first


def test_a_line_for_eyes_has_what_was_noted_beside_the_message(capsys):
    configure_logs("embed", level="info", format_="text")
    try:
        with tracing.span("embed", media_id="m-1"):
            pass
    finally:
        logging.getLogger().handlers.clear()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    embed    embed in 0 ms media_id=m-1\n", capsys.readouterr().err
    )


def test_a_span_is_the_parent_of_what_it_sends_and_is_told_in_one_line(caplog):
    caplog.set_level(logging.INFO)
    with tracing.trace({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}), tracing.span("embed", media_id="m-1") as span:
        tracing.note(regions=3)
        span.lap("prepare")
        headers = tracing.inject()
    [line] = caplog.records
    assert (line.span, line.trace_id, line.parent_id) == ("embed", "a" * 32, "b" * 16)
    assert headers["traceparent"] == f"00-{'a' * 32}-{line.span_id}-01"
    assert (line.media_id, line.regions) == ("m-1", 3)
    assert 0 <= line.prepare_ms <= line.ms


def test_a_malformed_trace_header_begins_a_new_trace():
    with tracing.trace({"traceparent": "00-xyz"}) as trace_id:
        assert len(trace_id) == 32


def test_a_log_line_is_one_json_object_with_service_and_trace(capsys):
    configure_logs("embed", level="info", format_="json")
    try:
        with tracing.trace() as trace_id:
            logging.getLogger("x").info("embedded %d pictures", 3)
    finally:
        logging.getLogger().handlers.clear()
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["service"], line["trace_id"]) == ("embedded 3 pictures", "embed", trace_id)
