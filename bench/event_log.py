"""The event log on one machine: records a second, how soon a waiting consumer has them, what an idle consumer costs.

The peer of appending is the floor under any durable log: the same bytes written to a plain file, with one fsync a batch.

    python -m bench.event_log [--write]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

from bench.report import write_section
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord
from nungil.event_log.topics import MEDIA_CHANGED

RECORDS = 20_000
RECORD_BYTES = 200
BATCH = 100
POLL = 64
TOPICS = [MEDIA_CHANGED]


def plain_file_rate(file: Path) -> float:
    """Records a second."""
    began = time.perf_counter()
    with file.open("wb") as out:
        for _ in range(RECORDS // BATCH):
            out.write(bytes(RECORD_BYTES * BATCH))
            out.flush()
            os.fsync(out.fileno())
    return RECORDS / (time.perf_counter() - began)


def append_rate(log: EventLog) -> float:
    """Records a second, in batches."""
    began = time.perf_counter()
    for start in range(0, RECORDS, BATCH):
        log.append([NewRecord(MEDIA_CHANGED, f"m-{n}", bytes(RECORD_BYTES)) for n in range(start, start + BATCH)])
    return RECORDS / (time.perf_counter() - began)


def consume_rate(log: EventLog) -> float:
    """Records a second, polled and committed."""
    began = time.perf_counter()
    taken = 0
    with log.subscribe(TOPICS, group="bench") as consumer:
        while taken < RECORDS:
            taken += len(consumer.poll(max_records=POLL, timeout_s=5))
            consumer.commit()
    return RECORDS / (time.perf_counter() - began)


def waits_ms(log: EventLog, rounds: int = 60) -> list[float]:
    """From the beginning of an append in another thread until a consumer that was waiting has the record."""
    waits = []
    appended_at = [0.0]

    def append() -> None:
        appended_at[0] = time.perf_counter()
        log.append([NewRecord(MEDIA_CHANGED, "m-1", bytes(RECORD_BYTES))])

    with log.subscribe(TOPICS, group="bench") as consumer:
        for n in range(rounds):
            timer = threading.Timer(0.2 + n / rounds / 10, append)  # at no fixed phase of the consumer's own waiting
            timer.start()
            while not consumer.poll(max_records=POLL, timeout_s=1):
                pass
            waits.append(1000 * (time.perf_counter() - appended_at[0]))
            consumer.commit()
            timer.join()
    return waits


def idle_share(log: EventLog, seconds: float = 10) -> float:
    """The share of one core that a consumer without work takes."""
    with log.subscribe(TOPICS, group="bench") as consumer:
        cpu, began = time.process_time(), time.perf_counter()
        while time.perf_counter() - began < seconds:
            consumer.poll(max_records=POLL, timeout_s=1)
        return (time.process_time() - cpu) / (time.perf_counter() - began)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_event_log(f"sqlite://{folder}/log.db") as log:
        floor = plain_file_rate(Path(folder) / "plain")
        appended, consumed = append_rate(log), consume_rate(log)
        waits = waits_ms(log)
        idle = idle_share(log)
    table = (
        f"`sqlite://`, {RECORDS:,} records of {RECORD_BYTES} B, appended in batches of {BATCH}, polled in {POLL}\n\n"
        "| | |\n|---|---|\n"
        f"| appended, durable | {appended:,.0f} a second ({appended / floor:.2f} of a plain file with fsync) |\n"
        f"| polled and committed | {consumed:,.0f} a second |\n"
        f"| append to a waiting poll | p50 {statistics.median(waits):.1f} ms, longest {max(waits):.1f} ms |\n"
        f"| an idle consumer | {100 * idle:.2f} % of a core |"
    )
    print(table)
    if options.write:
        write_section("event log", table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
