"""`make faults`: every fault in turn on a system of its own, and the matrix of what came of it.

python -m faults [--stack embedded|real] [--seed 1] [--only NAMES] [--short] [--photos] [--write]
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from bench.report import PAGE as BENCHMARKS
from bench.report import write_section
from faults.kinds import Fault, faults
from faults.matrix import Outcome, row, table
from faults.pictures import painted, photographs
from faults.reconcile import Found
from faults.runs import Run
from faults.servers import real_servers
from faults.stack import own_mounts
from nungil.cli.errors import CommandFailed

PAGE = BENCHMARKS.with_name("faults.md")
PICTURES, PER_S, AWAY_S = 400, 10.0, 20.0
SHORT_PICTURES, SHORT_PER_S, SHORT_AWAY_S = 60, 6.0, 6.0
PHOTOS_PER_S = 5.0


def chosen(stack: str, only: str) -> list[Fault]:
    """The quiet run, and those of `only` (all where it is empty). Raises CommandFailed for a name that is none."""
    there = [fault for fault in faults() if stack in fault.stacks]
    names = [fault.name for fault in there]
    unknown = [name for name in only.split(",") if only and name not in names]
    if unknown:
        raise CommandFailed(f"no such fault on the {stack} stack: {', '.join(unknown)}; there are {', '.join(names)}")
    return [fault for fault in there if not only or fault.name in ("quiet", *only.split(","))]


def run_all(run: Run, wanted: Sequence[Fault]) -> list[Outcome]:
    """In turn, each on a fresh system; the first is the quiet run. Prints each row as it comes."""
    quiet: Found | None = None
    outcomes = []
    for fault in wanted:
        outcome, found = run(fault, quiet)
        quiet = quiet or found
        outcomes.append(outcome)
        _say(row(outcome))
    return outcomes


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """1 where anything was lost, double, or did not recover."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--stack", choices=("embedded", "real"), default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="NAMES", help="some of them, with commas")
    parser.add_argument("--short", action="store_true", help=f"{SHORT_PICTURES} pictures, {SHORT_AWAY_S:g} s away")
    parser.add_argument("--photos", action="store_true", help="photographs and the real encoder, not painted pictures")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is stopped then too
    wanted = chosen(options.stack, options.only)
    if not own_mounts():
        _say("no disk is filled: that needs root on Linux")
        wanted = [fault for fault in wanted if fault.name != "disk-full"]
    count = SHORT_PICTURES if options.short else PICTURES
    pictures = photographs(count) if options.photos else painted(count, seed=options.seed)
    per_s = PHOTOS_PER_S if options.photos else SHORT_PER_S if options.short else PER_S
    encoder = "efficientnet-lite0://" if options.photos else "tiny://64"
    away_s = SHORT_AWAY_S if options.short else AWAY_S
    with real_servers() if options.stack == "real" else nullcontext() as servers:
        outcomes = run_all(Run(servers, encoder, pictures, per_s, options.seed, away_s), wanted)
    what = "photographs" if options.photos else "painted pictures"
    text = (
        f"The {options.stack} stack, {count} {what} at {per_s:g} a second, seed {options.seed}; what is away is away for "
        f"{away_s:g} s.\n\n{table(outcomes)}"
    )
    print(text)
    if options.write:
        write_section(f"faults, {options.stack}", f"## The {options.stack} stack\n\n{text}", page=PAGE)
    return int(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
