"""What every object store promises. A new adapter joins by a URL."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import real_servers

from nungil.object_store.errors import InvalidKey, ObjectNotFound, ObjectStoreAway
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.runtime.errors import Misconfigured


@pytest.fixture(params=["file", *real_servers.where("NUNGIL_TEST_S3", "s3")])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return real_servers.a_bucket_url() if request.param == "s3" else f"file://{tmp_path}/objects"


@pytest.fixture
def store(url: str) -> Iterator[ObjectStore]:
    with open_object_store(url) as store:
        yield store


def test_what_was_put_is_got(store: ObjectStore) -> None:
    store.put("renditions/local/m-1.jpg", b"\xff\xd8", content_type="image/jpeg")
    assert store.get("renditions/local/m-1.jpg") == b"\xff\xd8"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("tombstones/local/m-1", b"")
    assert store.exists("tombstones/local/m-1")
    assert store.get("tombstones/local/m-1") == b""


def test_putting_again_replaces(store: ObjectStore) -> None:
    store.put("a/b", b"first and long")
    store.put("a/b", b"second")
    assert store.get("a/b") == b"second"


def test_what_was_never_put_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        store.get("a/b")
    assert not store.exists("a/b")


def test_the_beginning_of_a_key_is_no_object(store: ObjectStore) -> None:
    store.put("a/b/c", b"1")
    assert not store.exists("a/b")
    with pytest.raises(ObjectNotFound):
        store.get("a/b")
    with pytest.raises(ObjectNotFound):
        store.get("a/b/c/d")


def test_deleting_removes_and_deleting_nothing_is_no_error(store: ObjectStore) -> None:
    store.put("a/b/c", b"1")
    store.delete("a/b/c")
    store.delete("a/b/c")
    store.delete("a")
    assert not store.exists("a/b/c")
    assert list(store.list("")) == []


def test_deleting_the_beginning_of_a_key_removes_nothing(store: ObjectStore) -> None:
    store.put("a/b/c", b"1")
    store.delete("a/b")
    assert store.get("a/b/c") == b"1"


def test_keys_are_listed_in_the_order_of_their_bytes(store: ObjectStore) -> None:
    keys = ["a/b", "a-b", "a.b", "a0", "a/b-c", "A/z", "a/b.c/d", "a/b.c-d", "a_/x"]
    for key in keys:
        store.put(key, b"1")
    assert list(store.list("")) == sorted(keys, key=str.encode)


def test_a_listing_holds_only_what_begins_with_the_prefix(store: ObjectStore) -> None:
    for key in ("features/t/m-1/x", "features/t/m-10/x", "features/t2/m-1/x", "other/x"):
        store.put(key, b"1")
    assert list(store.list("features/t/m-1/")) == ["features/t/m-1/x"]
    assert list(store.list("features/t/m-1")) == ["features/t/m-1/x", "features/t/m-10/x"]
    assert list(store.list("features/t")) == ["features/t/m-1/x", "features/t/m-10/x", "features/t2/m-1/x"]
    assert list(store.list("nothing/here")) == []


def test_objects_can_be_deleted_while_they_are_listed(store: ObjectStore) -> None:
    for n in range(20):
        store.put(f"a/{n:02}/x", b"1")
    for key in store.list("a/"):
        store.delete(key)
    assert list(store.list("a/")) == []


def test_a_listing_can_be_begun_and_gone_on_with(store: ObjectStore) -> None:
    for n in range(3):
        store.put(f"a/{n}/x", b"1")
    keys = store.list("a/")
    assert next(keys) == "a/0/x"
    assert list(keys) == ["a/1/x", "a/2/x"]


FILES_ALONE = pytest.mark.xfail(
    strict=True, reason="a file system cannot hold a file and a folder of one name; S3 can", raises=InvalidKey
)


def test_a_key_may_be_the_beginning_of_another(request: pytest.FixtureRequest, url: str, store: ObjectStore) -> None:
    if url.startswith("file:"):
        request.applymarker(FILES_ALONE)
    store.put("a/b", b"1")
    store.put("a/b/c", b"2")
    assert store.get("a/b") == b"1"


BAD_KEYS = ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", "a..b", ".", "a/./b", "a b", "a\\b", "a\x00b", "a\n", "é", "a%2e", "a~", "x" * 300, "a/" * 600 + "a"]  # fmt: skip


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_is_none_is_refused_everywhere(store: ObjectStore, key: str) -> None:
    for call in (lambda: store.put(key, b"1"), lambda: store.get(key), lambda: store.exists(key), lambda: store.delete(key)):  # fmt: skip
        with pytest.raises(InvalidKey):
            call()


@pytest.mark.parametrize("prefix", ["/", "..", "../", "a/../", "a//", "a*", "~tmp"])
def test_a_prefix_that_can_begin_no_key_is_refused(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(InvalidKey):
        list(store.list(prefix))


def test_a_reader_sees_the_old_bytes_or_the_new_never_a_part(store: ObjectStore) -> None:
    bodies = [bytes([n]) * 300_000 for n in range(2)]
    store.put("a/b", bodies[0])
    done = threading.Event()

    def read() -> set[bytes]:
        seen = set()
        while not done.is_set():
            seen.add(store.get("a/b"))
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for n in range(40):
            store.put("a/b", bodies[n % 2])
        done.set()
        for reader in readers:
            assert reader.result() <= set(bodies)


def test_putting_and_deleting_side_by_side_loses_nothing(store: ObjectStore) -> None:
    def work(n: int) -> None:
        for _ in range(25):
            store.put(f"deep/er/{n}", b"1")
            store.delete(f"deep/er/{n}")
        store.put(f"deep/er/{n}", b"last")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert [store.get(key) for key in store.list("deep/")] == [b"last"] * 8


def test_two_opened_stores_see_each_other(url: str, store: ObjectStore) -> None:
    store.put("a/b", b"1")
    with open_object_store(url) as other:
        assert other.get("a/b") == b"1"


@pytest.mark.parametrize(
    "url",
    [
        "file://relative/path",
        "file://",
        "ftp://host/x",
        "objects",
        "",
        "s3://host/bucket",
        "s3+http://host",
        "s3+http://host/a/b",
        "s3+http://host:port/a",
        "s3+http://key:secret@host/no",
        "s3+http://key:secret@host/No_Name",
    ],
)
def test_a_url_that_names_no_store_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_object_store(url):
        pass


# What follows is of the file adapter alone.


def test_a_symbolic_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    with open_object_store(f"file://{tmp_path}/objects") as store:
        (tmp_path / "objects" / "folder").symlink_to(tmp_path / "outside")
        (tmp_path / "objects" / "file").symlink_to(tmp_path / "outside" / "secret")
        for call in (lambda: store.get("folder/secret"), lambda: store.put("folder/new", b"1"), lambda: store.delete("folder/secret")):  # fmt: skip
            with pytest.raises(InvalidKey):
                call()
        with pytest.raises(ObjectNotFound):
            store.get("file")
        assert not store.exists("file")
        assert list(store.list("")) == []
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]


def test_a_folder_of_more_names_than_are_kept_is_listed_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nungil.object_store.file._LISTED_AT_ONCE", 4)
    keys = sorted([f"a/{n:02}" for n in range(8)] + [f"a/{n:02}-x/{m}" for n in range(9) for m in range(5)])
    with open_object_store(f"file://{tmp_path}/objects") as store:
        for key in keys:
            store.put(key, b"1")
        assert list(store.list("")) == keys
        assert list(store.list("a/03")) == [key for key in keys if key.startswith("a/03")]
        for key in store.list("a/"):
            store.delete(key)
        assert list(store.list("")) == []


def test_a_writer_killed_half_way_leaves_the_old_object(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    writer = (
        "import itertools, sys\n"
        "from nungil.object_store.open import open_object_store\n"
        "with open_object_store(sys.argv[1]) as store:\n"
        "    store.put('a/b', bytes([0]) * 4_000_000)\n"
        "    print('ready', flush=True)\n"
        "    for n in itertools.count():\n"
        "        store.put('a/b', bytes([n % 256]) * 4_000_000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    threading.Event().wait(0.1)
    process.kill()
    process.wait()
    process.stdout.close()
    with open_object_store(url) as store:
        body = store.get("a/b")
        assert body == body[:1] * 4_000_000
        assert list(store.list("")) == ["a/b"]


def test_what_a_killed_writer_left_behind_is_swept_at_the_next_opening(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    with open_object_store(url):
        left, fresh = tmp_path / "objects" / "~tmp" / "left", tmp_path / "objects" / "~tmp" / "fresh"
        for path in (left, fresh):
            path.write_bytes(b"half")
        os.utime(left, (0, 0))
    with open_object_store(url):
        assert not left.exists()
        assert fresh.exists()


def test_empty_folders_go_with_their_last_object(tmp_path: Path) -> None:
    with open_object_store(f"file://{tmp_path}/objects") as store:
        store.put("features/t/m-1/space", b"1")
        store.delete("features/t/m-1/space")
    assert sorted(os.listdir(tmp_path / "objects")) == ["~tmp"]


def test_a_store_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "objects").write_bytes(b"a file, no folder")
    with pytest.raises(ObjectStoreAway), open_object_store(f"file://{tmp_path}/objects"):
        pass
