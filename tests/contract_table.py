"""Every test of tests/contract against every adapter: printed with --contract-table, and with --write-contract-table in docs/contracts.md.

An adapter is a parameter of its port's tests, so its name is in the brackets of a test's id.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "contracts.md"
PORTS = {
    "event_log": ("The event log", ("sqlite", "kafka")),
    "dead_letters": ("Dead letters", ("sqlite", "kafka")),
    "object_store": ("The object store", ("file", "s3")),
    "vector_index": ("The vector index", ("exact", "milvus-lite", "milvus")),
    "database": ("The database", ("sqlite", "postgres")),
    "encoder": ("The encoder", ("efficientnet-lite0://", "tiny://64", "tiny://256")),
}
PASSED, EXPECTED, FAILED, NOT_RUN = "yes", "differs", "FAILED", "not run"
_WORST_FIRST = (FAILED, NOT_RUN, EXPECTED, PASSED)
_ID = re.compile(r"contract/test_(\w+)\.py::(?:\w+::)*test_(\w+)\[(.*)\]$")
_INTRODUCTION = """\
# What every adapter promises

Each port of the kit (`nungil/*/port.py`) has one suite of tests in `tests/contract`, and every adapter passes the same one: the
embedded twin on this machine alone, and the real server. `make contracts` runs them all on Apache Kafka 4.3, MinIO, Milvus 2.3.5 and
PostgreSQL, and writes this page. *differs* is a strict expected failure: were it to pass, the suite would fail.
"""


@dataclass
class Contracts:
    """cells: by port, test and adapter. reasons: why an adapter differs, by the same."""

    cells: dict[tuple[str, str, str], str] = field(default_factory=dict)
    reasons: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def take(self, report: pytest.TestReport) -> None:
        """Notes a test of a contract, from whichever of its phases says most."""
        found = _ID.search(report.nodeid)
        if found is None or (report.when != "call" and report.passed):
            return
        port, test, parameters = found.groups()
        adapter = adapter_in(parameters, PORTS[port][1] if port in PORTS else ())
        if adapter is None or test.startswith("a_url_that_names_no"):  # of no adapter: who opens them refuses
            return
        key = (port, test, adapter)
        expected = hasattr(report, "wasxfail") and report.skipped
        result = EXPECTED if expected else {"passed": PASSED, "skipped": NOT_RUN}.get(report.outcome, FAILED)
        self.cells[key] = min(self.cells.get(key, PASSED), result, key=_WORST_FIRST.index)
        if expected:
            self.reasons[key] = str(report.wasxfail).removeprefix("reason: ")

    def adapters(self, port: str) -> list[str]:
        """Those that were run."""
        return [name for name in PORTS[port][1] if any(key[0] == port and key[2] == name for key in self.cells)]

    def rows(self, port: str) -> dict[str, list[str]]:
        """By test, a cell for each adapter."""
        adapters = self.adapters(port)
        rows: dict[str, list[str]] = defaultdict(lambda: [NOT_RUN] * len(adapters))
        for (of, test, adapter), result in self.cells.items():
            if of == port:
                rows[test][adapters.index(adapter)] = result
        return rows

    def counts(self) -> list[str]:
        """A line for each port and adapter."""
        lines = []
        for port, (title, _) in PORTS.items():
            for at, adapter in enumerate(self.adapters(port)):
                results = [cells[at] for cells in self.rows(port).values()]
                told = [f"{results.count(result)} {result}" for result in reversed(_WORST_FIRST) if result in results]
                lines.append(f"{title:<18}{adapter:<20}{', '.join(told)}")
        return lines

    def markdown(self) -> str:
        """docs/contracts.md."""
        parts = [_INTRODUCTION]
        for port, (title, _) in PORTS.items():
            adapters = self.adapters(port)
            if adapters:
                table = [f"| | {' | '.join(adapters)} |", f"|---|{'---|' * len(adapters)}"]
                table += [f"| {sentence(test)} | {' | '.join(cells)} |" for test, cells in self.rows(port).items()]
                notes = sorted(
                    {f"- {key[2]}, {sentence(key[1])}: {why}" for key, why in self.reasons.items() if key[0] == port}
                )
                parts.append("\n".join([f"## {title}\n", *table, *(["", *notes] if notes else [])]) + "\n")
        return "\n".join(parts)


def adapter_in(parameters: str, adapters: tuple[str, ...]) -> str | None:
    """Which of `adapters` the brackets of a test's id name: 'milvus-lite-3' names milvus-lite, not milvus."""
    longest_first = sorted(adapters, key=len, reverse=True)
    if "://" in parameters:  # one that is named by its URL, or no adapter: a URL that is to be refused
        return parameters if parameters in adapters else None
    return next((name for name in longest_first if re.search(rf"(^|-){re.escape(name)}($|-)", parameters)), None)


def sentence(test: str) -> str:
    """A test's name as the sentence that it is."""
    return test.replace("_", " ")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Both tables are asked for."""
    group = parser.getgroup("contracts")
    group.addoption("--contract-table", action="store_true", help="print tests x adapters of tests/contract")
    group.addoption("--write-contract-table", action="store_true", help="and write docs/contracts.md")


def pytest_configure(config: pytest.Config) -> None:
    """Collects where it is asked for."""
    if config.getoption("--contract-table") or config.getoption("--write-contract-table"):
        config.pluginmanager.register(_Table(config.getoption("--write-contract-table")), "the contract table")


class _Table:
    """The pytest plugin."""

    def __init__(self, write: bool) -> None:
        self._contracts = Contracts()
        self._write = write

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._contracts.take(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        show = terminalreporter
        show.section("contracts: tests x adapters")
        for port, (title, _) in PORTS.items():
            adapters, rows = self._contracts.adapters(port), self._contracts.rows(port)
            if not adapters:
                continue
            show.write_line(f"\n{title:<110}{''.join(f'{name:<20}' for name in adapters)}".rstrip())
            for test, cells in rows.items():
                show.write_line(f"  {sentence(test)[:106]:<108}{''.join(f'{cell:<20}' for cell in cells)}".rstrip())
        show.write_line("")
        for line in self._contracts.counts():
            show.write_line(line)
        if self._write and FAILED in self._contracts.cells.values():
            show.write_line(f"a contract failed: {PAGE.name} is left as it was")
        elif self._write:
            PAGE.write_text(self._contracts.markdown(), "utf-8")
            show.write_line(f"written: {PAGE}")
