"""Full searches a second through the gateway, one at a time and ten at once, and the processor time that each costs each process.

What a page asks for when a frame rests: hits, chips, offers, matched boxes, the first hits ranked again. The limit is the index alone,
asked the same number of rows about the same vectors by the same number of clients. `--stack real` measures the same on real servers.

    python -m bench.searches [--pictures 600] [--stack embedded] [--write]
"""

from __future__ import annotations

import argparse
import os
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from bench.photographs import of_set
from bench.report import write_section
from bench.running import give_pictures, running_system
from nungil.encoder.open import space_of
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import VectorIndex
from services.search.handlers.choosing import RESULTS
from services.search.planning import first_rows

AT_ONCE = (1, 10)
ASKED = 100  # of each
PROCESSES = {
    "search": "services.search",
    "gateway": "services.gateway",
    "milvus-lite": "milvus_lite",
    "Milvus": r"milvus run",
}
Ask = Callable[[int], None]


@dataclass(frozen=True)
class Run:
    """took_ms: of each. processor_ms: an ask, by process."""

    took_ms: Sequence[float]
    a_second: float
    processor_ms: Mapping[str, float]


def processor_s() -> dict[str, float]:
    """Seconds that the processes of each name have used since they began. Linux."""
    used: dict[str, float] = defaultdict(float)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            continue  # it has ended
        for name, pattern in PROCESSES.items():
            if re.search(pattern, command):
                used[name] += sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return used


def measure(ask: Ask, *, at_once: int) -> Run:
    """ASKED times, after a few that are not counted."""

    def timed(n: int) -> float:
        began_s = time.perf_counter()
        ask(n)
        return 1000 * (time.perf_counter() - began_s)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(ask, range(2 * max(AT_ONCE))))
        before, began_s = processor_s(), time.perf_counter()
        took_ms = list(pool.map(timed, range(ASKED)))
        seconds, after = time.perf_counter() - began_s, processor_s()
    spent = {name: 1000 * (after[name] - before[name]) / ASKED for name in PROCESSES if after[name]}
    return Run(took_ms, ASKED / seconds, spent)


def searching(client: httpx.Client, ids: Sequence[str]) -> Ask:
    """A frame of a third of a picture, elsewhere each time."""
    dice = random.Random(7)
    boxes = [
        {"x": dice.random() * 0.66, "y": dice.random() * 0.66, "width": 0.34, "height": 0.34} for _ in range(ASKED)
    ]

    def ask(n: int) -> None:
        query = {"media_id": ids[n % len(ids)], "box": boxes[n % ASKED], "chips": True, "record": False}
        client.post("/v1/search", json=query).raise_for_status()

    return ask


def index_alone(index: VectorIndex, tenant: str, dim: int) -> Ask:
    """As many rows as a search asks for at first."""
    vectors = np.random.default_rng(7).standard_normal((ASKED, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def ask(n: int) -> None:
        index.search(vectors[n % ASKED][None], tenant=tenant, owners=["catalogue"], limit=first_rows(RESULTS))

    return ask


def row_of(what: str, run: Run) -> str:
    """Of the table."""
    p50, p95 = np.percentile(run.took_ms, [50, 95])
    spent = ", ".join(f"{name} {ms:.0f}" for name, ms in run.processor_ms.items() if ms >= 1)
    return f"| {what} | {p50:.0f} | {p95:.0f} | {run.a_second:.1f} | {spent} |"


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--stack", choices=("embedded", "real"), default="embedded")
    options = parser.parse_args()
    files = [*of_set("scenes"), *of_set("clothing"), *of_set("grocery/products")][: options.pictures]
    rows = []
    with running_system(*(("--stack", "real") if options.stack == "real" else ())) as system:
        with system.new_tenant("bench") as client:
            ids = list(give_pictures(client, files, purpose="catalogue").values())
            held = client.get("/v1/status").raise_for_status().json()["index"]["rows"]
            whole = {n: measure(searching(client, ids), at_once=n) for n in AT_ONCE}
        given = system.environment_of("search")
        space = space_of(given["NUNGIL_ENCODER_URL"])
        with open_vector_index(given["NUNGIL_VECTOR_INDEX_URL"], space) as index:
            alone = {n: measure(index_alone(index, "bench", space.dim), at_once=n) for n in AT_ONCE}
    for n in AT_ONCE:
        rows += [row_of(f"a full search, {n} at once", whole[n]), row_of(f"the index alone, {n} at once", alone[n])]
    text = "\n".join(
        [
            f"## Full searches, {options.stack}",
            "",
            f"{len(files)} pictures, {held:,} rows; crops with chips, {first_rows(RESULTS)} rows of the index at first; {ASKED} of each, the clients on the same machine.",
            "",
            "| | p50, ms | p95, ms | a second | processor time an ask, ms |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{whole[10].a_second / alone[10].a_second:.2f} of what the index alone answers, ten at once.",
        ]
    )
    print(text)
    if options.write:
        write_section(f"searches, {options.stack}", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
