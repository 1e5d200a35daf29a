"""Ingest killed at its work (SIGKILL): after a restart what it accepted is published, and nothing is double."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from picture_builders import a_picture

from nungil.api.common.v1 import common_pb2
from nungil.api.ingest.v1 import ingest_pb2, ingest_pb2_grpc
from nungil.database.migrations import upgrade
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.runtime.errors import DependencyAway
from nungil.runtime.rpc import calling, is_serving, open_channel

CALLER = common_pb2.Caller(tenant="acme", person_id="p-mina")
CATALOGUE = common_pb2.PURPOSE_CATALOGUE
WAIT_S = 60.0
HEADER = "id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock\n"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="ng") as short:
        yield {
            "NUNGIL_EVENT_LOG_URL": f"sqlite://{tmp_path}/log.db",
            "NUNGIL_OBJECT_STORE_URL": f"file://{tmp_path}/objects",
            "NUNGIL_DATABASE_URL": f"sqlite://{tmp_path}/ingest.db",
            "NUNGIL_ENCODER_URL": "tiny://64",
            "NUNGIL_LISTEN": f"unix:{short}/i.sock",
            "NUNGIL_LOG_LEVEL": "warning",
        }


@contextmanager
def an_ingest_process(
    environment: dict[str, str],
) -> Iterator[tuple[subprocess.Popen[bytes], ingest_pb2_grpc.IngestServiceStub]]:
    """A process of its own, killed at the end if it still lives."""
    process = subprocess.Popen([sys.executable, "-m", "services.ingest"], env=os.environ | environment)
    try:
        until(lambda: process.poll() is not None or is_serving(environment["NUNGIL_LISTEN"]))
        assert process.poll() is None
        with open_channel(environment["NUNGIL_LISTEN"]) as channel:
            yield process, ingest_pb2_grpc.IngestServiceStub(channel)
    finally:
        process.kill()
        process.wait()


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    pytest.fail(f"still not so after {WAIT_S} s")


def put(stub: ingest_pb2_grpc.IngestServiceStub, seed: int) -> ingest_pb2.PutMediaResponse:
    header = ingest_pb2.PutMediaRequest.Header(caller=CALLER, purpose=CATALOGUE)
    parts = [
        ingest_pb2.PutMediaRequest(header=header),
        ingest_pb2.PutMediaRequest(chunk=a_picture(seed=seed)),
    ]
    with calling():
        return stub.PutMedia(iter(parts))


def progress(stub: ingest_pb2_grpc.IngestServiceStub, import_id: str) -> ingest_pb2.Import:
    with calling():
        return getattr(stub.GetImport(ingest_pb2.GetImportRequest(caller=CALLER, import_id=import_id)), "import")


def published(environment: dict[str, str], topic: str) -> list[str]:
    """The keys of every record of a topic so far."""
    keys: list[str] = []
    with (
        open_event_log(environment["NUNGIL_EVENT_LOG_URL"]) as log,
        log.tail([topic], since="start") as tail,
    ):
        while records := tail.poll(max_records=500, timeout_s=0.5):
            keys += [record.key for record in records]
    return keys


def test_every_picture_that_was_accepted_is_published_and_sent_again_is_the_same(environment: dict[str, str]) -> None:
    upgrade("ingest", environment["NUNGIL_DATABASE_URL"])
    accepted: dict[int, str] = {}
    with an_ingest_process(environment) as (process, stub):

        def send() -> None:
            for seed in range(60):
                try:
                    accepted[seed] = put(stub, seed).media.media_id
                except DependencyAway:
                    return

        sending = threading.Thread(target=send)
        sending.start()
        until(lambda: len(accepted) >= 15)
        process.kill()
        sending.join()
    assert 15 <= len(accepted) < 60
    with an_ingest_process(environment) as (_, stub):
        again = {seed: put(stub, seed) for seed in range(len(accepted) + 5)}
        ids = {answer.media.media_id for answer in again.values()}
        assert {seed: again[seed].media.media_id for seed in accepted} == accepted
        assert all(again[seed].duplicate for seed in accepted)
        until(lambda: set(published(environment, topics.MEDIA_CHANGED)) >= ids)
    assert set(published(environment, topics.MEDIA_CHANGED)) == ids


def test_an_import_is_finished_after_a_restart_and_counts_each_row_once(environment: dict[str, str]) -> None:
    upgrade("ingest", environment["NUNGIL_DATABASE_URL"])
    count = 4000
    with an_ingest_process(environment) as (process, stub):
        image = put(stub, 0).media.media_id
        rows = (f"i-{n},{image},chair,,,home,Mart,https://shop.example/{n},KR,KRW,{n + 1},yes\n" for n in range(count))
        feed = (HEADER + "".join(rows)).encode()
        parts = [ingest_pb2.ImportFeedRequest(caller=CALLER), ingest_pb2.ImportFeedRequest(chunk=feed)]
        with calling():
            import_id = getattr(stub.ImportFeed(iter(parts)), "import").import_id
        until(lambda: progress(stub, import_id).accepted > 0)
        process.kill()
    with an_ingest_process(environment) as (_, stub):
        begun = progress(stub, import_id)
        until(lambda: progress(stub, import_id).done)
        done = progress(stub, import_id)
        until(lambda: len(set(published(environment, topics.ITEM_CHANGED))) == count)
    assert begun.rows < count, "it was done before it was killed; make the feed longer"
    assert (done.rows, done.accepted, done.items, len(done.rejected)) == (count, count, count, 0)


def test_it_stops_in_order_on_sigterm(environment: dict[str, str]) -> None:
    upgrade("ingest", environment["NUNGIL_DATABASE_URL"])
    with an_ingest_process(environment) as (process, stub):
        media_id = put(stub, 1).media.media_id
        process.terminate()
        assert process.wait(WAIT_S) == 0
    assert published(environment, topics.MEDIA_CHANGED) in ([], [media_id])
