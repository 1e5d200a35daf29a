"""One run: a fresh system, the load, one fault, and the comparison afterwards."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from faults.kinds import Away, Fault, When
from faults.load import Load, Story
from faults.matrix import Outcome
from faults.pictures import Picture
from faults.reconcile import Found, differences, reconcile, unsent
from faults.servers import RealServers
from faults.stack import Stack, mount_disk, running_stack
from nungil.runtime.errors import DependencyAway

SETTLED_WITHIN_S = 120.0


@dataclass(frozen=True)
class Run:
    """servers: of the real stack; None: embedded. away_s: how long what is away is away."""

    servers: RealServers | None
    encoder_url: str
    pictures: Sequence[Picture]
    per_s: float
    seed: int
    away_s: float

    def __call__(self, fault: Fault, quiet: Found | None) -> tuple[Outcome, Found]:
        """quiet: what the same load left where nothing failed; None: this is that run."""
        with tempfile.TemporaryDirectory(prefix="nungil-faults-", ignore_cleanup_errors=True) as folder:
            data = Path(folder) / "data"
            if fault.name == "disk-full":
                data.mkdir(mode=0o700)
                mount_disk(data / "objects")
            with running_stack(self.encoder_url, data, self.servers, proxied=fault.proxied) as stack:
                _ = stack.settings  # read while everything runs
                story, away = self._loaded(stack, fault)
                settled_s = await_settled(stack)
                found = reconcile(stack, story, [picture.name for picture in self.pictures])
        faults = [*found.faults, *(differences(found, quiet) if quiet else [])]
        if settled_s is None:
            faults.insert(0, f"consumers are still behind after {SETTLED_WITHIN_S:g} s")
        return Outcome(fault, story, away, found.left_behind, faults), found

    def _loaded(self, stack: Stack, fault: Fault) -> tuple[Story, Away]:
        stop = threading.Event()
        load = Load(self.pictures, self.per_s, self.seed)
        chance = random.Random(f"{self.seed}/{fault.name}")
        when = When(load.lasts_s, self.away_s, chance, stop)
        with ThreadPoolExecutor(1) as pool:
            try:
                users = pool.submit(load.run, stack.http, stop)
                away = fault.apply(stack, when)
                return users.result(), away
            except BaseException:
                stop.set()
                raise


def await_settled(stack: Stack) -> float | None:
    """Seconds until every event is out and read; None where that does not happen."""
    began_s, never = time.monotonic(), threading.Event()
    with stack.http() as http:
        while time.monotonic() - began_s < SETTLED_WITHIN_S:
            # Twice: an event may leave an outbox, or enter one, between the two looks at one moment.
            if _is_settled(stack, http) and not never.wait(0.3) and _is_settled(stack, http):
                return time.monotonic() - began_s
            never.wait(0.3)
    return None


def _is_settled(stack: Stack, http: httpx.Client) -> bool:
    with suppress(httpx.HTTPError, DependencyAway):
        answer = http.get("/v1/status", timeout=10)
        all_read = answer.is_success and not any(lag["records"] for lag in answer.json()["lag"])
        return all_read and not sum(unsent(stack).values())
    return False
