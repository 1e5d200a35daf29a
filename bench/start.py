"""From `nungil up` to the first search result, dependencies installed: under 60 s.

python -m bench.start [--write]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import skimage

from bench.report import write_section
from bench.running import give_pictures, running_system

LIMIT_S = 60


def main() -> int:
    """Prints how long it took; 1 where it is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pictures = [Path(skimage.__file__).parent / "data" / name for name in ("coffee.png", "chelsea.png")]
    began = time.perf_counter()
    with running_system() as system, system.client() as client:
        healthy_s = time.perf_counter() - began
        ids = give_pictures(client, pictures, purpose="personal")
        hits = client.post("/v1/search", json={"media_id": ids[pictures[0]]}).raise_for_status().json()["hits"]
        first_hit_s = time.perf_counter() - began
    if not hits:
        raise RuntimeError("the first search found nothing")
    table = f"| step | seconds |\n|---|---|\n| every service healthy | {healthy_s:.1f} |\n| first search result | {first_hit_s:.1f} (limit {LIMIT_S}) |"
    print(table)
    if options.write:
        write_section("start", table)
    return int(first_hit_s > LIMIT_S)


if __name__ == "__main__":
    raise SystemExit(main())
