"""The table of contracts: which adapter a test was for, and what is said of it."""

from __future__ import annotations

import pytest
from contract_table import Contracts, adapter_in


def a_report(nodeid: str, outcome: str = "passed", *, differs: str | None = None) -> pytest.TestReport:
    report = pytest.TestReport(nodeid, ("", 0, ""), {}, outcome, None, "call")  # type: ignore[arg-type]
    if differs is not None:
        report.wasxfail = differs
    return report


@pytest.mark.parametrize(
    ("parameters", "adapter"),
    [
        ("milvus-lite", "milvus-lite"),
        ("milvus", "milvus"),
        ("milvus-3", "milvus"),
        ("3-milvus-lite", "milvus-lite"),
        ("milvus-lite://x", None),
        ("exactly", None),
    ],
)
def test_the_adapter_is_read_from_the_brackets(parameters: str, adapter: str | None) -> None:
    assert adapter_in(parameters, ("exact", "milvus-lite", "milvus")) == adapter


def test_the_worst_of_a_tests_cases_is_told() -> None:
    contracts = Contracts()
    contracts.take(a_report("tests/contract/test_event_log.py::test_a_key_keeps_its_order[sqlite-1]"))
    contracts.take(a_report("tests/contract/test_event_log.py::test_a_key_keeps_its_order[sqlite-2]", "failed"))
    contracts.take(a_report("tests/contract/test_event_log.py::test_a_key_keeps_its_order[kafka-1]"))
    assert contracts.rows("event_log") == {"a_key_keeps_its_order": ["FAILED", "yes"]}


def test_an_expected_failure_is_told_with_its_reason() -> None:
    contracts = Contracts()
    contracts.take(a_report("tests/contract/test_object_store.py::test_it_holds[file]", "skipped", differs="no room"))
    assert contracts.rows("object_store") == {"it_holds": ["differs"]}
    assert "- file, it holds: no room" in contracts.markdown()


def test_tests_of_no_adapter_and_of_other_suites_are_left_out() -> None:
    contracts = Contracts()
    contracts.take(a_report("tests/contract/test_vector_index.py::test_a_url_that_names_none[milvus-lite://x]"))
    contracts.take(a_report("tests/unit/test_event_log.py::test_other[sqlite]"))
    assert contracts.cells == {}
