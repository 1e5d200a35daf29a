"""A write that is sent again is answered again, and done once."""

from __future__ import annotations

import asyncio

import pytest
from gateway_builders import a_gateway, problem_of
from real_servers import service_database_url

from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.runtime.errors import DependencyAway
from services.gateway.core import DAY_MS, fingerprint
from services.gateway.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from services.gateway.handlers.once import GIVE_UP_S, LEASE_MS, RENEW_EVERY_S, AnswerOnce
from services.gateway.store import Answer, Slot

SLOT = Slot("local", "p-1", "order-7")
DONE = Answer(202, "application/json", b"{}")


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile") as gateway:
        yield gateway


class AClock:
    def __init__(self) -> None:
        self.now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock():
    return AClock()


@pytest.fixture
def once(tmp_path, clock):
    url = service_database_url(tmp_path, "gateway")
    upgrade("gateway", url)
    with open_database(url) as engine:
        yield AnswerOnce(engine, lambda _: clock.now_ms, lambda: clock.now_ms / 1000)


def another_process(once, clock):
    """Another gateway on the same database; or the same one, started again."""
    return AnswerOnce(once.engine, lambda _: clock.now_ms, lambda: clock.now_ms / 1000)


class Work:
    """Counts how often it is done."""

    def __init__(self, answer: Answer = DONE) -> None:
        self.done = 0
        self.answer = answer

    async def __call__(self) -> Answer:
        self.done += 1
        return self.answer


def test_the_same_request_again_gets_the_same_answer(gateway):
    client = gateway.as_person("mina")
    send = {"json": {"image_interest": True}, "headers": {"Idempotency-Key": "give"}}
    first = client.put("/v1/me/consent", **send)
    client.put("/v1/me/consent", json={"image_interest": False})
    again = client.put("/v1/me/consent", **send)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert not client.get("/v1/me/consent").json()["image_interest"]["given"]  # it was not done again


def test_the_same_key_with_another_request_is_refused(gateway):
    client = gateway.as_person("jun")
    headers = {"Idempotency-Key": "one"}
    client.put("/v1/me/consent", json={"image_interest": True}, headers=headers)
    response = client.put("/v1/me/consent", json={"image_interest": False}, headers=headers)
    assert problem_of(response) == (422, "idempotency-key-reused")


def test_two_people_may_use_the_same_key(gateway):
    headers = {"Idempotency-Key": "common"}
    gateway.as_person("a").put("/v1/me/consent", json={"taken_on": True}, headers=headers)
    response = gateway.as_person("b").put("/v1/me/consent", json={"taken_on": True}, headers=headers)
    assert "idempotency-replayed" not in response.headers


def test_a_request_that_failed_may_be_sent_again(gateway):
    client = gateway.as_person("eun")
    headers = {"Idempotency-Key": "again"}
    bad = client.put("/v1/me/consent", json={"image_interest": "yes"}, headers=headers)
    assert problem_of(bad) == (422, "invalid-request")
    good = client.put("/v1/me/consent", json={"image_interest": True}, headers=headers)
    assert good.status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 201])
def test_a_key_that_is_none_is_refused(gateway, key):
    headers = {"Idempotency-Key": key.encode()}
    response = gateway.as_person("kim").put("/v1/me/consent", json={}, headers=headers)
    assert problem_of(response) == (422, "invalid-idempotency-key")


def test_while_a_request_is_answered_the_same_key_waits(once):
    async def both() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> Answer:
            begun.set()
            await go_on.wait()
            return DONE

        first = asyncio.create_task(once(SLOT, "f", slow))
        await begun.wait()
        with pytest.raises(IdempotencyKeyInUse):
            await once(SLOT, "f", Work())
        with pytest.raises(IdempotencyKeyReused):
            await once(SLOT, "other", Work())
        go_on.set()
        assert await first == (DONE, False)
        assert await once(SLOT, "f", Work()) == (DONE, True)

    asyncio.run(both())


def test_what_raised_is_forgotten(once):
    async def away() -> Answer:
        raise DependencyAway

    with pytest.raises(DependencyAway):
        asyncio.run(once(SLOT, "f", away))
    work = Work()
    assert asyncio.run(once(SLOT, "another request", work)) == (DONE, False)
    assert work.done == 1


def test_a_request_that_the_client_left_is_forgotten(once):
    async def leave() -> None:
        begun = asyncio.Event()

        async def slow() -> Answer:
            begun.set()
            await asyncio.Event().wait()
            return DONE

        request = asyncio.create_task(once(SLOT, "f", slow))
        await begun.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert await once(SLOT, "f", Work()) == (DONE, False)

    asyncio.run(leave())


def test_an_answer_is_kept_for_a_day(once, clock):
    asyncio.run(once(SLOT, "f", Work()))
    clock.now_ms += DAY_MS - 1
    assert asyncio.run(once(SLOT, "f", Work())) == (DONE, True)
    clock.now_ms += 2
    assert asyncio.run(once(SLOT, "f", Work())) == (DONE, False)


def test_what_a_killed_gateway_left_behind_is_taken_over_when_its_lease_has_ended(once, clock):
    once._begin(SLOT, "f", True)
    restarted = another_process(once, clock)
    clock.now_ms += LEASE_MS - 1
    with pytest.raises(IdempotencyKeyInUse):
        asyncio.run(restarted(SLOT, "f", Work()))
    clock.now_ms += 1
    assert asyncio.run(restarted(SLOT, "f", Work())) == (DONE, False)


def test_what_a_killed_gateway_left_behind_is_taken_over_by_one(once, clock):
    once._begin(SLOT, "f", True)
    clock.now_ms += LEASE_MS
    others = [another_process(once, clock) for _ in range(3)]
    begun = []

    async def all_at_once() -> list[object]:
        go_on = asyncio.Event()

        async def slow() -> Answer:
            begun.append(1)
            await go_on.wait()
            return DONE

        asks = [asyncio.create_task(other(SLOT, "f", slow)) for other in others]
        waiting = set(asks)
        while len(waiting) > 1:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        go_on.set()
        return await asyncio.gather(*asks, return_exceptions=True)

    outcomes = asyncio.run(all_at_once())
    assert len(begun) == 1
    assert outcomes.count((DONE, False)) == 1
    assert sum(isinstance(outcome, IdempotencyKeyInUse) for outcome in outcomes) == 2


def test_a_request_that_takes_long_stays_with_the_gateway_that_renews_its_lease(once, clock):
    other = another_process(once, clock)

    async def both() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> Answer:
            begun.set()
            await go_on.wait()
            return DONE

        first = asyncio.create_task(once(SLOT, "f", slow))
        await begun.wait()
        for _ in range(4):
            clock.now_ms += LEASE_MS - 1500
            await asyncio.to_thread(once.renew_once)
            with pytest.raises(IdempotencyKeyInUse):
                await other(SLOT, "f", Work())
        go_on.set()
        assert await first == (DONE, False)
        assert await other(SLOT, "f", Work()) == (DONE, True)

    asyncio.run(both())


def test_a_gateway_that_cannot_renew_gives_up_before_another_may_take_over(once, clock, monkeypatch):
    monkeypatch.setattr("services.gateway.handlers.once.GIVE_UP_S", 0.2)
    database = DatabaseThatGoes(once.engine)
    here = AnswerOnce(database, lambda _: clock.now_ms)  # type: ignore[arg-type]
    ended = []

    async def never() -> Answer:
        database.away = True
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)
        return DONE

    with pytest.raises(DependencyAway):
        asyncio.run(here(SLOT, "f", never))
    assert ended
    with pytest.raises(IdempotencyKeyInUse):
        asyncio.run(another_process(once, clock)(SLOT, "f", Work()))


def test_a_gateway_gives_up_sooner_than_another_takes_over():
    assert RENEW_EVERY_S < GIVE_UP_S < LEASE_MS / 1000


def test_an_answer_that_comes_after_the_request_was_taken_over_changes_nothing(once, clock):
    once._begin(SLOT, "f", True)
    clock.now_ms += LEASE_MS
    other = another_process(once, clock)
    theirs = Answer(201, "application/json", b"theirs")
    asyncio.run(other(SLOT, "f", Work(theirs)))
    once._keep(SLOT, DONE)
    once._forget(SLOT)
    assert asyncio.run(once(SLOT, "f", Work())) == (theirs, True)


def test_what_could_not_be_noted_is_forgotten_with_the_next_renewal_so_that_any_gateway_may_answer(once, clock):
    once._begin(SLOT, "f", True)
    once.renew_once()
    assert asyncio.run(another_process(once, clock)(SLOT, "f", Work())) == (DONE, False)


def test_a_fingerprint_tells_method_path_and_every_part_apart():
    parts = [("a", b"1"), ("b", b"2")]
    same = fingerprint("POST", "/v1/media", parts)
    assert same == fingerprint("POST", "/v1/media", parts[::-1])
    others = [
        fingerprint("PUT", "/v1/media", parts),
        fingerprint("POST", "/v1/items", parts),
        fingerprint("POST", "/v1/media", [("a", b"2"), ("b", b"1")]),
        fingerprint("POST", "/v1/media", parts[:1]),
    ]
    assert len({same, *others}) == 5


class DatabaseThatGoes:
    """The database, until it is away."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.away = False

    def begin(self):
        if self.away:
            raise DependencyAway("the database cannot be used now")
        return self.engine.begin()


@pytest.mark.parametrize("fails", [True, False])
def test_what_could_not_be_noted_since_the_database_was_away_may_be_sent_again_at_once(once, fails):
    database = DatabaseThatGoes(once.engine)
    here = AnswerOnce(database, once.clock, once.monotonic_s)  # type: ignore[arg-type]

    async def goes_away_meanwhile() -> Answer:
        database.away = True
        if fails:
            raise DependencyAway
        return DONE

    with pytest.raises(DependencyAway):
        asyncio.run(here(SLOT, "print", goes_away_meanwhile))
    database.away = False
    work = Work()
    assert asyncio.run(here(SLOT, "print", work)) == (DONE, False)
    assert asyncio.run(here(SLOT, "print", work)) == (DONE, True)
    assert work.done == 1
