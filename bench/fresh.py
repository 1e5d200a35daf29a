"""From vectors computed to found: with the index alone, and with the rows that search keeps beside it.

Embed's own steps (features stored, rows upserted, flushed, events published) on a made-up picture at a time; two searches look for it
in turns, one over the index alone, one that follows media.encoded. Both start at the same moment, when the forward pass is done.

    python -m bench.fresh [--write]
    python -m nungil.local_servers exec --only milvus -- python -m bench.fresh [--write]
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from bench.an_index import an_index
from bench.filters import AT, TENANT, finder
from bench.report import write_section
from nungil.api.common.v1 import common_pb2
from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoded, Encoder, Pixels, Vectors
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog
from nungil.object_store.keys import rendition_key
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.decode import decode_at_least
from nungil.runtime import tracing
from nungil.runtime.clock import now_ms
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.port import CATALOGUE, IndexRow, VectorIndex, row_id
from services.embed.core import Picture, finish
from services.embed.device import open_device
from services.embed.handlers import EmbedUploads, Encoding, Tombstones
from services.embed.wire import Change
from services.search.consumer import ReadFresh
from services.search.core import Conditions
from services.search.fresh import FreshRows
from services.search.handlers.finding import FindRows
from services.search.handlers.freshness import KeepFresh
from services.search.held import HeldRows

ROWS = 5_000  # in the index before
SOONER = {"Milvus": 3.0, "milvus-lite": 1.0}  # times, at p50
PAUSE_S = 0.002  # between two looks: a server that does one thing at a time has others to do
LONGEST_S = 30.0


@dataclass
class Watched:
    """An encoder that tells when its last pass was done."""

    encoder: Encoder
    done_s: float = 0.0

    def forward(self, batch: Pixels) -> Encoded:
        encoded = self.encoder.forward(batch)
        self.done_s = time.perf_counter()
        return encoded

    def __getattr__(self, name: str) -> object:
        return getattr(self.encoder, name)


@dataclass
class Bench:
    """Embed and two searches over the same stores."""

    embed: EmbedUploads
    encoding: Encoding
    watched: Watched
    alone: FindRows
    beside: FindRows
    alone_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)

    def one(self, n: int) -> None:
        """A picture, from its rendition to being found by both."""
        media_id = f"new-{n}"
        self.encoding.objects.put(rendition_key(TENANT, media_id), a_jpeg(n))
        vector = self._vector(media_id)
        change = Change(
            Picture(TENANT, media_id, CATALOGUE, 1),
            deleted=False,
            object_key=rendition_key(TENANT, media_id),
            purpose=common_pb2.PURPOSE_CATALOGUE,
            source=common_pb2.SOURCE_UPLOAD,
            span=tracing.begin("embed", {}, media_id=media_id),
        )
        with ThreadPoolExecutor(1) as uploads:
            uploading = uploads.submit(self.embed, [change], lambda: None)
            alone_s, beside_s = self._found(media_id, vector)
            uploading.result()
        self.alone_ms.append(1000 * (alone_s - self.watched.done_s))
        self.beside_ms.append(1000 * (beside_s - self.watched.done_s))

    def _vector(self, media_id: str) -> Vectors:
        prepared = self.encoding.prepare(rendition_key(TENANT, media_id))
        encoded = self.watched.forward(prepared.pixels[None])
        picture = Picture(TENANT, media_id, CATALOGUE)
        labels, space = self.watched.encoder.labels, self.watched.encoder.space.name
        return (
            finish(picture, prepared, encoded.maps[0], encoded.label_maps[0], space=space, labels=labels)
            .regions[0]
            .vector
        )

    def _found(self, media_id: str, vector: Vectors) -> tuple[float, float]:
        """When each of the two found it. Raises TimeoutError."""
        looking, pause, found = [self.alone, self.beside], threading.Event(), {}
        until_s = time.perf_counter() + LONGEST_S
        while looking:
            for find in tuple(looking):
                rows = find(vector, Conditions(TENANT), wanted=AT).found
                if any(each.match.media_id == media_id for each in rows):
                    found[id(find)] = time.perf_counter()
                    looking.remove(find)
            if time.perf_counter() > until_s:
                raise TimeoutError(f"{media_id} was not found within {LONGEST_S:g} s")
            looking.reverse()
            pause.wait(PAUSE_S)
        return found[id(self.alone)], found[id(self.beside)]


def a_jpeg(n: int) -> bytes:
    """A picture like no other."""
    pixels = np.random.default_rng(n).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((320, 320), Image.Resampling.NEAREST).save(file, "JPEG", quality=90)
    return file.getvalue()


@contextmanager
def a_bench(folder: Path) -> Iterator[tuple[str, Bench]]:
    """The index's name, and everything wired as the services do."""
    with ExitStack() as stack:
        log: EventLog = stack.enter_context(open_event_log(f"sqlite://{folder}/log.db"))
        objects: ObjectStore = stack.enter_context(open_object_store(f"file://{folder}/objects"))
        watched = Watched(stack.enter_context(open_encoder("tiny://256")))
        space = watched.encoder.space
        name, index = stack.enter_context(an_index(folder, space))
        fill(index, space.dim)
        upgrade("search", f"sqlite:///{folder}/search.db")
        engine = stack.enter_context(open_database(f"sqlite:///{folder}/search.db"))
        device = stack.enter_context(open_device(watched))  # type: ignore[arg-type]
        threads = stack.enter_context(ThreadPoolExecutor(2))
        landing, noting = (stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2))
        encoding = Encoding(objects, decode_at_least, watched, device, load_taxonomy())  # type: ignore[arg-type]
        embed = EmbedUploads(encoding, index, log, Tombstones(objects), threads, landing, noting, now_ms, 16)
        fresh = FreshRows(now_ms, keep_ms=60_000, max_pictures=1_000)
        beside, stop = finder(index, engine, fresh), threading.Event()
        keep = KeepFresh(objects, space.name, fresh, HeldRows(index, now_ms, 1024 * 1024))
        tail = threading.Thread(target=ReadFresh(log, keep, stop))
        tail.start()
        stack.callback(tail.join)
        stack.callback(stop.set)
        yield name, Bench(embed, encoding, watched, finder(index, engine), beside)


def fill(index: VectorIndex, dim: int) -> None:
    """Rows of other pictures."""
    vectors = np.random.default_rng(1).standard_normal((ROWS, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index.upsert([IndexRow(row_id(f"m-{n}", 0), v, TENANT, CATALOGUE, f"m-{n}") for n, v in enumerate(vectors)])
    index.flush()


def main() -> int:
    """Prints the table; 1 where the floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--pictures", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder, a_bench(Path(folder)) as (name, bench):
        for n in range(3 + options.pictures):
            bench.one(n)
    alone, beside = bench.alone_ms[3:], bench.beside_ms[3:]  # the first pay for what is opened and compiled
    times = statistics.median(alone) / statistics.median(beside)
    text = (
        f"{name}, {ROWS:,} rows before, {options.pictures} pictures one at a time. At p50 {times:.1f} times sooner with the rows beside the index "
        f"(floor {SOONER[name]:g}).\n\n| from vectors computed to found, ms | p50 | p95 |\n|---|---|---|\n"
        f"| the index alone | {statistics.median(alone):.0f} | {p95(alone):.0f} |\n"
        f"| with the rows beside it | {statistics.median(beside):.0f} | {p95(beside):.0f} |"
    )
    print(text)
    if options.write:
        write_section(f"fresh, {name}", f"## Fresh pictures, {name}\n\n{text}")
    return int(times < SOONER[name])


def p95(values: list[float]) -> float:
    """The slowest twentieth begins here."""
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    raise SystemExit(main())
