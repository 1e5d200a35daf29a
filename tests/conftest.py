"""For every test: skips are failures where NUNGIL_NO_SKIPS=1, as in CI, so that nothing is left out unseen."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """Turns a skip into a failure that gives the skip's reason. An expected failure stays what it is."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if os.environ.get("NUNGIL_NO_SKIPS") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which NUNGIL_NO_SKIPS=1 forbids: {call.excinfo.value if call.excinfo else item}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, None]:
    """The same for a module that skips itself."""
    outcome = yield
    report: pytest.CollectReport = outcome.get_result()
    if os.environ.get("NUNGIL_NO_SKIPS") == "1" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which NUNGIL_NO_SKIPS=1 forbids: {collector.nodeid}"
