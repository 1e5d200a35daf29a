"""Skips are failures where NUNGIL_NO_SKIPS=1, as in CI, so that a missing install step is seen; what no install can mend may skip."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

BEYOND_INSTALLING = ("no photographs at ", "this machine ", "this processor ")
"""How the reasons begin that say what a machine is, or which pictures lie beside the repository: nothing to install would change them."""


def forbidden(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Why this report's skip is a failure; None where it is none, or skips are allowed. An expected failure is no skip."""
    if os.environ.get("NUNGIL_NO_SKIPS") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix(
        "Skipped: "
    )
    if reason.startswith(BEYOND_INSTALLING):
        return None
    return f"{reason}; NUNGIL_NO_SKIPS=1 forbids that"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """Turns a skip into a failure that gives the skip's reason."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if reason := forbidden(report):
        report.outcome, report.longrepr = "failed", reason


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, None]:
    """The same for a module that skips itself."""
    outcome = yield
    report: pytest.CollectReport = outcome.get_result()
    if reason := forbidden(report):
        report.outcome, report.longrepr = "failed", reason
