"""The story of a slow index: embed in a process of its own, more pictures than it can put away, and what is seen of it meanwhile."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from local_system import ROOT, wait_until
from prometheus_client.parser import text_string_to_metric_families

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.encoder.open import space_of
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog
from nungil.event_log.sqlite import SESSION_TIMEOUT_S
from nungil.local_servers.server import free_ports
from nungil.object_store.keys import rendition_key
from nungil.object_store.open import open_object_store
from nungil.runtime.rpc import is_serving
from nungil.vector_index.open import open_vector_index
from services.embed.consumer import GROUP
from services.embed.handlers import PASSES_IN_FLIGHT
from tests.embed_builders import TENANT, a_change, a_jpeg, as_new

ENCODER = "tiny://4096"  # a map of 1 MB, so that pictures that pile up are seen
BATCH_PICTURES = 4
FIRST, BACKLOG = 24, 160
MOST_IN_FLIGHT = (PASSES_IN_FLIGHT + 1) * BATCH_PICTURES
MEMORY_BYTES = 60_000_000  # what may come and go; the backlog would need three times as much
LIMIT_S = 120


@dataclass
class SlowIndexStory:
    """folder: short, for there is a socket in it. index_url: as embed reads it. slow: makes the index slow for a while."""

    folder: Path
    index_url: str
    slow: AbstractContextManager[object]
    most_in_flight: float = 0
    most_bytes: float = 0
    published: list[MediaEmbedded] = field(default_factory=list)

    def run(self) -> None:
        """Fails where embed takes in what it cannot put away, loses its partitions, or leaves a picture out."""
        log_url = f"sqlite://{self.folder}/log.db"
        with (
            open_event_log(log_url) as log,
            log.tail([topics.MEDIA_EMBEDDED], since="start") as tail,
            self._embed(log_url) as metrics_url,
        ):

            def read() -> int:
                records = tail.poll(max_records=1_000, timeout_s=0.1)
                self.published += [MediaEmbedded.FromString(record.value or b"") for record in records]
                return len(self.published)

            self._upload(log, range(FIRST))
            wait_until(lambda: read() >= FIRST, LIMIT_S)
            bytes_before = told(metrics_url)["process_resident_memory_bytes"]
            with self.slow:
                member = self._member()
                self._upload(log, range(FIRST, FIRST + BACKLOG))

                def seen_enough() -> bool:
                    self._look(metrics_url)
                    return read() >= FIRST + 2 * BATCH_PICTURES and self._session_has_passed_since(member)

                wait_until(seen_enough, LIMIT_S)
                assert log.lag([topics.MEDIA_CHANGED], group=GROUP)[topics.MEDIA_CHANGED] > 0
                assert len(self.published) < FIRST + BACKLOG
                assert self._member()[:2] == member[:2]  # the same member, and no other has come or gone
            wait_until(lambda: read() >= FIRST + BACKLOG, LIMIT_S)
            wait_until(lambda: log.lag([topics.MEDIA_CHANGED], group=GROUP)[topics.MEDIA_CHANGED] == 0, LIMIT_S)
            after = told(metrics_url)
        assert 0 < self.most_in_flight <= MOST_IN_FLIGHT
        assert self.most_bytes - bytes_before < MEMORY_BYTES
        assert after["nungil_embed_in_flight_pictures"] == 0
        assert after.get("nungil_consumer_retries_total", 0) == 0
        self._everything_is_indexed_once()

    def _look(self, metrics_url: str) -> None:
        now = told(metrics_url)
        self.most_in_flight = max(self.most_in_flight, now["nungil_embed_in_flight_pictures"])
        self.most_bytes = max(self.most_bytes, now["process_resident_memory_bytes"])

    def _upload(self, log: EventLog, numbers: Sequence[int]) -> None:
        with open_object_store(f"file://{self.folder}/objects") as objects:
            for n in numbers:
                objects.put(rendition_key(TENANT, f"m-{n}"), a_jpeg())
        log.append([as_new(a_change(f"m-{n}")) for n in numbers])

    def _member(self) -> tuple[str, int, int]:
        """The one member of embed's group, the group's generation, and when the member was seen, in ms."""
        log = sqlite3.connect(f"{self.folder}/log.db")
        try:
            query = (
                "SELECT member.id, generation, seen_ms FROM member, consumer_group WHERE group_name = name AND name = ?"
            )
            [(id_, generation, seen_ms)] = log.execute(query, (GROUP,)).fetchall()
            return id_, generation, seen_ms
        finally:
            log.close()

    def _session_has_passed_since(self, member: tuple[str, int, int]) -> bool:
        """Without a sign of life the member would have lost its partitions by now."""
        return self._member()[2] - member[2] > 1_000 * SESSION_TIMEOUT_S

    def _everything_is_indexed_once(self) -> None:
        ids = sorted(f"m-{n}" for n in range(FIRST + BACKLOG))
        assert sorted(event.media_id for event in self.published) == ids
        assert {event.outcome for event in self.published} == {MediaEmbedded.OUTCOME_EMBEDDED}
        with open_vector_index(self.index_url, space_of(ENCODER)) as index:
            assert index.count(tenant=TENANT) == sum(event.regions for event in self.published)
            assert sorted({row.media_id for row in index.fetch(ids, tenant=TENANT)}) == ids

    @contextmanager
    def _embed(self, log_url: str) -> Iterator[str]:
        """The service's own main; gives where its metrics are."""
        [port] = free_ports(1)
        address = f"unix:{self.folder}/embed.sock"
        settings = {
            "NUNGIL_EVENT_LOG_URL": log_url,
            "NUNGIL_OBJECT_STORE_URL": f"file://{self.folder}/objects",
            "NUNGIL_VECTOR_INDEX_URL": self.index_url,
            "NUNGIL_ENCODER_URL": ENCODER,
            "NUNGIL_LISTEN": address,
            "NUNGIL_METRICS_LISTEN": f"127.0.0.1:{port}",
            "NUNGIL_BATCH_PICTURES": str(BATCH_PICTURES),
        }
        said = self.folder / "embed.log"
        with said.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.embed"],
                cwd=ROOT,
                env={**os.environ, **settings},
                stdout=sink,
                stderr=sink,
            )
        try:
            wait_until(lambda: is_serving(address) or process.poll() is not None, LIMIT_S, said.read_text)
            assert process.poll() is None, said.read_text()
            yield f"http://127.0.0.1:{port}/metrics"
            process.terminate()
            assert process.wait(30) == 0, said.read_text()
        finally:
            process.kill()
            process.wait()


def told(metrics_url: str) -> dict[str, float]:
    """What a process tells of itself, labels left out: the last of each name."""
    page = httpx.get(metrics_url, timeout=10, trust_env=False).text
    return {s.name: s.value for family in text_string_to_metric_families(page) for s in family.samples}
