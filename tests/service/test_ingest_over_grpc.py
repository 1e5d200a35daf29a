"""The ingest service as others meet it: its own main, over gRPC on a Unix socket."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from picture_builders import a_large_picture, a_picture

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import events_pb2 as embed_events_pb2
from nungil.api.ingest.v1 import events_pb2, ingest_pb2, ingest_pb2_grpc, items_pb2
from nungil.database.migrations import upgrade
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.runtime.errors import Misconfigured, NotFound, Rejected, TooLarge
from nungil.runtime.rpc import calling, chunks, is_serving, open_channel
from services.ingest.__main__ import run
from services.ingest.config import IngestSettings

CALLER = common_pb2.Caller(tenant="acme", person_id="p-mina")
WAIT_S = 20.0


class Client:
    """Calls as the gateway makes them: the same errors come back."""

    def __init__(self, address: str, channel: Any) -> None:
        self.address = address
        self.stub = ingest_pb2_grpc.IngestServiceStub(channel)

    def put(self, data: bytes, **header: Any) -> ingest_pb2.PutMediaResponse:
        def parts() -> Iterator[ingest_pb2.PutMediaRequest]:
            yield ingest_pb2.PutMediaRequest(header=ingest_pb2.PutMediaRequest.Header(**({"caller": CALLER} | header)))
            for chunk in chunks(data):
                yield ingest_pb2.PutMediaRequest(chunk=chunk)

        with calling():
            return self.stub.PutMedia(parts())

    def get(self, media_id: str) -> ingest_pb2.Media:
        with calling():
            return self.stub.GetMedia(ingest_pb2.GetMediaRequest(caller=CALLER, media_id=media_id)).media

    def feed(self, data: bytes) -> ingest_pb2.Import:
        def parts() -> Iterator[ingest_pb2.ImportFeedRequest]:
            yield ingest_pb2.ImportFeedRequest(caller=CALLER)
            for chunk in chunks(data):
                yield ingest_pb2.ImportFeedRequest(chunk=chunk)

        with calling():
            return getattr(self.stub.ImportFeed(parts()), "import")

    def progress(self, import_id: str) -> ingest_pb2.Import:
        with calling():
            return getattr(
                self.stub.GetImport(ingest_pb2.GetImportRequest(caller=CALLER, import_id=import_id)), "import"
            )


@pytest.fixture
def short() -> Iterator[Path]:
    """A path of a Unix socket must be short."""
    with tempfile.TemporaryDirectory(prefix="ng") as folder:
        yield Path(folder)


@pytest.fixture
def log_url(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/log.db"


@pytest.fixture
def log(log_url: str) -> Iterator[EventLog]:
    with open_event_log(log_url) as log:
        yield log


@pytest.fixture
def client(tmp_path: Path, short: Path, log_url: str) -> Iterator[Client]:
    with a_running_ingest(tmp_path, short, log_url) as client:
        yield client


@contextmanager
def a_running_ingest(folder: Path, short: Path, log_url: str, **rest: Any) -> Iterator[Client]:
    settings = settings_of(folder, short, log_url, **rest)
    upgrade("ingest", settings.database_url)
    stop = threading.Event()
    failures: list[BaseException] = []

    def main() -> None:
        try:
            run(settings, stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=main, name="ingest")
    thread.start()
    try:
        until(lambda: is_serving(settings.listen) or bool(failures))
        with open_channel(settings.listen) as channel:
            yield Client(settings.listen, channel)
    finally:
        stop.set()
        thread.join(WAIT_S)
    assert not thread.is_alive()
    assert failures == []


def settings_of(folder: Path, short: Path, log_url: str, **rest: Any) -> IngestSettings:
    return IngestSettings(
        event_log_url=log_url,
        object_store_url=f"file://{folder}/objects",
        database_url=f"sqlite://{folder}/ingest.db",
        encoder_url="tiny://64",
        listen=f"unix:{short}/i.sock",
        shutdown_grace_s=2.0,
        **rest,
    )


def until(holds: Callable[[], bool]) -> None:
    """Asks again until it holds; fails after WAIT_S."""
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if holds():
            return
        pause.wait(0.05)
    pytest.fail(f"still not so after {WAIT_S} s")


def read(log: EventLog, topic: str, count: int) -> list[Record]:
    """The first `count` records of a topic."""
    with log.tail([topic], since="start") as tail:
        found: list[Record] = []
        until(lambda: len(found.extend(tail.poll(max_records=100, timeout_s=0.1)) or found) >= count)
        return found


def test_a_picture_is_put_published_embedded_shown_and_deleted(client: Client, log: EventLog) -> None:
    put = client.put(a_picture(400, 200), file_name="chair.jpg")
    media_id = put.media.media_id
    [record] = read(log, topics.MEDIA_CHANGED, 1)
    event = events_pb2.MediaChanged.FromString(record.value or b"")
    assert (record.key, event.media_id, record.headers["event"]) == (media_id, media_id, "MediaChanged")
    assert "traceparent" in record.headers

    embedded = embed_events_pb2.MediaEmbedded(
        tenant="acme", media_id=media_id, version=1, outcome=embed_events_pb2.MediaEmbedded.OUTCOME_EMBEDDED
    )
    log.append([NewRecord(topics.MEDIA_EMBEDDED, media_id, embedded.SerializeToString())])
    until(lambda: client.get(media_id).state == ingest_pb2.MEDIA_STATE_SEARCHABLE)

    with calling():
        parts = client.stub.GetImage(ingest_pb2.GetImageRequest(caller=CALLER, media_id=media_id))
        image = b"".join(part.chunk for part in parts)
        listed = client.stub.ListMedia(ingest_pb2.ListMediaRequest(caller=CALLER)).media
    assert image.startswith(b"\xff\xd8\xff")
    assert [media.file_name for media in listed] == ["chair.jpg"]

    with calling():
        client.stub.DeleteMedia(ingest_pb2.DeleteMediaRequest(caller=CALLER, media_id=media_id))
    with pytest.raises(NotFound, match=f"^no picture {media_id}$"):
        client.get(media_id)
    assert len(read(log, topics.MEDIA_CHANGED, 2)) == 2


def test_names_of_many_pictures_are_told_at_once_to_who_may_see_them(client: Client) -> None:
    mine = client.put(a_picture(seed=31), file_name="mine.jpg").media.media_id
    shops = client.put(a_picture(seed=32), file_name="shop.jpg", purpose=common_pb2.PURPOSE_CATALOGUE).media.media_id
    gone = client.put(a_picture(seed=33), file_name="gone.jpg").media.media_id

    def names(caller: common_pb2.Caller, *more: str) -> dict[str, str]:
        request = ingest_pb2.GetFileNamesRequest(caller=caller, media_ids=[mine, shops, gone, "unknown", *more])
        with calling():
            return dict(client.stub.GetFileNames(request).file_names)

    with calling():
        client.stub.DeleteMedia(ingest_pb2.DeleteMediaRequest(caller=CALLER, media_id=gone))
    assert names(CALLER) == {mine: "mine.jpg", shops: "shop.jpg"}
    assert names(common_pb2.Caller(tenant="acme", person_id="p-jun")) == {shops: "shop.jpg"}
    assert names(common_pb2.Caller(tenant="other", person_id="p-mina")) == {}
    with pytest.raises(Rejected, match="at most 1,000"):
        names(CALLER, *map(str, range(1_000)))


def test_a_picture_over_30_mb_is_refused_before_it_has_come_whole(client: Client) -> None:
    sent = 0

    def parts() -> Iterator[ingest_pb2.PutMediaRequest]:
        nonlocal sent
        yield ingest_pb2.PutMediaRequest(header=ingest_pb2.PutMediaRequest.Header(caller=CALLER))
        for _ in range(200):
            sent += 1
            yield ingest_pb2.PutMediaRequest(chunk=bytes(1024 * 1024))

    with pytest.raises(TooLarge, match="30 MB") as error, calling():
        client.stub.PutMedia(parts())
    assert error.value.http_status == 413
    assert sent < 100


def test_31_mb_are_refused(client: Client) -> None:
    with pytest.raises(TooLarge, match="30 MB"):
        client.put(a_picture() + bytes(31_000_000))


def test_what_is_no_picture_is_refused_by_name(client: Client) -> None:
    with pytest.raises(Rejected, match="PDF") as error:
        client.put(b"%PDF-1.7")
    assert error.value.slug == "unsupported-picture"
    assert error.value.http_status == 422


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds a process to a limit of memory")
def test_a_picture_that_breaks_its_decoder_is_refused_and_leaves_nothing(
    tmp_path: Path, short: Path, log_url: str, log: EventLog
) -> None:
    with a_running_ingest(tmp_path, short, log_url, decoder_memory_mb=256) as client:
        with pytest.raises(Rejected, match="killed the decoder: it needs more than 256 MB") as error:
            client.put(a_large_picture())
        assert (error.value.http_status, error.value.slug) == (422, "undecodable-picture")
        assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
        put = client.put(a_picture())
        assert [record.key for record in read(log, topics.MEDIA_CHANGED, 1)] == [put.media.media_id]


def test_a_stream_without_a_header_is_refused(client: Client) -> None:
    for parts in ([], [ingest_pb2.PutMediaRequest(chunk=b"x")]):
        with pytest.raises(Rejected, match="header"), calling():
            client.stub.PutMedia(iter(parts))


def test_a_call_without_a_tenant_is_refused(client: Client) -> None:
    for tenant in ("", "a/b", "..", "x" * 65):
        with pytest.raises(Rejected, match="tenant"):
            client.put(a_picture(), caller=common_pb2.Caller(tenant=tenant, person_id="p-mina"))


def test_an_item_is_put_published_got_and_deleted_with_a_tombstone(client: Client, log: EventLog) -> None:
    media_id = client.put(a_picture(), purpose=common_pb2.PURPOSE_CATALOGUE).media.media_id
    item = items_pb2.Item(
        item_id="i-1",
        media_ids=[media_id],
        title=common_pb2.Name(en="chair"),
        offers=[
            items_pb2.Offer(
                shop="Mart", url="https://shop.example/1", market="KR", currency="KRW", price_minor=12900, in_stock=True
            )
        ],
    )
    with calling():
        put = client.stub.PutItem(ingest_pb2.PutItemRequest(caller=CALLER, item=item)).item
        assert client.stub.GetItem(ingest_pb2.GetItemRequest(caller=CALLER, item_id="i-1")).item == put
        client.stub.DeleteItem(ingest_pb2.DeleteItemRequest(caller=CALLER, item_id="i-1"))
    assert put.offers[0].offer_id
    changed, gone = read(log, topics.ITEM_CHANGED, 2)
    assert events_pb2.ItemChanged.FromString(changed.value or b"").item == put
    assert (changed.key, gone.key, gone.value) == ("acme/i-1", "acme/i-1", None)
    with pytest.raises(NotFound, match="no item i-1"), calling():
        client.stub.GetItem(ingest_pb2.GetItemRequest(caller=CALLER, item_id="i-1"))


def test_a_feed_is_applied_in_the_background(client: Client, log: EventLog) -> None:
    media_id = client.put(a_picture(), purpose=common_pb2.PURPOSE_CATALOGUE).media.media_id
    feed = (
        "id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock\n"
        f"i-1,{media_id},chair,의자,,home,Mart,https://shop.example/1,KR,KRW,12900,yes\n"
        "i-2,,lamp,,,home,Mart,https://shop.example/2,KR,KRW,3000,no\n"
    ).encode()
    begun = client.feed(feed)
    until(lambda: client.progress(begun.import_id).done)
    done = client.progress(begun.import_id)
    assert (done.rows, done.accepted, done.items) == (2, 1, 1)
    assert [(row.line, row.reason) for row in done.rejected] == [(3, "the row has no image")]
    assert client.feed(feed).import_id == done.import_id  # once done it begins anew, and finds nothing new
    until(lambda: client.progress(begun.import_id).done)
    assert client.progress(begun.import_id) == done
    assert len(read(log, topics.ITEM_CHANGED, 1)) == 1


def test_what_was_accepted_is_published_after_a_restart(tmp_path: Path, short: Path, log_url: str) -> None:
    with a_running_ingest(tmp_path, short, log_url) as client:
        ids = {client.put(a_picture(seed=seed)).media.media_id for seed in range(5)}
    with a_running_ingest(tmp_path, short, log_url), open_event_log(log_url) as log:
        assert {record.key for record in read(log, topics.MEDIA_CHANGED, 5)} == ids


def test_it_refuses_to_start_on_a_database_that_is_not_migrated(tmp_path: Path, short: Path, log_url: str) -> None:
    with pytest.raises(Misconfigured, match="nungil migrate ingest"):
        run(settings_of(tmp_path, short, log_url), threading.Event())
