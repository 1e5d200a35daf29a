"""A frame that moves: answered from its session's pool, against cutting the box out, embedding it and searching the index.

    python -m bench.lens [--write]

(a) From a box to 50 ranked hits, in the search service's own session, against the way without a cached map, in the same run: the
encoder that the service uses, and the index of a laptop (milvus-lite) with the same rows.
(b) The same frames over 100,000 rows and over 1,000.
(c) What the pool answers along drag paths over scenes/, against what a search of everything answers.

The rows are real: regions of the photographs, cut at random places from their maps, eight to a picture of the catalogue; every
picture is an item with an offer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from bench.photographs import PHOTOS, SETS, of_set
from bench.report import command, machine, write_section
from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.encoder.calibration import calibration_of
from nungil.encoder.open import open_encoder, space_of
from nungil.encoder.port import Encoder, Pixels
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.decode import decode_upright
from nungil.pictures.features import Features, FoundRegion, encode_features
from nungil.pictures.pooling import Map, pool_box, summed_area, unit
from nungil.pictures.regions import find_boxes, strongest_labels
from nungil.runtime.clock import now_ms
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.milvus_lite_server import command as milvus_lite
from nungil.vector_index.milvus_lite_server import wait_until_up
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import CATALOGUE, IndexRow, row_id
from services.search import store
from services.search.core import CropQuery
from services.search.features import FeatureMaps
from services.search.fresh import FreshRows
from services.search.handlers.choosing import ChooseChips
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import FindRows, WhatPasses
from services.search.handlers.lens import Lens, LensLimits
from services.search.handlers.pools import GatherPool
from services.search.handlers.ranking import RankHits
from services.search.handlers.texts import FindByWords
from services.search.handlers.words import ReadWords
from services.search.held import HeldRows
from services.search.judging import judge_from
from services.search.lens import Ask, Frame, Ready, Shown, Tell
from services.search.passing import labels_by_interest
from services.search.vocabularies import Vocabularies

ENCODER = "efficientnet-lite0://"
TENANT = "shop"
ROWS, FEW_ROWS, ROWS_A_PICTURE = 100_000, 1_000, 8
LITE_ROWS = 20_000  # what the peer searches; more would only slow it
SESSIONS, FRAMES, HITS = 16, 40, 50
PEER_FRAMES = 4  # of each path
SMALLEST = 0.06
P50, P99, GROWS, RECALL = 10.0, 5.0, 1.5, 0.95  # what is claimed

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Opened:
    """A scene, and a path of boxes over it."""

    media_id: str
    pixels: Pixels
    features: Features
    path: tuple[Box, ...]


@dataclass(frozen=True)
class Took:
    """Milliseconds."""

    ms: tuple[float, ...]

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def p99(self) -> float:
        return float(np.percentile(self.ms, 99))

    def __str__(self) -> str:
        return f"{self.p50:.2f} ms | {self.p99:.2f} ms"


@dataclass(frozen=True)
class Dragged:
    """Frames over few rows and over many; of the latter, the recall of each path and the rows of a pool."""

    few: Took
    many: Took
    recalls: Sequence[float]
    rows: float


def main() -> int:
    """Prints the tables; 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    with open_encoder(ENCODER, device="cpu") as encoder:
        opened, vectors = read_photographs(encoder)
        few = rows_of(vectors[:FEW_ROWS])
        many = rows_of(vectors)
        dragged = asyncio.run(drag(opened, few, many))
        again = embed_again(encoder, opened, many[:LITE_ROWS])
    frames, frames_few, recalls, pooled = dragged.many, dragged.few, dragged.recalls, dragged.rows
    p50, p99, grows = again.p50 / frames.p50, again.p99 / frames.p99, frames.p50 / frames_few.p50
    recall = statistics.mean(recalls)
    text = "\n".join(
        [
            "## A frame that moves",
            "",
            f"| from a box to {HITS} ranked hits | p50 | p99 |",
            "|---|---|---|",
            f"| scored against the session's pool, {ROWS:,} rows in the index | {frames} |",
            f"| the same, {FEW_ROWS:,} rows in the index | {frames_few} |",
            f"| cut out, embedded, searched for in milvus-lite with {LITE_ROWS:,} rows | {again} |",
            "",
            f"{p50:.0f} times lower at p50, {p99:.0f} times at p99; {grows:.2f} times the time at a hundred times the rows.",
            f"{len(opened)} scenes with a path of {FRAMES} frames each; a pool has {pooled:,.0f} rows.",
            "",
            f"Recall at {HITS} of the pool against a search of all {ROWS:,} rows, along the paths: {recall:.3f}"
            f" (worst path {min(recalls):.3f}).",
        ]
    )
    print(f"{text}\n\n{machine()}; {command()}")
    if options.write:
        write_section("lens", text)
    return int(p50 < P50 or p99 < P99 or grows > GROWS or recall < RECALL)


def read_photographs(encoder: Encoder) -> tuple[list[Opened], Rows]:
    """The scenes to drag over, and ROWS vectors of parts of all other photographs."""
    described = {one["file"]: one["objects"] for one in json.loads((PHOTOS / "scenes" / "objects.json").read_text())}
    random = np.random.default_rng(7)
    opened: list[Opened] = []
    maps: list[Map] = []
    paths = [path for name in SETS for path in of_set(name)]
    for some in (paths[start : start + 16] for start in range(0, len(paths), 16)):
        pixels = [decode_upright(path.read_bytes()) for path in some]
        encoded = encoder.forward(np.stack([encoder.prepare(each) for each in pixels]))
        for n, path in enumerate(some):
            objects = [Box(*one["box"]) for one in described.get(path.name, []) if path.parent.name == "scenes"]
            ends = [box for box in objects if box.area >= SMALLEST]
            if len(ends) >= 2 and len(opened) < SESSIONS:
                features = features_of(f"scene-{len(opened)}", encoder, encoded.maps[n], encoded.label_maps[n])
                opened.append(Opened(features.media_id, pixels[n], features, path_between(ends[0], ends[1])))
            else:
                maps.append(encoded.maps[n])
    each = -(-ROWS // len(maps))
    parts = [unit(np.stack([pool_box(table, a_box(random)) for _ in range(each)])) for table in map(summed_area, maps)]
    vectors = np.concatenate(parts).reshape(-1, each, parts[0].shape[1])
    # Pictures of the catalogue take their rows from one photograph; the first of them show as many photographs as there are.
    pictures = vectors[:, : each - each % ROWS_A_PICTURE].reshape(len(maps), -1, ROWS_A_PICTURE, vectors.shape[-1])
    shuffled = pictures.swapaxes(0, 1).reshape(-1, vectors.shape[-1])
    return opened, np.ascontiguousarray(shuffled[:ROWS])


def a_box(random: np.random.Generator) -> Box:
    width, height = random.uniform(0.2, 1.0, 2)
    return Box(random.uniform(0, 1 - width), random.uniform(0, 1 - height), width, height)


def path_between(start: Box, end: Box) -> tuple[Box, ...]:
    """A finger that drags and resizes a frame from one thing to another: slow at both ends."""
    steps = (1 - np.cos(np.linspace(0, np.pi, FRAMES))) / 2
    corners = [np.array([b.x, b.y, b.x + b.width, b.y + b.height]) for b in (start, end)]
    between = [corners[0] + step * (corners[1] - corners[0]) for step in steps]
    return tuple(Box(x, y, right - x, bottom - y) for x, y, right, bottom in (each.tolist() for each in between))


def features_of(media_id: str, encoder: Encoder, map_: Map, label_maps: NDArray[np.float32]) -> Features:
    _, label_map = strongest_labels(label_maps, encoder.labels)
    table = summed_area(map_)
    boxes = find_boxes(label_map)
    regions = tuple(FoundRegion(n, box, unit(pool_box(table, box))) for n, box in enumerate(boxes))
    space = space_of(ENCODER).name
    return Features(TENANT, media_id, CATALOGUE, space, 1, 640, 480, map_, regions, (), label_map[:0])


def rows_of(vectors: Rows) -> list[IndexRow]:
    return [
        IndexRow(row_id(media_id, n % ROWS_A_PICTURE), vector, TENANT, CATALOGUE, media_id)
        for n, vector in enumerate(vectors)
        for media_id in [f"m-{n // ROWS_A_PICTURE:06}"]
    ]


@contextmanager
def a_search(opened: Sequence[Opened], rows: Sequence[IndexRow]) -> Iterator[tuple[SearchByCrop, GatherPool]]:
    """The service's own parts, as its main wires them, over stores in a temporary folder."""
    with ExitStack() as stack:
        index = stack.enter_context(open_vector_index("exact://", space_of(ENCODER)))
        index.upsert(rows)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nungil-bench-"))
        objects = stack.enter_context(open_object_store(f"file://{folder}/objects"))
        upgrade("search", f"sqlite:///{folder}/search.db")
        engine = stack.enter_context(open_database(f"sqlite:///{folder}/search.db"))
        space = space_of(ENCODER)
        for each in opened:
            objects.put(keys.features_key(TENANT, each.media_id, space.name), encode_features(each.features))
        media_ids = sorted({row.media_id for row in rows})
        with engine.begin() as connection:
            key = {"tenant": TENANT}
            said = {"title_ko": "물건", "title_en": "thing", "brand": "Gil", "category": "things"}
            offer = {
                "shop": "Nun",
                "url": "",
                "market": "KR",
                "currency": "KRW",
                "price_minor": 9_900,
                "in_stock": True,
                "checked_at_ms": 0,
            }
            connection.execute(insert(store.ITEMS), [{**key, "item_id": id_, **said} for id_ in media_ids])
            connection.execute(
                insert(store.ITEM_MEDIA), [{**key, "item_id": id_, "media_id": id_, "position": 0} for id_ in media_ids]
            )
            connection.execute(
                insert(store.OFFERS), [{**key, "item_id": id_, "offer_id": "o-1", **offer} for id_ in media_ids]
            )
        maps, denied = FeatureMaps(objects, space.name, now_ms, 256 * 1024 * 1024), DeniedPictures(100)
        passing = WhatPasses(engine, labels_by_interest(load_taxonomy()), now_ms)
        held, fresh = HeldRows(index, now_ms, 1024 * 1024), FreshRows(now_ms, keep_ms=1, max_pictures=0)
        find = FindRows(index, passing, held, fresh, denied, 2_500, 20_000)
        words = ReadWords(engine, Vocabularies(engine, now_ms))
        by_words, choose = FindByWords(engine, passing, denied, find), ChooseChips(engine, now_ms)
        readers = stack.enter_context(ThreadPoolExecutor(2, "looks"))
        rank = RankHits(maps, engine, judge_from(calibration_of(space.name).get("judging"), 0.2), readers, now_ms)
        note = lambda record: None  # noqa: E731
        search = SearchByCrop(maps, find, engine, denied, note, now_ms, words, by_words, choose, rank)
        yield search, GatherPool(find, 4_000)


async def drag(opened: Sequence[Opened], few: Sequence[IndexRow], many: Sequence[IndexRow]) -> Dragged:
    """Each path once through a session over few rows and one over many, in turn, frame by frame."""
    took: tuple[list[float], list[float]] = ([], [])
    recalls: list[float] = []
    pooled: list[int] = []
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(2))
        searches = [stack.enter_context(a_search(opened, rows)) for rows in (few, many)]
        limits = LensLimits(2 * SESSIONS, rest_s=3600, slow_s=3600, idle_s=3600)
        lenses = [Lens(search, gather, threads, limits) for search, gather in searches]
        for each in opened:
            async with AsyncExitStack() as sessions:
                pair = [Session(lens, CropQuery(TENANT, "", each.media_id, limit=HITS)) for lens in lenses]
                for session in pair:
                    await sessions.enter_async_context(aclosing(session.tells))
                    ready = await anext(session.tells)
                    assert isinstance(ready, Ready)
                    rows_of_pool = ready.rows
                pooled.append(rows_of_pool)
                answers: list[Shown] = []
                for number, box in enumerate(each.path, start=1):
                    shown: Tell | None = None
                    for n, session in enumerate(pair):
                        began_s = time.perf_counter()
                        session.asks.put_nowait(Frame(number, box))
                        shown = await anext(session.tells)
                        took[n].append(1000 * (time.perf_counter() - began_s))
                        assert isinstance(shown, Shown)
                        assert len(shown.hits) == HITS
                    assert isinstance(shown, Shown)
                    answers.append(shown)
            recalls.append(statistics.mean(_recall(searches[1][0], each, shown) for shown in answers[::4]))
    return Dragged(Took(tuple(took[0])), Took(tuple(took[1])), recalls, statistics.mean(pooled))


class Session:
    """The service's own, without gRPC."""

    def __init__(self, lens: Lens, query: CropQuery) -> None:
        self.asks: asyncio.Queue[Ask] = asyncio.Queue()
        self.tells = lens(query, _asked(self.asks))


async def _asked(asks: asyncio.Queue[Ask]) -> AsyncIterator[Ask]:
    while True:
        yield await asks.get()


def _recall(search: SearchByCrop, opened: Opened, shown: Shown) -> float:
    """The share of what a search of everything finds that the pool gave too."""
    vector = unit(pool_box(summed_area(opened.features.map), shown.box))
    conditions = CropQuery(TENANT, "", opened.media_id).conditions
    full = {found.item_id for found in search.find(vector, conditions, wanted=HITS, without=(opened.media_id,)).found}
    return len(full & {hit.item_id for hit in shown.hits}) / len(full)


def embed_again(encoder: Encoder, opened: Sequence[Opened], rows: Sequence[IndexRow]) -> Took:
    """The peer: the box cut out of the decoded picture, through the network, and searched for in the index."""
    took: list[float] = []
    with milvus_lite_server() as url, open_vector_index(url, space_of(ENCODER)) as index:
        index.upsert(rows)
        index.flush()
        for each in opened:
            for box in each.path[:: FRAMES // PEER_FRAMES]:
                began_s = time.perf_counter()
                height, width = each.pixels.shape[:2]
                top, left = int(box.y * height), int(box.x * width)
                cut = each.pixels[
                    top : int((box.y + box.height) * height) + 1, left : int((box.x + box.width) * width) + 1
                ]
                map_ = encoder.forward(encoder.prepare(cut)[None]).maps[0]
                vector = unit(pool_box(summed_area(map_), WHOLE))
                [matches] = index.search(vector[None], tenant=TENANT, owners=[CATALOGUE], limit=4 * HITS)
                took.append(1000 * (time.perf_counter() - began_s))
                assert matches
    return Took(tuple(took))


@contextmanager
def milvus_lite_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nungil-bench-") as folder:
        process = subprocess.Popen(
            milvus_lite(Path(folder), port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until_up(f"milvus-lite://127.0.0.1:{port}", 60)
            yield f"milvus-lite://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
