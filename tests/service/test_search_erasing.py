"""A person was erased: what search's copy and its memory forget, and what comes after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from lens_builders import a_session
from search_builders import DOG, JUNO, MINA, SPACE, TENANT, Search, a_picture, a_search

from nungil.api.profile.v1.events_pb2 import ErasureConfirmed
from nungil.database.open import reading
from nungil.erasing import Erased
from nungil.event_log import topics
from nungil.object_store.keys import features_key
from nungil.pictures.boxes import WHOLE
from nungil.pictures.features import Features, FoundLabel
from services.search.core import Filters
from services.search.errors import NoSuchPicture
from services.search.facts import pictures_after, tags_of
from services.search.handlers.erasing import EraseOwner, ForgetErased
from services.search.watches import Watch, Watches

GONE = Erased("e-1", TENANT, MINA)


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        yield search


def showing_a_dog(media_id: str, owner: str) -> Features:
    return replace(a_picture(media_id, DOG, owner=owner), labels=(FoundLabel("siberian_husky", 0.6),))


def erase(search: Search) -> None:
    EraseOwner(search.engine, search.log, lambda: search.now[0], 1_000)(GONE)


def known(search: Search) -> list[str]:
    with reading(search.engine) as connection:
        return [media_id for _, media_id in pictures_after(connection, ("", ""), 99)]


def counts(search: Search) -> list[int]:
    with search.log.tail([topics.ERASURE_CONFIRMED], since="start") as tail:
        return [ErasureConfirmed.FromString(r.value or b"").count for r in tail.poll(max_records=99, timeout_s=0.1)]


def test_what_pictures_of_the_person_show_goes_and_no_other(search: Search) -> None:
    search.put(showing_a_dog("m-1", MINA), showing_a_dog("m-2", JUNO))
    search.facts([(TENANT, "m-1"), (TENANT, "m-2")])
    erase(search)
    assert known(search) == ["m-2"]
    with reading(search.engine) as connection:
        assert set(tags_of(connection, TENANT, ["m-1", "m-2"])) == {"m-2"}
    erase(search)
    assert counts(search) == [2, 2]


def test_what_is_told_of_their_pictures_later_is_dropped(search: Search) -> None:
    search.put(showing_a_dog("m-1", MINA))
    erase(search)
    assert search.facts([(TENANT, "m-1")]) == 0
    assert known(search) == []


def test_nothing_of_the_person_stays_in_memory(search: Search) -> None:
    mine, theirs = showing_a_dog("m-1", MINA), showing_a_dog("m-2", JUNO)
    watches = Watches()
    for picture in (mine, theirs):
        search.put(picture)
        search.fresh.put(picture)
        search.maps.of(TENANT, picture.media_id)
        watch = Watch(TENANT, f"w-{picture.owner}", picture.owner, picture.media_id, WHOLE, Filters())
        watches.put(watch, picture.regions[0].vector)
    search.held.of(TENANT, ["m-1", "m-2"])
    search.index.delete_media(["m-1"], tenant=TENANT)
    search.objects.delete(features_key(TENANT, "m-1", SPACE.name))
    forget = ForgetErased(search.log, search.maps, search.fresh, search.held, watches, search.denied, Event())
    forget.forget(GONE)
    assert search.maps.of(TENANT, "m-1") is None
    assert search.maps.of(TENANT, "m-2") is not None
    assert set(search.fresh.of(TENANT, [MINA, JUNO])) == {"m-2"}
    assert [rows.media_id for rows in search.held.of(TENANT, ["m-1", "m-2"])] == ["m-2"]
    assert [watch.person_id for watch in watches.of(TENANT).watches] == [JUNO]  # type: ignore[union-attr]


def test_an_open_session_of_the_person_ends(search: Search) -> None:
    search.put(a_picture("query"))

    async def story() -> None:
        async with a_session(search) as session:
            search.denied.deny(MINA)  # as ForgetErased does
            assert isinstance((await session.closed()).error, NoSuchPicture)

    asyncio.run(story())
