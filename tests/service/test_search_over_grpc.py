"""The search service as others meet it: over gRPC on a Unix socket, and its own main beside a real milvus-lite."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lens_builders import a_servicer
from search_builders import (
    DOG,
    JUNO,
    MINA,
    SOFA,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    item_changed,
    media_changed,
)

from nungil.api.common.v1.common_pb2 import Box, Caller
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.api.search.v1 import search_pb2 as pb
from nungil.api.search.v1.search_pb2_grpc import SearchServiceStub, add_SearchServiceServicer_to_server
from nungil.database.migrations import upgrade
from nungil.encoder.open import space_of
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.pictures.features import encode_features
from nungil.runtime import tracing
from nungil.runtime.errors import DependencyAway, Misconfigured, NotFound, NungilError, Rejected
from nungil.runtime.rpc import aio_server, calling, is_serving, metadata, open_channel, wait_until_stopped
from nungil.vector_index.milvus_lite_server import command, wait_until_up
from nungil.vector_index.open import open_vector_index
from nungil.vector_index.port import IndexRow, row_id
from services.search.__main__ import run
from services.search.config import SearchSettings

WAIT_S = 30.0


class Client:
    """Calls as the gateway makes them: the same errors come back."""

    def __init__(self, channel: Any) -> None:
        self.stub = SearchServiceStub(channel)

    def search(
        self, media_id: str = "query", *, person_id: str = MINA, tenant: str = TENANT, **of: Any
    ) -> pb.SearchByCropResponse:
        caller = Caller(tenant=tenant, person_id=person_id)
        with calling():
            return self.stub.SearchByCrop(
                pb.SearchByCropRequest(caller=caller, media_id=media_id, **of), timeout=WAIT_S
            )

    def status(self) -> pb.GetStatusResponse:
        with calling():
            return self.stub.GetStatus(pb.GetStatusRequest(), timeout=WAIT_S)


@contextmanager
def serving(search: Search, address: str) -> Iterator[None]:
    """The servicer on an event loop of its own."""
    stop, ready = threading.Event(), threading.Event()

    async def answer() -> None:
        with a_servicer(search) as servicer:
            register = lambda server: add_SearchServiceServicer_to_server(servicer, server)  # noqa: E731
            async with aio_server(register, listen=address, grace_s=1):
                ready.set()
                await wait_until_stopped(stop)
                servicer.lens.close()

    thread = threading.Thread(target=lambda: asyncio.run(answer()))
    thread.start()
    try:
        assert ready.wait(WAIT_S)
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", DOG))
        yield search


@pytest.fixture
def client(search: Search, tmp_path: Path) -> Iterator[Client]:
    address = f"unix:{tmp_path}/search.sock"
    with serving(search, address), open_channel(address) as channel:
        yield Client(channel)


def refused(call: Callable[[], object]) -> tuple[type[NungilError], str, str]:
    with pytest.raises(NungilError) as caught:
        call()
    return type(caught.value), str(caught.value), caught.value.slug


def test_a_hit_comes_with_its_box_item_and_passing_offers(search: Search, client: Client) -> None:
    search.put(a_picture("sofa", SOFA), a_picture("dog", DOG))
    offers = [an_offer(), an_offer("o-2", market="US", currency="USD", price_minor=900)]
    search.items(an_item("i-1", "dog", offers=offers))
    answer = client.search(filters=pb.Filters(market="US", in_stock=True), box=Box(x=0, y=0, width=1, height=1))
    [hit] = answer.hits
    assert (hit.media_id, hit.region, hit.item.item_id, hit.item.title.ko) == ("dog", 0, "i-1", "물건 i-1")
    assert [offer.offer_id for offer in hit.item.offers] == ["o-2"]
    assert hit.score == pytest.approx(1.0, abs=1e-3)
    assert (hit.box.width, answer.matched, answer.took_ms > 0) == (1.0, True, True)
    assert not client.search().hits[1].HasField("item")


def test_unknown_anothers_and_another_tenants_are_the_same_status(search: Search, client: Client) -> None:
    search.put(a_picture("hers", owner=JUNO), a_picture("theirs", tenant="other"), a_picture("gone"))
    search.denied.deny("gone")
    for media_id in ("unknown", "hers", "theirs", "gone"):
        answer = refused(lambda media_id=media_id: client.search(media_id))  # type: ignore[misc]
        assert answer == (NotFound, f"no picture {media_id}", "no-such-picture")


def test_a_clipped_box_is_echoed(client: Client) -> None:
    answer = client.search(box=Box(x=-0.5, y=0.5, width=1, height=2))
    assert (answer.box, answer.clipped) == (Box(x=0, y=0.5, width=0.5, height=0.5), True)
    assert not client.search(box=Box(x=0, y=0, width=1, height=1)).clipped


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ({"box": Box(x=2, y=0, width=1, height=1)}, "outside the picture"),
        ({"box": Box()}, "empty"),
        ({"box": Box(x=float("nan"), y=0, width=1, height=1)}, "not made of numbers"),
        ({"region": 9}, "no region 9"),
        ({"limit": 101}, "limit"),
        ({"limit": -1}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"filters": pb.Filters(max_price_minor=1)}, "currency"),
        ({"filters": pb.Filters(market="Korea")}, "market"),
    ],
)
def test_what_cannot_be_searched_is_an_invalid_argument_that_says_why(
    client: Client, of: dict[str, Any], says: str
) -> None:
    error, message, _ = refused(lambda: client.search(**of))
    assert error is Rejected
    assert says in message


def test_region_zero_is_the_whole_and_not_the_absence_of_a_part(search: Search, client: Client) -> None:
    search.put(a_picture("dog", DOG))
    assert client.search(region=0).hits[0].media_id == "dog"


def test_status_tells_rows_items_and_the_space(search: Search, client: Client) -> None:
    search.items(an_item("i-1", "query"))
    assert client.status() == pb.GetStatusResponse(index_rows=1, items=1, encoder_space="tiny-8-v1")


def test_many_callers_at_once_get_their_own_answers(search: Search, client: Client) -> None:
    search.put(a_picture("mine", DOG, owner=MINA), a_picture("hers", DOG, owner=JUNO))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.search(person_id=(MINA, JUNO)[n % 2]).hits[0].media_id, range(40)))
    assert answers == ["mine", "hers"] * 20


def test_a_recorded_search_carries_on_the_trace_of_its_caller(search: Search, client: Client) -> None:
    with tracing.trace() as trace_id:
        request = pb.SearchByCropRequest(caller=Caller(tenant=TENANT, person_id=MINA), media_id="query", record=True)
        client.stub.SearchByCrop(request, timeout=WAIT_S, metadata=metadata())
    with search.log.tail([topics.USER_ACTIVITY], since="start") as tail:
        [record] = tail.poll(max_records=10, timeout_s=0)
    assert (record.key, record.headers["event"]) == (MINA, "UserActivity")
    assert trace_id in record.headers[tracing.TRACEPARENT]


def test_a_search_that_is_asked_again_is_recorded_under_the_same_event(search: Search, client: Client) -> None:
    for _ in range(2):
        client.search(record=True, event_id="e-1")
    with search.log.tail([topics.USER_ACTIVITY], since="start") as tail:
        records = tail.poll(max_records=10, timeout_s=0)
    assert [UserActivity.FromString(record.value or b"").event_id for record in records] == ["e-1", "e-1"]


# The main, as it runs in a process of its own.


@pytest.fixture(scope="module")
def index_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("milvus-lite")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command(folder / "data", port), stdout=log, stderr=log)
    try:
        wait_until_up(f"milvus-lite://127.0.0.1:{port}", 60)
        yield f"milvus-lite://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def settings_for(folder: Path, index_url: str) -> SearchSettings:
    return SearchSettings(
        event_log_url=f"sqlite://{folder}/log.db",
        object_store_url=f"file://{folder}/objects",
        database_url=f"sqlite://{folder}/search.db",
        vector_index_url=index_url,
        encoder_url="tiny://8",
        listen=f"unix:{folder}/search.sock",
    )  # type: ignore[call-arg]


@contextmanager
def running(settings: SearchSettings) -> Iterator[Client]:
    """The service's own main in a thread. What it raises is raised here."""
    stop, failures = threading.Event(), list[BaseException]()

    def body() -> None:
        try:
            run(settings, stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    try:
        eventually(lambda: is_serving(settings.listen) or not thread.is_alive())
        with open_channel(settings.listen) as channel:
            yield Client(channel)
    finally:
        stop.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def eventually(holds: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if holds():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come true in time")


def put(settings: SearchSettings, *media_ids: str) -> None:
    """What embed does, in another process."""
    space = space_of(settings.encoder_url)
    with (
        open_object_store(settings.object_store_url) as objects,
        open_vector_index(settings.vector_index_url, space) as index,
    ):
        for media_id in media_ids:
            picture = a_picture(media_id, DOG)
            objects.put(keys.features_key(TENANT, media_id, space.name), encode_features(picture))
            vector = picture.regions[0].vector
            index.upsert([IndexRow(row_id(media_id, 0), vector, TENANT, picture.owner, media_id)])
        index.flush()


def append(settings: SearchSettings, *records: NewRecord) -> None:
    with open_event_log(settings.event_log_url) as log:
        log.append(records)


def test_the_main_reads_items_and_deletions_and_answers(tmp_path: Path, index_url: str) -> None:
    settings = settings_for(tmp_path, index_url)
    upgrade("search", settings.database_url)
    put(settings, "query", "dog", "deleted-before", "deleted-now")
    append(settings, media_changed("deleted-before"), NewRecord(topics.ITEM_CHANGED, "shop/bad", b"\xff\xff"))
    with running(settings) as client:
        assert [hit.media_id for hit in client.search().hits] == ["deleted-now", "dog"]
        append(settings, media_changed("deleted-now"), item_changed(an_item("i-1", "dog", offers=[an_offer()])))
        eventually(lambda: [(hit.media_id, hit.item.item_id) for hit in client.search().hits] == [("dog", "i-1")])
        assert client.status().items == 1
        put(settings, "later")
        assert [hit.media_id for hit in client.search().hits] == ["dog", "later"]
    with pytest.raises(DependencyAway), open_channel(settings.listen) as channel:
        Client(channel).search()
    assert dead_letters(settings) == ["shop/bad"]
    with running(settings) as client:
        assert [(hit.media_id, hit.item.item_id) for hit in client.search().hits] == [("dog", "i-1"), ("later", "")]


def test_the_main_refuses_a_database_that_was_not_migrated(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nungil migrate search"), running(settings_for(tmp_path, "exact://")):
        pass


def dead_letters(settings: SearchSettings) -> list[str]:
    with (
        open_event_log(settings.event_log_url) as log,
        log.tail([topics.dead_topic(topics.ITEM_CHANGED, "search")], since="start") as tail,
    ):
        return [record.key for record in tail.poll(max_records=10, timeout_s=0)]
