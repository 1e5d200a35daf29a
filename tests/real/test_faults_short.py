"""Parts of the whole system on the real servers fail during an import: nothing is lost, nothing is double, all comes back by itself.

`make faults` does the same with every fault, more pictures and longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from real_servers import STOPPABLE

from faults.kinds import faults
from faults.matrix import Outcome, row
from faults.pictures import painted
from faults.reconcile import Found
from faults.runs import Run
from faults.servers import RealServers
from nungil.local_servers.running import local_servers

pytestmark = [pytest.mark.real, pytest.mark.system, STOPPABLE, pytest.mark.timeout(600)]

RunFault = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def run_fault(tmp_path_factory: pytest.TempPathFactory) -> RunFault:
    """Runs a fault by its name, after a quiet run of the same seed."""
    through_proxy = tmp_path_factory.mktemp("faults") / "proxied"
    folder = Path(os.environ["NUNGIL_TEST_SERVERS"])
    servers = RealServers(folder, through_proxy, local_servers(folder=folder))
    run = Run(servers, "tiny://64", painted(60, seed=7), per_s=6.0, seed=7, away_s=6.0)
    known = {fault.name: fault for fault in faults()}
    quiet: list[Found] = []

    def run_one(name: str) -> Outcome:
        if not quiet:
            outcome, found = run(known["quiet"], None)
            assert outcome.faults == [], row(outcome)
            quiet.append(found)
        return run(known[name], quiet[0])[0]

    return run_one


@pytest.mark.parametrize("name", ["kill-embed", "away-kafka", "cut"])
def test_every_accepted_picture_is_searchable_once_and_counted_once(run_fault: RunFault, name: str) -> None:
    outcome = run_fault(name)
    assert outcome.faults == [], row(outcome)
