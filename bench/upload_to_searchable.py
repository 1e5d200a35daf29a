"""From the answer to an upload until the picture is searchable, and the share of each hop, from the spans that services log.

One picture at a time, and then as many at once as eight clients give. `--stack real` measures the same on real servers.

    python -m bench.upload_to_searchable [--pictures 60] [--stack embedded] [--write]
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.report import write_section
from bench.running import PHOTOS, System, await_searchable, running_system

HOPS = (
    ("ingest's outbox, and into the log", "the relay publishes what ingest wrote"),
    ("in the log", "until embed takes it up"),
    ("embed: prepare", "tombstone, read, decode, colours; in a burst with the wait for a thread"),
    ("embed: forward", "one pass; in a burst with the wait for the device"),
    ("embed: finish", "regions, feature object stored"),
    ("embed: index", "rows upserted and flushed; a batch at once"),
    ("embed: publish", "media.embedded into the log"),
    ("media.embedded in the log", "until ingest takes it up"),
    ("ingest: state", "searchable, committed"),
)
LAPS = ("prepare", "forward", "finish", "index", "publish")
Line = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """An upload: its trace, and when its answer was here, in ms since the epoch. took_ms: the request's own time."""

    trace_id: str
    media_id: str
    answered_at_ms: float
    took_ms: float


def give(client: httpx.Client, file: Path) -> Given:
    trace_id = secrets.token_hex(16)
    began_s = time.perf_counter()
    answer = client.post(
        "/v1/media",
        files={"file": (file.name, file.read_bytes())},
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
    ).raise_for_status()
    now_ms, took_ms = 1000 * time.time(), 1000 * (time.perf_counter() - began_s)
    return Given(trace_id, str(answer.json()["media_id"]), now_ms, took_ms)


def hops_of(given: Given, spans: Sequence[Line]) -> list[float]:
    """Milliseconds of each hop; together they are the time from the answer to the state. What was over before the answer is 0."""
    of = {line["span"]: line for line in spans}
    embed, state = of["embed"], of["ingest outcome"]
    ends = [embed["appended_at_ms"], embed["began_at_ms"]]
    for lap in LAPS:
        ends.append(ends[-1] + embed[f"{lap}_ms"])
    ends += [state["began_at_ms"], state["began_at_ms"] + state["ms"]]
    hops, at_ms = [], given.answered_at_ms
    for end_ms in ends:
        hops.append(max(0.0, end_ms - at_ms))
        at_ms = max(at_ms, end_ms)
    return hops


def spans_of(logs: Path, given: Sequence[Given]) -> dict[str, list[Line]]:
    """By trace."""
    spans: dict[str, list[Line]] = {one.trace_id: [] for one in given}
    for log in sorted(logs.glob("*.log*")):
        for text in log.read_text("utf-8").splitlines():
            if '"span"' in text and (line := json.loads(text))["trace_id"] in spans:
                spans[line["trace_id"]].append(line)
    return spans


def measure(system: System, files: Sequence[Path], *, clients: int) -> tuple[list[list[float]], float]:
    """The hops of each picture, and the median of the uploads' own time."""
    with system.client() as client:

        def one(file: Path) -> Given:
            given = give(client, file)
            if clients == 1:
                await_searchable(client, given.media_id)
            return given

        with ThreadPoolExecutor(clients) as pool:
            given = list(pool.map(one, files))
        for upload in given:
            await_searchable(client, upload.media_id)
    spans = spans_of(system.data / "logs", given)
    return [hops_of(one, spans[one.trace_id]) for one in given], statistics.median(one.took_ms for one in given)


def table(alone: list[list[float]], burst: list[list[float]]) -> str:
    """A row a hop: median and share of the mean, one at a time and in a burst."""
    rows = []
    for n, (name, what) in enumerate(HOPS):
        cells = []
        for hops in (alone, burst):
            of_hop = [picture[n] for picture in hops]
            cells += [f"{statistics.median(of_hop):.0f}", f"{sum(of_hop) / sum(map(sum, hops)):.0%}"]
        rows.append(f"| {name} | {' | '.join(cells)} | {what} |")
    cells = [f"{statistics.median(map(sum, hops)):.0f} (p95 {p95(hops):.0f})" for hops in (alone, burst)]
    rows.append(f"| **answer to searchable** | {cells[0]} | | {cells[1]} | | |")
    head = "| hop | alone, ms | share | burst, ms | share | |\n|---|---|---|---|---|---|\n"
    return head + "\n".join(rows)


def p95(hops: list[list[float]]) -> float:
    return statistics.quantiles(map(sum, hops), n=20)[-1]


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--stack", choices=("embedded", "real"), default="embedded")
    options = parser.parse_args()
    files = sorted((PHOTOS / "clothing").glob("*/*.*"))
    n = options.pictures
    with running_system(*(("--stack", "real") if options.stack == "real" else ())) as system:
        measure(system, files[-3:], clients=1)  # the first pass of a process is slow
        alone, took_ms = measure(system, files[:n], clients=1)
        burst, _ = measure(system, files[n : 2 * n], clients=8)
    text = (
        f"The {options.stack} stack; {n} photographs one at a time, then {n} by 8 clients at once. An upload's own answer takes "
        f"{took_ms:.0f} ms alone.\n\n{table(alone, burst)}"
    )
    print(text)
    if options.write:
        title = f"## From upload to searchable, {options.stack}\n\n"
        write_section(f"upload to searchable, {options.stack}", title + text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
