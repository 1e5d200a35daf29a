"""Which skips are failures in CI."""

from __future__ import annotations

import pytest
from no_skips import forbidden


def skipped(reason: str) -> pytest.TestReport:
    """A test's report that says why it was skipped, as pytest makes it."""
    return pytest.TestReport("tests/x.py::test", ("x.py", 1, "test"), {}, "skipped", ("x.py", 1, f"Skipped: {reason}"), "call")  # fmt: skip


def test_a_missing_program_is_a_failure_where_skips_are_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNGIL_NO_SKIPS", "1")
    assert forbidden(skipped("there is no Chromium: install it")) == "there is no Chromium: install it; NUNGIL_NO_SKIPS=1 forbids that"  # fmt: skip


@pytest.mark.parametrize(
    "reason", ["no photographs at /photos: set NUNGIL_PHOTOS", "this processor has no bf16", "this machine has a GPU"]
)
def test_what_no_install_can_mend_may_be_skipped(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    monkeypatch.setenv("NUNGIL_NO_SKIPS", "1")
    assert forbidden(skipped(reason)) is None


def test_without_the_setting_a_skip_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUNGIL_NO_SKIPS", raising=False)
    assert forbidden(skipped("there is no Chromium: install it")) is None


def test_an_expected_failure_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNGIL_NO_SKIPS", "1")
    report = skipped("differs")
    report.wasxfail = "differs"
    assert forbidden(report) is None
