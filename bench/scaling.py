"""What one picture costs in each store, how far the log gets ahead of embed, and what a second embed process brings.

400 photographs are given at once, eight uploads in flight, by one tenant with one embed process, then by another tenant with
two. The peer of two processes is one, in the same run; on 2 cores that one already uses both.

    python -m bench.scaling [--write]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.report import write_section
from bench.running import PHOTOS, System, give_pictures, running_system
from nungil.event_log.open import open_event_log
from nungil.event_log.topics import MEDIA_CHANGED
from nungil.runtime.rpc import is_serving


@dataclass(frozen=True)
class Run:
    """One import. seconds: until every picture was searchable; longest_lag: records that embed was behind, at most."""

    seconds: float
    longest_lag: int
    lag_gone_s: float


def import_all(system: System, tenant: str, files: list[Path]) -> Run:
    """Gives every file and watches how far embed is behind."""
    behind: list[tuple[float, int]] = []
    done = threading.Event()

    def watch() -> None:
        with open_event_log(f"sqlite:///{system.data}/log.db") as log:
            while not done.wait(0.1):
                behind.append((time.perf_counter(), log.lag([MEDIA_CHANGED], group="embed")[MEDIA_CHANGED]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        with system.new_tenant(tenant) as client:
            give_pictures(client, files, purpose="personal")
        seconds = time.perf_counter() - began
    finally:
        done.set()
        watcher.join()
    gone = max((at for at, lag in behind if lag), default=began)
    return Run(seconds, max(lag for _, lag in behind), gone - began)


@contextmanager
def second_embed(system: System) -> Iterator[None]:
    """Another embed process, with the settings of the first and an address of its own."""
    environment = system.environment_of("embed")
    address = environment["NUNGIL_LISTEN"].replace("embed.sock", "embed2.sock")
    process = subprocess.Popen(
        [sys.executable, "-m", "services.embed"],
        env=os.environ | environment | {"NUNGIL_LISTEN": address},
        stderr=subprocess.DEVNULL,
    )
    pause = threading.Event()
    try:
        until = time.monotonic() + 60
        while not is_serving(address):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the second embed process does not come up")
            pause.wait(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def bytes_under(*paths: Path) -> int:
    """Of every file."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


def stores(data: Path) -> dict[str, int]:
    """Bytes by store."""
    logs = list(data.glob("log.db*"))
    return {
        "originals": bytes_under(data / "objects" / "originals"),
        "renditions": bytes_under(data / "objects" / "renditions"),
        "features": bytes_under(data / "objects" / "features"),
        "vector index": bytes_under(data / "index"),
        "event log": bytes_under(*logs),
        "databases": bytes_under(data / "databases"),
    }


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    files = sorted((PHOTOS / "clothing").glob("*/*.*"))
    given = sum(file.stat().st_size for file in files) / len(files)
    with running_system() as system:
        before = stores(system.data)
        one = import_all(system, "one", files)
        after = stores(system.data)
        with second_embed(system):
            two = import_all(system, "two", files)
    lines = ["| store | bytes a picture |", "|---|---|", f"| (as received, not kept) | {given:,.0f} |"]
    lines += [f"| {name} | {(after[name] - before[name]) / len(files):,.0f} |" for name in after]
    lines += ["", "| embed processes | pictures a second | embed behind, at most | behind for |", "|---|---|---|---|"]
    lines += [
        f"| {n} | {len(files) / run.seconds:.1f} | {run.longest_lag} records | {run.lag_gone_s:.1f} s |"
        for n, run in ((1, one), (2, two))
    ]
    table = "\n".join(lines)
    print(table)
    if options.write:
        write_section("scaling", table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
