"""`make bench`: every measurement, one after another, each written to docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import sys

MEASUREMENTS = (
    "bench.crop_vectors",
    "bench.lens",
    "bench.forward",
    "bench.pipeline",
    "bench.imports",
    "bench.start",
    "bench.event_log",
    "bench.activity",
    "bench.visible",
    "bench.people",
    "bench.segments",
    "bench.interests",
    "bench.upload_to_searchable",
    "bench.decoder",
    "bench.filters",
    "bench.searches",
    "bench.fresh",
    "bench.fold",
    "bench.simulator",
    "bench.lens_websocket",
)


def main() -> int:
    """Runs them all; 1 where one missed its floor or failed."""
    failed = [
        name for name in MEASUREMENTS if subprocess.run([sys.executable, "-m", name, "--write"], check=False).returncode
    ]
    for name in failed:
        print(f"{name} missed its floor or failed", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
