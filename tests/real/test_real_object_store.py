"""What only a real S3 server can show: rights, and going away and coming back."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import real_servers
from ingest_builders import MINA, ORPHAN_AGE_MS, an_ingest, an_upload
from minio import MinioAdmin
from minio.credentials import StaticProvider

from nungil.object_store.errors import ObjectStoreAway
from nungil.object_store.keys import original_key, rendition_key
from nungil.object_store.open import open_object_store
from nungil.object_store.s3 import make_bucket
from nungil.runtime.errors import Misconfigured
from nungil.runtime.ids import new_media_id

pytestmark = real_servers.S3
SECRET = "s3-rights-of-a-test"


@pytest.fixture
def url() -> str:
    return real_servers.a_bucket_url()


def with_keys(url: str, access_key: str, secret_key: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{access_key}:{secret_key}@{parts.hostname}:{parts.port}").geturl()


def a_user_who_may(url: str, *actions: str) -> str:
    """The URL with the keys of a new user, who may do `actions` in the bucket and nothing else."""
    parts = urlsplit(url)
    bucket = parts.path.strip("/")
    name = f"user-{bucket[-12:]}"
    admin = MinioAdmin(
        endpoint=f"{parts.hostname}:{parts.port}",
        credentials=StaticProvider(parts.username or "", parts.password or ""),
        secure=False,
    )
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    admin.user_add(name, SECRET)
    admin.policy_add(name, policy={"Version": "2012-10-17", "Statement": [statement]})
    admin.attach_policy([name], user=name)
    return with_keys(url, name, SECRET)


def test_a_bucket_is_made_once(url: str) -> None:
    assert not make_bucket(url)
    assert make_bucket(f"{url}-another")


def test_a_bucket_that_is_not_there_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"does not exist: make it with"), open_object_store(f"{url}-not"):
        pass


def test_keys_that_are_wrong_are_misconfigured_and_not_told(url: str) -> None:
    for keys in (("nobody", "wrong-secret"), (urlsplit(url).username or "", "wrong-secret")):
        with pytest.raises(Misconfigured, match="s3:ListBucket") as caught, open_object_store(with_keys(url, *keys)):
            pass
        assert "wrong-secret" not in str(caught.value)


def test_keys_may_come_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(url)
    monkeypatch.setenv("NUNGIL_S3_ACCESS_KEY", parts.username or "")
    monkeypatch.setenv("NUNGIL_S3_SECRET_KEY", parts.password or "")
    bare = parts._replace(netloc=f"{parts.hostname}:{parts.port}").geturl()
    with open_object_store(bare) as store:
        store.put("a/b", b"1")
    monkeypatch.delenv("NUNGIL_S3_SECRET_KEY")
    with pytest.raises(Misconfigured, match="NUNGIL_S3_SECRET_KEY"), open_object_store(bare):
        pass


def test_one_who_may_only_read_is_refused_unless_reading_is_all_that_is_wanted(url: str) -> None:
    with open_object_store(url) as store:
        store.put("a/b", b"1")
    reader = a_user_who_may(url, "s3:ListBucket", "s3:GetObject")
    with pytest.raises(Misconfigured, match="s3:PutObject"), open_object_store(reader):
        pass
    with open_object_store(reader, read_only=True) as store:
        assert store.get("a/b") == b"1"
        with pytest.raises(ObjectStoreAway, match="AccessDenied"):
            store.put("a/b", b"2")


def test_many_threads_put_and_delete_in_one_folder_and_none_is_refused(url: str) -> None:
    def work(n: int) -> None:
        for _ in range(40):
            store.put(f"deep/er/{n}", b"1")
            store.delete(f"deep/er/{n}")

    with open_object_store(url) as store, ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
        assert list(store.list("")) == []


def test_what_a_dead_upload_left_in_the_bucket_is_swept(url: str, tmp_path: Path) -> None:
    with open_object_store(url) as store, an_ingest(tmp_path) as ingest:
        put = replace(ingest.pictures, objects=store).put(MINA, an_upload())
        kept = list(store.list(""))
        store.put(original_key(MINA.tenant, new_media_id()), b"left")
        orphans = replace(ingest.orphans, objects=store)
        assert ingest.swept(orphans) == 0
        ingest.clock.ms += 2 * ORPHAN_AGE_MS
        assert ingest.swept(orphans) == 1
        assert list(store.list("")) == kept
        assert rendition_key(MINA.tenant, put.media.media_id) in kept


def test_opening_leaves_nothing_in_the_bucket(url: str) -> None:
    with open_object_store(url) as store:
        assert list(store.list("")) == []


def test_thousands_of_objects_are_listed_in_order(url: str) -> None:
    keys = [f"a/{n:05}" for n in range(1_100)]  # more than one answer of the server holds
    with open_object_store(url) as store:
        for key in reversed(keys):
            store.put(key, b"")
        assert list(store.list("a/")) == keys


@real_servers.STOPPABLE
def test_an_open_store_recovers_by_itself_when_the_server_is_back(url: str) -> None:
    with open_object_store(url) as store:
        store.put("a/b", b"1")
        with real_servers.stopped("minio", by=signal.SIGKILL):
            for call in (lambda: store.get("a/b"), lambda: store.put("a/b", b"2"), lambda: list(store.list(""))):
                with pytest.raises(ObjectStoreAway):
                    call()
            with pytest.raises(ObjectStoreAway), open_object_store(url):
                pass
        assert store.get("a/b") == b"1"


@real_servers.STOPPABLE
def test_a_server_that_says_nothing_is_away_within_half_a_minute(url: str) -> None:
    with open_object_store(url) as store:
        store.put("a/b", b"1")
        with real_servers.paused("minio"):
            began = time.monotonic()
            with pytest.raises(ObjectStoreAway):
                store.get("a/b")
            assert time.monotonic() - began < 30
        assert store.get("a/b") == b"1"
