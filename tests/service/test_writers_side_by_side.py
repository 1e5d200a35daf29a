"""Several processes of a service on one database: each effect once, in one order, and no error that one alone would not see."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from ingest_builders import CATALOGUE, MINA, Ingest, an_ingest, an_item
from picture_builders import a_picture
from profile_builders import TENANT, AProfile, a_profile
from real_servers import service_database_url

from nungil.api.ingest.v1.events_pb2 import ItemChanged
from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.event_log import topics
from services.gateway.core import Grant, new_key
from services.gateway.errors import IdempotencyKeyInUse
from services.gateway.handlers.once import AnswerOnce
from services.gateway.keys import add_key
from services.gateway.store import Answer, Slot
from services.profile import core
from services.profile.handlers.people import Identify
from services.profile.store import batch_rows, journal_rows, people_rows

T = TypeVar("T")
TOGETHER = 6
TIMES = 5


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        yield ingest


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[AProfile]:
    with a_profile(tmp_path) as profile:
        yield profile


def together(work: Callable[[int], T]) -> list[T]:
    """What each of them returns; all begin at the same moment."""
    ready = threading.Barrier(TOGETHER)

    def one(n: int) -> T:
        ready.wait(20)
        return work(n)

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(one, range(TOGETHER)))


def test_the_same_bytes_given_by_many_at_once_are_one_picture(ingest: Ingest) -> None:
    data = a_picture(seed=7)
    puts = together(lambda _: ingest.put(data=data))
    assert len({put.media.media_id for put in puts}) == 1
    assert [put.duplicate for put in puts].count(False) == 1
    assert len(ingest.media_events()) == 1


def test_an_item_put_by_many_at_once_is_what_the_last_event_says(ingest: Ingest) -> None:
    media_id = ingest.put(purpose=CATALOGUE).media.media_id

    def put(n: int) -> None:
        for time in range(TIMES):
            ingest.items.put(MINA, an_item("chair", media_ids=[media_id], brand=f"{n}-{time}"))

    together(put)
    events = [
        ItemChanged.FromString(value or b"") for topic, _, value in ingest.outbox() if topic == topics.ITEM_CHANGED
    ]
    assert len(events) == TOGETHER * TIMES
    assert ingest.items.get(MINA, "chair").brand == events[-1].item.brand


def test_a_subject_met_by_many_at_once_is_one_person(profile: AProfile) -> None:
    identify = Identify(profile.engine, profile.clock)
    assert len(set(together(lambda n: identify(TENANT, "mina")))) == 1


def test_of_many_first_requests_with_one_idempotency_key_one_is_done(tmp_path: Path) -> None:
    url = service_database_url(tmp_path, "gateway")
    upgrade("gateway", url)
    done = []

    async def work() -> Answer:
        done.append(1)
        return Answer(202, "application/json", b"{}")

    with open_database(url) as engine:
        once = AnswerOnce(engine)

        def ask(_: int) -> bool:
            try:
                asyncio.run(once(Slot("local", "p-1", "order-7"), "f", work))
            except IdempotencyKeyInUse:
                return False
            return True

        assert any(together(ask))
    assert len(done) == 1


def test_a_key_added_by_many_at_once_is_added_once(tmp_path: Path) -> None:
    url = service_database_url(tmp_path, "gateway")
    upgrade("gateway", url)
    grant = Grant("local", "owner", frozenset({"read"}))
    key = new_key()
    added = together(lambda _: add_key(url, key, grant, label="", created_at_ms=1))
    assert added.count(True) == 1


def test_nothing_enters_a_journal_beside_the_removal_of_its_picture(profile: AProfile) -> None:
    """The one that looked first writes first; the removal then finds its row."""
    person_id = profile.a_person()
    activity = core.Activity("e-1", TENANT, person_id, 1, "m-1", None, profile.clock())
    looked, may_write = threading.Event(), threading.Event()

    def enter() -> None:
        with profile.engine.begin() as c:
            people_rows.lock_person(c, TENANT, person_id)
            journal_rows.keep_pictures(c, TENANT, ["m-1"])
            assert not journal_rows.removed(c, TENANT, ["m-1"])
            looked.set()
            may_write.wait(1)  # the removal has begun by now, and waits
            batch_rows.add_waiting(c, TENANT, [activity])

    with ThreadPoolExecutor(2) as pool:
        entering = pool.submit(enter)
        assert looked.wait(20)
        removing = pool.submit(profile.journal.forget_picture, TENANT, "m-1")
        entering.result(20)
        removing.result(20)
    assert profile.rows() == []
    assert profile.journal.removed(TENANT, ["m-1"]) == {"m-1"}
