"""What every vector index promises. A new adapter joins by a URL; `exact://` is the oracle of the others."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import real_servers
from numpy.typing import NDArray

from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import Misconfigured
from nungil.runtime.ids import new_media_id
from nungil.vector_index.errors import InvalidRow, VectorIndexAway
from nungil.vector_index.milvus_lite_server import command, wait_until_up
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import CATALOGUE, IndexRow, Match, VectorIndex, region_of, row_id
from nungil.vector_index.ranking import MAX_LIMIT

DIM = 16
T = TypeVar("T")


@dataclass
class MilvusLite:
    """A real server in a folder of its own."""

    folder: Path
    port: int = field(default_factory=lambda: a_free_port())
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"milvus-lite://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command(self.folder / "data", self.port), stdout=log, stderr=log)
        wait_until_up(self.url, 60)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusLite]:
    server = MilvusLite(tmp_path_factory.mktemp("milvus-lite"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["exact", "milvus-lite", *real_servers.where("NUNGIL_TEST_MILVUS", "milvus")])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    match request.param:
        case "milvus-lite":
            yield str(request.getfixturevalue("milvus_lite").url)
        case "milvus":
            with real_servers.a_milvus_url() as url:
                yield url
        case scheme:
            yield f"{scheme}://"


@pytest.fixture
def index(url: str) -> Iterator[VectorIndex]:
    with open_vector_index(url, a_space()) as index:
        yield index


def a_space(name: str | None = None, dim: int = DIM) -> EncoderSpace:
    return EncoderSpace(name or f"test-{new_media_id()}", dim=dim, rows=4, columns=4, input_px=32)


def a_vector(*leading: float) -> NDArray[np.float32]:
    vector = np.zeros(DIM, dtype=np.float32)
    vector[: len(leading)] = leading
    return vector / np.linalg.norm(vector)


def towards(cosine: float) -> NDArray[np.float32]:
    """A vector whose cosine with a_vector(1) is `cosine`."""
    return a_vector(cosine, float(np.sqrt(1 - cosine**2)))


def a_row(
    media_id: str, n: int = 0, vector: NDArray[np.float32] | None = None, tenant: str = "shop", owner: str = CATALOGUE
) -> IndexRow:
    return IndexRow(row_id(media_id, n), a_vector(1) if vector is None else vector, tenant, owner, media_id)


def some_rows(count: int, seed: int = 0, **of: str) -> list[IndexRow]:
    vectors = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [a_row(f"m-{seed}-{i // 4:05}", i % 4, vectors[i], **of) for i in range(count)]


def hold(index: VectorIndex, *rows: IndexRow) -> None:
    index.upsert(rows)
    index.flush()


def find(index: VectorIndex, vector: NDArray[np.float32] | None = None, **where: object) -> list[Match]:
    options: dict[str, object] = {"tenant": "shop", "owners": [CATALOGUE], "limit": 10, **where}
    query = a_vector(1) if vector is None else vector
    [matches] = index.search(query[None], **options)  # type: ignore[arg-type]
    return matches


def ids(matches: Sequence[Match]) -> list[str]:
    return [match.id for match in matches]


def test_the_nearest_rows_come_best_first(index: VectorIndex) -> None:
    hold(index, a_row("far", 0, towards(0.1)), a_row("near", 0, towards(0.9)), a_row("opposite", 0, towards(-0.9)))
    matches = find(index)
    assert ids(matches) == ["near:0", "far:0", "opposite:0"]
    assert [match.score for match in matches] == pytest.approx([0.9, 0.1, -0.9], abs=1e-6)


def test_a_match_names_its_picture_and_owner(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 3, owner="p-1"))
    [match] = find(index, owners=["p-1"])
    assert (match.media_id, match.owner, region_of(match.id)) == ("m-1", "p-1", 3)


def test_equal_scores_are_ordered_by_id(index: VectorIndex) -> None:
    hold(index, *(a_row(media_id) for media_id in ("m-3", "m-1", "m-10", "m-2")))
    assert ids(find(index)) == ["m-10:0", "m-1:0", "m-2:0", "m-3:0"]


def test_a_limit_keeps_the_best(index: VectorIndex) -> None:
    hold(index, *(a_row(f"m-{n}", 0, towards(n / 10)) for n in range(10)))
    assert ids(find(index, limit=2)) == ["m-9:0", "m-8:0"]


def test_each_query_has_its_own_answer(index: VectorIndex) -> None:
    hold(index, a_row("x", 0, a_vector(1)), a_row("y", 0, a_vector(0, 1)))
    answers = index.search(np.stack([a_vector(1), a_vector(0, 1)]), tenant="shop", owners=[CATALOGUE], limit=1)
    assert [ids(matches) for matches in answers] == [["x:0"], ["y:0"]]


def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    assert find(index) == []
    assert index.count() == 0
    assert index.fetch(["m-1"], tenant="shop") == []


def test_another_tenants_rows_are_never_found(index: VectorIndex) -> None:
    hold(index, a_row("theirs", tenant="other"))
    assert find(index) == []
    assert find(index, media_ids=["theirs"]) == []
    assert index.fetch(["theirs"], tenant="shop") == []


def test_two_tenants_may_use_the_same_id(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0, towards(0.2)), a_row("m-1", 0, towards(0.7), tenant="other"))
    assert find(index)[0].score == pytest.approx(0.2, abs=1e-6)
    assert find(index, tenant="other")[0].score == pytest.approx(0.7, abs=1e-6)
    index.delete_media(["m-1"], tenant="shop")
    index.flush()
    assert find(index) == []
    assert ids(find(index, tenant="other")) == ["m-1:0"]


def test_only_rows_of_the_owners_asked_for_are_found(index: VectorIndex) -> None:
    hold(index, a_row("mine", owner="p-1"), a_row("hers", owner="p-2"), a_row("shop"))
    assert ids(find(index, owners={"p-1", CATALOGUE})) == ["mine:0", "shop:0"]
    assert ids(find(index, owners=["p-2"])) == ["hers:0"]


def test_no_owners_find_nothing(index: VectorIndex) -> None:
    hold(index, a_row("m-1"))
    assert find(index, owners=[]) == []


def test_a_search_can_be_kept_to_some_pictures(index: VectorIndex) -> None:
    hold(index, *(a_row(f"m-{n}", 0, towards(n / 10)) for n in range(10)))
    assert ids(find(index, media_ids=["m-2", "m-5", "unknown"])) == ["m-5:0", "m-2:0"]
    assert find(index, media_ids=[]) == []


def test_a_search_can_be_kept_to_thousands_of_pictures(index: VectorIndex) -> None:
    hold(index, a_row("0190b8a0-0000-7000-8000-000000000001"))
    many = [f"0190b8a0-0000-7000-8000-{n:012}" for n in range(2_500)]
    assert ids(find(index, media_ids=many)) == ["0190b8a0-0000-7000-8000-000000000001:0"]


def test_pictures_can_be_left_out(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0), a_row("m-1", 1), a_row("m-2", 0))
    assert ids(find(index, without=["m-1"])) == ["m-2:0"]
    assert find(index, media_ids=["m-1"], without=["m-1"]) == []


def test_upserting_again_replaces_and_adds_nothing(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0, towards(0.1), owner="p-1"))
    hold(index, a_row("m-1", 0, towards(0.8)))
    [match] = find(index, owners=[CATALOGUE, "p-1"])
    assert (match.owner, match.score) == (CATALOGUE, pytest.approx(0.8, abs=1e-6))
    assert index.count() == 1


def test_the_last_of_one_batch_with_the_same_id_stays(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0, towards(0.1)), a_row("m-1", 0, towards(0.8)))
    assert [match.score for match in find(index)] == pytest.approx([0.8], abs=1e-6)
    assert index.count() == 1


def test_deleted_pictures_are_gone_with_all_their_rows(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0), a_row("m-1", 1), a_row("m-2", 0))
    index.delete_media(["m-1", "unknown"], tenant="shop")
    index.delete_media([], tenant="shop")
    index.flush()
    assert ids(find(index)) == ["m-2:0"]
    assert index.count(tenant="shop") == 1
    index.upsert([a_row("m-1", 0)])
    index.flush()
    assert ids(find(index)) == ["m-1:0", "m-2:0"]


def test_what_was_upserted_a_moment_ago_is_deleted_too(index: VectorIndex) -> None:
    for n in range(5):
        index.upsert([a_row(f"m-{n}", 0), a_row(f"m-{n}", 1)])
        index.delete_media([f"m-{n}"], tenant="shop")
    index.flush()
    assert (find(index), index.count()) == ([], 0)


def test_what_is_fetched_is_what_was_put_ordered_by_id(index: VectorIndex) -> None:
    rows = [a_row("m-2", 0, towards(0.3), owner="p-1"), a_row("m-1", 10, towards(0.2)), a_row("m-1", 9, towards(0.1))]
    hold(index, *rows, a_row("m-3"))
    fetched = index.fetch(["m-1", "m-2", "unknown"], tenant="shop")
    assert [row.id for row in fetched] == ["m-1:10", "m-1:9", "m-2:0"]
    for row, put in zip(fetched, (rows[1], rows[2], rows[0]), strict=True):
        assert (row.tenant, row.owner, row.media_id) == (put.tenant, put.owner, put.media_id)
        assert row.vector.dtype == np.float32
        assert np.array_equal(row.vector, put.vector)
    assert index.fetch([], tenant="shop") == []


def test_rows_are_counted_by_tenant_and_together(index: VectorIndex) -> None:
    hold(index, a_row("m-1"), a_row("m-2"), a_row("m-3", tenant="other"))
    assert (index.count(), index.count(tenant="shop"), index.count(tenant="nobody")) == (3, 2, 0)


@pytest.mark.parametrize(
    "row",
    [
        a_row("m-1", 0, np.ones(DIM - 1, np.float32) / np.float32(np.sqrt(DIM - 1))),
        a_row("m-1", 0, 2 * a_vector(1)),
        a_row("m-1", 0, np.zeros(DIM, np.float32)),
        a_row("m-1", 0, np.full(DIM, np.nan, np.float32)),
        a_row("m-1", tenant=""),
        a_row("m-1", owner=""),
        a_row("m" * 200),
        a_row("m\x00"),
        a_row("m-1", tenant="a/b"),
        IndexRow("m-1", a_vector(1), "shop", CATALOGUE, "m-1"),
        IndexRow("m-2:0", a_vector(1), "shop", CATALOGUE, "m-1"),
    ],
)
def test_a_row_that_cannot_be_held_is_refused_and_its_batch_too(index: VectorIndex, row: IndexRow) -> None:
    with pytest.raises(InvalidRow):
        index.upsert([a_row("good"), row])
    index.flush()
    assert index.count() == 0


NASTY = [
    '"',
    "'",
    "\\",
    '" or tenant != "',
    "' or '1' == '1",
    '\\" or true or "',
    "{x}",
    "%",
    "a_b",
    "눈길",
    "x\\",
    "😀",
]


@pytest.mark.parametrize("value", NASTY)
def test_a_name_is_never_read_as_a_part_of_the_filter(index: VectorIndex, value: str) -> None:
    hold(index, a_row("secret", tenant="other", owner="p-2"), a_row("plain"))
    for where in ({"tenant": value}, {"owners": [value]}, {"media_ids": [value]}):
        assert find(index, **where) == []
    assert index.fetch([value], tenant="shop") == index.fetch(["plain"], tenant=value) == []
    assert index.count(tenant=value) == 0
    index.delete_media([value], tenant="shop")
    index.delete_media(["plain"], tenant=value)
    index.flush()
    assert ids(find(index, without=[value])) == ["plain:0"]
    assert index.count() == 2


@pytest.mark.parametrize("value", ["a\nb", "a\r\nb", "a\x00b", "a\tb", "", "a\u2028b"])
def test_a_name_that_no_row_can_have_finds_nothing(index: VectorIndex, value: str) -> None:
    hold(index, a_row("plain"), a_row("ab", tenant="ab", owner="ab"))
    assert find(index, tenant=value) == find(index, owners=[value]) == find(index, media_ids=[value]) == []
    assert ids(find(index, without=[value], owners=[value, CATALOGUE])) == ["plain:0"]
    index.delete_media([value], tenant="shop")
    assert index.count(tenant=value) == 0
    assert index.count() == 2


@pytest.mark.parametrize("value", NASTY)
def test_a_name_may_hold_any_printable_character(index: VectorIndex, value: str) -> None:
    hold(index, a_row(value, tenant=value, owner=value), a_row("plain"))
    assert ids(find(index, tenant=value, owners=[value], media_ids=[value])) == [f"{value}:0"]
    assert find(index, tenant=value, owners=[value], without=[value]) == []
    assert [row.media_id for row in index.fetch([value], tenant=value)] == [value]
    index.delete_media([value], tenant=value)
    index.flush()
    assert index.count(tenant=value) == 0


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1])
def test_a_limit_out_of_range_is_an_error_of_the_caller(index: VectorIndex, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        find(index, limit=limit)


def test_a_query_of_another_size_is_an_error_of_the_caller(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="shape"):
        index.search(np.ones((1, DIM + 1), np.float32), tenant="shop", owners=[CATALOGUE], limit=1)


def test_thousands_of_rows_in_one_call_are_all_found(index: VectorIndex) -> None:
    rows = some_rows(5_000)
    hold(index, *rows)
    assert index.count() == 5_000
    assert sorted(ids(find(index, limit=MAX_LIMIT))) == sorted(row.id for row in rows)


def test_of_more_rows_than_the_largest_limit_the_best_are_found(index: VectorIndex) -> None:
    rows = some_rows(MAX_LIMIT + 100)
    hold(index, *rows)
    matches = find(index, rows[7].vector, limit=MAX_LIMIT)
    assert len(matches) == MAX_LIMIT
    assert matches[0].id == rows[7].id
    assert find(index, rows[7].vector, limit=50) == matches[:50]


def test_the_answer_is_the_oracles(index: VectorIndex) -> None:
    rows = some_rows(1_200, seed=1) + some_rows(400, seed=2, owner="p-1") + some_rows(400, seed=3, tenant="other")
    with open_vector_index("exact://", a_space()) as oracle:
        for each in (oracle, index):
            hold(each, *rows)
            each.delete_media([f"m-1-{n:05}" for n in range(0, 300, 7)], tenant="shop")
            each.flush()
        queries = np.stack([row.vector for row in some_rows(20, seed=4)])
        for where in ({}, {"owners": [CATALOGUE, "p-1"]}, {"media_ids": [f"m-1-{n:05}" for n in range(50)]}, {"without": ["m-1-00001"]}):  # fmt: skip
            options = {"tenant": "shop", "owners": [CATALOGUE], "limit": 25, **where}
            assert index.search(queries, **options) == oracle.search(queries, **options)  # type: ignore[arg-type]


def test_what_is_gathered_is_what_any_of_the_searches_finds_once_each_with_its_vector(index: VectorIndex) -> None:
    rows = some_rows(800, seed=1) + some_rows(100, seed=2, owner="p-1") + some_rows(100, seed=3, tenant="other")
    hold(index, *rows)
    queries = np.stack([row.vector for row in some_rows(12, seed=4)])
    vectors = {row.id: row.vector for row in rows}
    for where in ({}, {"owners": [CATALOGUE, "p-1"]}, {"media_ids": [f"m-1-{n:05}" for n in range(20)]}, {"without": ["m-1-00001"]}):  # fmt: skip
        options = {"tenant": "shop", "owners": [CATALOGUE], "limit": 30, **where}
        found = {match.id for matches in index.search(queries, **options) for match in matches}  # type: ignore[arg-type]
        gathered = index.gather(queries, **options)  # type: ignore[arg-type]
        assert [row.id for row in gathered] == sorted(found)
        assert {(row.tenant, row.owner) for row in gathered} <= {("shop", CATALOGUE), ("shop", "p-1")}
        assert all(row.id == row_id(row.media_id, region_of(row.id)) for row in gathered)
        assert np.array_equal(np.stack([row.vector for row in gathered]), np.stack([vectors[r.id] for r in gathered]))


def test_nothing_is_gathered_where_nothing_can_pass(index: VectorIndex) -> None:
    hold(index, a_row("m-1"))
    for where in ({"owners": []}, {"media_ids": []}, {"tenant": "other"}, {"without": ["m-1"]}):
        options = {"tenant": "shop", "owners": [CATALOGUE], "limit": 5, **where}
        assert index.gather(a_vector(1)[None], **options) == []  # type: ignore[arg-type]
    assert index.gather(np.zeros((0, DIM), np.float32), tenant="shop", owners=[CATALOGUE], limit=5) == []


def test_gathered_rows_are_the_callers_to_keep(index: VectorIndex) -> None:
    hold(index, a_row("m-1"))
    [row] = index.gather(a_vector(1)[None], tenant="shop", owners=[CATALOGUE], limit=5)
    row.vector[:] = 0
    assert find(index)[0].score == pytest.approx(1.0)


def test_searches_beside_writing_never_miss_a_row_that_was_flushed(index: VectorIndex) -> None:
    hold(index, a_row("steady"), *some_rows(200))
    done = threading.Event()

    def search() -> int:
        searches = 0
        while not done.is_set() or searches == 0:
            assert find(index, limit=1)[0].id == "steady:0"
            searches += 1
        return searches

    def write(seed: int) -> None:
        for batch in range(5):
            rows = some_rows(40, seed=100 * seed + batch + 10)
            hold(index, *rows)
            assert len(index.fetch([row.media_id for row in rows], tenant="shop")) == 40

    with ThreadPoolExecutor(4) as pool:
        searching = [pool.submit(search) for _ in range(2)]
        writing = [pool.submit(write, seed) for seed in (1, 2)]
        try:
            for each in writing:
                each.result()
        finally:
            done.set()
        assert all(each.result() > 0 for each in searching)
    assert index.count() == 201 + 2 * 5 * 40


@pytest.mark.parametrize("url", ["", "exact", "exact://host", "faiss://x", "milvus-lite://", "milvus-lite://host", "milvus-lite:///path", "milvus://", "milvus://host", "milvus://host:x", "milvus://host:1/a/b"])  # fmt: skip
def test_a_url_that_names_no_index_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_vector_index(url, a_space()):
        pass


# What follows is of milvus-lite alone.


def test_rows_outlive_the_one_who_wrote_them(milvus_lite: MilvusLite) -> None:
    space = a_space()
    with open_vector_index(milvus_lite.url, space) as first:
        hold(first, a_row("m-1"))
    with open_vector_index(milvus_lite.url, space) as second:
        assert ids(find(second)) == ["m-1:0"]


def test_each_encoder_space_has_rows_of_its_own(milvus_lite: MilvusLite) -> None:
    with open_vector_index(milvus_lite.url, a_space()) as one, open_vector_index(milvus_lite.url, a_space()) as other:
        hold(one, a_row("m-1"))
        assert (one.count(), other.count()) == (1, 0)


def test_an_open_index_recovers_by_itself_when_a_killed_server_is_back(tmp_path: Path) -> None:
    server = MilvusLite(tmp_path)
    server.start()
    try:
        with open_vector_index(server.url, a_space()) as index:
            hold(index, a_row("flushed"))
            index.upsert([a_row("not-yet")])
            server.kill()
            for call in (lambda: find(index), lambda: index.upsert([a_row("m-1")]), index.flush, index.count):
                with pytest.raises(VectorIndexAway):
                    call()
            server.start()
            assert "flushed:0" in ids(patiently(lambda: find(index)))
            hold(index, a_row("after"))
            assert {"after:0", "flushed:0", "not-yet:0"} == set(ids(find(index)))
    finally:
        server.kill()


def patiently(call: Callable[[], T], timeout_s: float = 20) -> T:
    """What every reader does: a dependency that is away is asked again."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            return call()
        except VectorIndexAway:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.1)


def test_two_that_open_an_index_together_share_it(milvus_lite: MilvusLite) -> None:
    space = a_space()

    def put(n: int) -> None:
        with open_vector_index(milvus_lite.url, space) as index:
            hold(index, a_row(f"m-{n}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    with open_vector_index(milvus_lite.url, space) as index:
        assert index.count() == 4


def test_an_index_that_is_not_there_is_away() -> None:
    with pytest.raises(VectorIndexAway), open_vector_index(f"milvus-lite://127.0.0.1:{a_free_port()}", a_space()):
        pass
    with pytest.raises(VectorIndexAway):
        wait_until_up(f"milvus-lite://127.0.0.1:{a_free_port()}", 0.3)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the listeners of Linux")
def test_the_server_listens_on_this_machine_alone(milvus_lite: MilvusLite) -> None:
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = {line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{milvus_lite.port:04X}")}
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert {address.partition(":")[0] for address in listening} <= loopback
    assert len(listening) == 1


def test_the_pictures_of_an_owner_are_told_with_their_rows(index: VectorIndex) -> None:
    hold(index, a_row("m-1", 0, owner="p-1"), a_row("m-1", 1, owner="p-1"), a_row("m-2", 0, owner="p-1"))
    hold(index, a_row("m-3", 0, owner="p-2"), a_row("m-4", 0, owner="p-1", tenant="other"))
    assert index.pictures_of("p-1", tenant="shop") == {"m-1": 2, "m-2": 1}
    assert index.pictures_of("nobody", tenant="shop") == {}
    index.delete_media(["m-1"], tenant="shop")
    index.flush()
    assert index.pictures_of("p-1", tenant="shop") == {"m-2": 1}


def test_erasing_what_was_deleted_leaves_all_other_rows_as_they_were(index: VectorIndex) -> None:
    rows = some_rows(2_500, seed=9)
    hold(index, *rows, a_row("gone", 0, owner="p-1"))
    index.delete_media(["gone"], tenant="shop")
    index.flush()
    index.erase_deleted()
    assert index.count(tenant="shop") == len(rows)
    assert [row.id for row in index.fetch(["gone", rows[0].media_id], tenant="shop")] == [
        row.id for row in rows if row.media_id == rows[0].media_id
    ]
    assert ids(find(index, rows[7].vector, limit=1)) == [rows[7].id]
    hold(index, a_row("later", 0, towards(0.5)))
    assert [row.id for row in index.fetch(["later"], tenant="shop")] == ["later:0"]


def test_who_has_the_index_open_goes_on_reading_after_an_erasure_by_another(url: str) -> None:
    space = a_space()
    with open_vector_index(url, space) as embed, open_vector_index(url, space) as search:
        hold(embed, a_row("kept"), a_row("gone"))
        if url.startswith("exact"):
            search = embed  # in memory, of one process
        assert len(find(search)) == 2
        embed.delete_media(["gone"], tenant="shop")
        embed.flush()
        embed.erase_deleted()
        assert ids(find(search)) == ["kept:0"]
