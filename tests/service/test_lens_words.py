"""Words and chips while the frame moves: read once, then they hold in the pool and in the full answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from lens_builders import a_lens, a_session
from search_builders import DOG, LEFT, RIGHT, SOFA, Search, a_picture, a_search, an_offer, like

from nungil.api.common.v1.common_pb2 import Name
from nungil.api.ingest.v1.items_pb2 import Item
from services.search.core import Tag, TagKind
from services.search.errors import InvalidQuery
from services.search.lens import Shown
from services.search.lens_wire import tell_to_proto


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", {LEFT: DOG, RIGHT: SOFA}))
        for n, (brand, ko) in enumerate((("Nike", "방석"), ("Nike", "목줄"), ("Gucci", "목줄"), ("", "방석"))):
            search.put(a_picture(f"m-{n}", like(DOG, 0.9 - n / 10)))
            title = Name(ko=ko, en="")
            search.items(Item(item_id=f"i-{n}", title=title, brand=brand, media_ids=[f"m-{n}"], offers=[an_offer()]))
        yield search


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def found(shown: Shown) -> list[str]:
    return [hit.media_id for hit in shown.hits]


def test_words_that_a_session_is_opened_with_hold_from_its_first_frame(search: Search) -> None:
    async def story() -> None:
        async with a_lens(search) as opening:
            session = opening(text="나이키")
            ready = await session.ready()
            assert ready.understood is not None
            assert ready.understood.narrow == (Tag(TagKind.BRAND, "Nike"),)
            assert tell_to_proto(ready).ready.understood.narrow[0].name.ko == "Nike"
            session.frame(1, LEFT)
            assert found(await session.shown()) == ["m-0", "m-1"]

    run(story())


def test_other_words_choose_again_and_likeness_orders(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.frame(1, LEFT)
            assert found(await session.shown()) == ["m-0", "m-1", "m-2", "m-3"]
            session.refine(2, text="목줄을")
            session.no_more()
            answers = [tell for tell in await session.rest() if isinstance(tell, Shown)]
            assert (answers[-1].full, found(answers[-1])) == (True, ["m-1", "m-2"])

    run(story())


def test_a_full_answer_brings_chips_and_one_from_the_pool_none(search: Search) -> None:
    async def story() -> None:
        async with a_session(search, want_chips=True) as session:
            session.frame(1, LEFT)
            session.no_more()
            answers = [tell for tell in await session.rest() if isinstance(tell, Shown)]
            chips = {answer.full: answer.chips for answer in answers}
            assert chips[True] is not None
            assert (Tag(TagKind.BRAND, "Nike"), 2) in chips[True].chips
            assert chips.get(False) is None
            assert tell_to_proto(answers[-1]).answer.counted == 4

    run(story())


def test_a_chip_that_is_unknown_is_a_fault_and_the_session_goes_on(search: Search) -> None:
    async def story() -> None:
        async with a_session(search) as session:
            session.refine(1, narrow=(Tag(TagKind.BRAND, "Niko"),))
            fault = await session.fault()
            assert (fault.number, type(fault.error)) == (1, InvalidQuery)
            session.frame(2, LEFT)
            assert found(await session.shown()) == ["m-0", "m-1", "m-2", "m-3"]

    run(story())
