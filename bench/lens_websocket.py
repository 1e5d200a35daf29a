"""Ten people drag a frame at once, 30 frames a second each, through the gateway's WebSocket: how old what they see is.

The whole system on this machine (`nungil up`, embedded), and the ten clients beside it. Each person opens another picture and moves a
frame over it on a path of their own. A frame is answered, or superseded by a newer one that is.

    python -m bench.lens_websocket [--people 10] [--seconds 20] [--pictures 300] [--write]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from bench.photographs import of_set
from bench.report import write_section
from bench.running import System, give_pictures, running_system

FRAMES_A_SECOND = 30
SCREENS_A_SECOND = 60
AIM_MS = 200.0


@dataclass
class Drag:
    """What one person sent and saw; times in seconds on one clock."""

    ready_s: float = 0.0
    sent_s: dict[int, float] = field(default_factory=dict)
    seen: list[tuple[float, int]] = field(default_factory=list)  # when, and the frame that was answered
    full_s: float = 0.0  # from the last frame to its full answer
    faults: int = 0

    def answer_ages_ms(self) -> list[float]:
        """Of each answered frame: from its sending to its first answer."""
        first: dict[int, float] = {}
        for at_s, number in self.seen:
            first.setdefault(number, at_s)
        return [1000 * (at_s - self.sent_s[number]) for number, at_s in first.items()]

    def newest_ages_ms(self) -> list[float]:
        """At each picture of the screen while the frame moves: how long ago the frame was sent whose answer is shown."""
        end_s, ages, shown = max(self.sent_s.values()), [], 0
        at_s = self.seen[0][0]
        while at_s < end_s:
            while shown + 1 < len(self.seen) and self.seen[shown + 1][0] <= at_s:
                shown += 1
            ages.append(1000 * (at_s - self.sent_s[self.seen[shown][1]]))
            at_s += 1 / SCREENS_A_SECOND
        return ages

    @property
    def answered(self) -> int:
        return len({number for _, number in self.seen})

    @property
    def lost(self) -> int:
        """Frames with no answer of their own nor of a newer one."""
        newest = max(number for _, number in self.seen)
        return sum(number > newest for number in self.sent_s)


def box_at(person: int, step: int) -> dict[str, float]:
    """A frame of a third of the picture, on a path that does not repeat soon."""
    x = 0.33 + 0.33 * math.sin(0.043 * step + person)
    y = 0.33 + 0.33 * math.sin(0.031 * step + 2 * person)
    return {"x": x, "y": y, "width": 0.34, "height": 0.34}


async def drag(url: str, key: str, person: int, media_id: str, *, seconds: float, together: asyncio.Barrier) -> Drag:
    """Opens a picture, waits for the others, and drags."""
    drag_ = Drag()
    headers = {"Authorization": f"Bearer {key}", "Nungil-Person": f"person-{person}"}
    async with connect(url, additional_headers=headers, compression=None) as connection:
        began_s = time.perf_counter()
        await connection.send(json.dumps({"open": {"media_id": media_id}}))
        while "ready" not in json.loads(await connection.recv()):
            pass
        drag_.ready_s = time.perf_counter() - began_s
        await together.wait()
        last = int(seconds * FRAMES_A_SECOND)
        seeing = asyncio.create_task(_see(connection, drag_, last))
        began_s = time.perf_counter() + person / FRAMES_A_SECOND / 10
        for step in range(1, last + 1):
            await asyncio.sleep(began_s + step / FRAMES_A_SECOND - time.perf_counter())
            drag_.sent_s[step] = time.perf_counter()
            await connection.send(json.dumps({"frame": {"number": step, "box": box_at(person, step)}}))
        await asyncio.wait_for(seeing, 30)
    return drag_


async def _see(connection: ClientConnection, drag_: Drag, last: int) -> None:
    """Until the last frame has its full answer."""
    while True:
        told = json.loads(await connection.recv())
        now_s = time.perf_counter()
        drag_.faults += "fault" in told
        if answer := told.get("answer"):
            drag_.seen.append((now_s, answer["number"]))
            if answer["full"] and answer["number"] == last:
                drag_.full_s = now_s - drag_.sent_s[last]
                return


async def everyone(system: System, key: str, media_ids: Sequence[str], *, seconds: float) -> list[Drag]:
    """All at once, one picture each."""
    url, together = system.url.replace("http", "ws", 1) + "/v1/lens", asyncio.Barrier(len(media_ids))
    return await asyncio.gather(
        *(
            drag(url, key, person, media_id, seconds=seconds, together=together)
            for person, media_id in enumerate(media_ids)
        )
    )


def table_of(drags: Sequence[Drag], *, seconds: float, rows: int) -> tuple[str, bool]:
    """The section, and whether it is as good as it should be."""
    sent = sum(len(one.sent_s) for one in drags)
    answered, lost = sum(one.answered for one in drags), sum(one.lost for one in drags)
    answers = np.concatenate([one.answer_ages_ms() for one in drags])
    newest = np.concatenate([one.newest_ages_ms() for one in drags])

    def row(what: str, values_ms: Sequence[float] | np.ndarray) -> str:
        p50, p99 = np.percentile(values_ms, [50, 99])
        return f"| {what} | {p50:.0f} ms | {p99:.0f} ms |\n"

    table = (
        f"{len(drags)} people at once, {FRAMES_A_SECOND} frames a second each for {seconds:.0f} s, through the gateway's WebSocket and the search service "
        f"of one `nungil up`, the clients on the same machine; {rows:,} rows in the index, 20 hits an answer\n\n"
        "| | p50 | p99 |\n|---|---|---|\n"
        + row("from a frame's sending to its answer's coming", answers)
        + row(f"age of the newest answer, looked at {SCREENS_A_SECOND} times a second while frames move", newest)
        + row("the last frame to its full search (0.15 s of rest in it)", [1000 * one.full_s for one in drags])
        + row("opening: until the pool is gathered, all at once", [1000 * one.ready_s for one in drags])
        + f"\n{sent:,} frames: {answered:,} answered ({100 * answered / sent:.1f} %), {sent - answered - lost:,} superseded, {lost} lost, "
        f"{sum(one.faults for one in drags)} faults"
    )
    return table, lost == 0 and float(np.percentile(newest, 99)) < AIM_MS


def main() -> int:
    """Prints the table; 1 where a frame was lost or what is seen is too old."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    files = [*of_set("scenes"), *of_set("clothing")][: options.pictures]
    with running_system() as system:
        key = system.new_key("bench")
        with system.client(key) as client:
            client.headers["Nungil-Person"] = "shop"
            ids = list(give_pictures(client, files, purpose="catalogue").values())
            rows = client.get("/v1/status").raise_for_status().json()["index"]["rows"]
        drags = asyncio.run(everyone(system, key, ids[: options.people], seconds=options.seconds))
    table, good = table_of(drags, seconds=options.seconds, rows=rows)
    print(table)
    if options.write:
        write_section("lens_websocket", table)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
