"""What only a real Milvus can show: reads of others after a flush, the graph against brute force, going away and coming back."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import numpy as np
import pytest
import real_servers
from numpy.typing import NDArray
from slow_index import SlowIndexStory

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.vector_index import milvus_server
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.milvus import connected
from nungil.vector_index.milvus_server import server_of
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import CATALOGUE, IndexRow, Match, VectorIndex, row_id

pytestmark = real_servers.MILVUS
T = TypeVar("T")
SPACE = EncoderSpace("tiny-64", dim=64, rows=4, columns=4, input_px=32)
ROWS = 20_000


@pytest.fixture
def url() -> Iterator[str]:
    with real_servers.a_milvus_url() as url:
        yield url


def unit_vectors(count: int, seed: int) -> NDArray[np.float32]:
    """Around 200 centres, as the regions of photographs are."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(200, SPACE.dim))
    vectors = centres[random.integers(200, size=count)] + 0.7 * random.normal(size=(count, SPACE.dim))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def some_rows(count: int, seed: int = 1, owner_of: Callable[[int], str] = lambda _: CATALOGUE) -> list[IndexRow]:
    vectors = unit_vectors(count, seed)
    ids = [f"m-{seed}-{n // 8:06}" for n in range(count)]
    return [IndexRow(row_id(ids[n], n % 8), vectors[n], "shop", owner_of(n), ids[n]) for n in range(count)]


def find(index: VectorIndex, row: IndexRow, limit: int = 5) -> list[Match]:
    [matches] = index.search(row.vector[None], tenant="shop", owners=[CATALOGUE], limit=limit)
    return matches


def recall(found: Sequence[Sequence[Match]], wanted: Sequence[Sequence[Match]]) -> float:
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([len({m.id for m in f} & {m.id for m in w}) / len(w) for f, w in pairs]))


def patiently(call: Callable[[], T], timeout_s: float = 60) -> T:
    until = time.monotonic() + timeout_s
    while True:
        try:
            return call()
        except VectorIndexAway:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.2)


def test_what_one_flushed_another_finds_at_once(url: str) -> None:
    with open_vector_index(url, SPACE) as writer, open_vector_index(url, SPACE) as reader:
        for row in some_rows(80)[::8]:
            writer.upsert([row])
            writer.flush()
            assert find(reader, row, 1)[0].id == row.id
            writer.delete_media([row.media_id], tenant="shop")
            writer.flush()
            assert row.id not in {match.id for match in find(reader, row)}


def test_the_collection_lies_behind_an_alias_that_can_be_turned(url: str) -> None:
    server = server_of(url)
    alias = server.alias(SPACE)
    [old, new] = some_rows(2)
    with open_vector_index(url, SPACE) as index, connected(server.uri) as client:
        index.upsert([old])
        index.flush()
        assert client.describe_alias(alias)["collection_name"] == f"{alias}_1"
        milvus_server.make_collection(client, f"{alias}_2", SPACE.dim, index_type="HNSW", M=16, efConstruction=200)
        client.load_collection(f"{alias}_2")
        client.alter_alias(f"{alias}_2", alias)
        assert index.count() == 0
        index.upsert([new])
        index.flush()
        assert [match.id for match in find(index, old)] == [new.id]
        client.alter_alias(f"{alias}_1", alias)
        assert [match.id for match in find(index, old)] == [old.id]


def test_a_collection_of_other_vectors_is_misconfigured(url: str) -> None:
    with open_vector_index(url, SPACE):
        pass
    other = EncoderSpace(SPACE.name, dim=32, rows=4, columns=4, input_px=32)
    with pytest.raises(Misconfigured, match=r"holds vectors of \[64\]"), open_vector_index(url, other):
        pass


def test_a_server_too_old_is_misconfigured(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_server, "OLDEST", (2, 4))
    with pytest.raises(Misconfigured, match=r"Milvus v?2\.3\.5.*use one from"), open_vector_index(url, SPACE):
        pass


def the_graph_is_built(url: str) -> None:
    """The server has put all rows in sealed segments, and indexed them."""
    server = server_of(url)
    with connected(server.uri) as client:
        name = server.alias(SPACE)
        client.flush(name, timeout=60)
        until = time.monotonic() + 120
        while int(client.describe_index(name, "vector")["indexed_rows"]) < ROWS:
            assert time.monotonic() < until
            threading.Event().wait(0.5)
        client.refresh_load(name, timeout=60)


@pytest.mark.parametrize("sealed", [False, True], ids=["just-inserted", "graph-built"])
def test_an_index_of_many_rows_finds_nearly_what_brute_force_does(url: str, sealed: bool) -> None:
    """By whom the filter lets pass: everyone, a tenth (which the graph walks), a hundredth (which we compare exactly)."""
    owners = {0: "one-in-100"} | dict.fromkeys(range(1, 11), "one-in-10")
    rows = some_rows(ROWS, owner_of=lambda n: owners.get(n % 100, CATALOGUE))
    queries = unit_vectors(50, seed=9)
    with open_vector_index("exact://", SPACE) as oracle, open_vector_index(url, SPACE) as index:
        for each in (oracle, index):
            each.upsert(rows)
            each.flush()
        if sealed:
            the_graph_is_built(url)
        for who, least in ((CATALOGUE, 0.95), ("one-in-10", 0.9), ("one-in-100", 1.0)):
            wanted = oracle.search(queries, tenant="shop", owners=[who], limit=20)
            took_ms, found = [], []
            for query in queries:
                began = time.monotonic()
                found += index.search(query[None], tenant="shop", owners=[who], limit=20)
                took_ms.append(1000 * (time.monotonic() - began))
            print(f"\n{who}: recall at 20 {recall(found, wanted):.3f}, p50 {np.median(took_ms):.1f} ms")
            assert all(len(matches) == 20 for matches in found)
            assert recall(found, wanted) >= least
            for matches in found:
                assert matches == sorted(matches, key=lambda match: (-match.score, match.id))


def test_a_search_that_finds_too_few_rows_looks_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some_rows(1_200)
    with open_vector_index("exact://", SPACE) as oracle, open_vector_index(url, SPACE) as index:
        for each in (oracle, index):
            each.upsert(rows)
            each.flush()
        nearest = type(index)._nearest  # type: ignore[attr-defined]
        monkeypatch.setattr(type(index), "_nearest", lambda *args: [found[:3] for found in nearest(*args)])
        queries = unit_vectors(3, seed=9)
        options = {"tenant": "shop", "owners": [CATALOGUE], "limit": 20}
        assert index.search(queries, **options) == oracle.search(queries, **options)  # type: ignore[arg-type]


@contextmanager
def slow(proxy_url: str, answers_late_ms: int) -> Iterator[None]:
    """Every answer of Milvus comes so much later, for who goes through the proxy."""
    toxic = {"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": answers_late_ms}}
    with httpx.Client(base_url=proxy_url, trust_env=False) as proxy:
        proxy.post("/proxies/milvus/toxics", json=toxic).raise_for_status()
        try:
            yield
        finally:
            proxy.delete("/proxies/milvus/toxics/slow").raise_for_status()


@real_servers.named_by("NUNGIL_TEST_PROXY")
def test_embed_takes_in_no_more_than_a_slow_milvus_can_hold_and_goes_on_by_itself(url: str) -> None:
    proxy_url = os.environ["NUNGIL_TEST_PROXY"]
    listens = httpx.get(f"{proxy_url}/proxies/milvus", trust_env=False).json()["listen"]
    proxied = f"milvus://{listens}/{url.rpartition('/')[2]}"
    with tempfile.TemporaryDirectory(prefix="nungil-") as short:  # the path of a socket has at most 107 characters
        SlowIndexStory(Path(short), proxied, slow(proxy_url, 3_000)).run()


@real_servers.STOPPABLE
def test_an_open_index_recovers_by_itself_when_a_killed_server_is_back(url: str) -> None:
    row, later = some_rows(9)[::8]
    with open_vector_index(url, SPACE) as index:
        index.upsert([row])
        index.flush()
        with real_servers.stopped("milvus", by=signal.SIGKILL):
            for call in (lambda: find(index, row), lambda: index.upsert([row]), index.flush, index.count):
                began = time.monotonic()
                with pytest.raises(VectorIndexAway):
                    call()
                assert time.monotonic() - began < 70
        assert patiently(lambda: find(index, row))[0].id == row.id
        patiently(lambda: index.upsert([later]))
        patiently(index.flush)
        assert {match.id for match in find(index, row)} == {row.id, later.id}
