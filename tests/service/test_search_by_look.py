"""Words that name nothing, where the encoder has a text tower: what pictures show answers them, beside titles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from search_builders import (
    DOG,
    LAMP,
    SOFA,
    SPACE,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    like,
)

from nungil.api.common.v1.common_pb2 import Name
from nungil.pictures.pooling import unit
from nungil.runtime.errors import DependencyAway
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.port import Match, VectorIndex
from services.search.core import Filters, Sort
from services.search.errors import InvalidQuery
from services.search.handlers.blending import Vector, blended
from services.search.text_tower import TextTower, open_text_tower
from services.search.wire import answer_to_proto

LOOKS = {"velvety": SOFA, "glowing": LAMP}


class Tower:
    """Knows two words, and what it was asked; may be away."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    def __call__(self, tenant: str, text: str) -> Vector:
        self.asked.append(text)
        if self.away:
            raise DependencyAway("embed is away")
        return LOOKS[text]


@pytest.fixture
def tower() -> Tower:
    return Tower()


@pytest.fixture
def search(tmp_path: Path, tower: Tower) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", DOG))
        yield search.like(tower=TextTower(tower))


def leaning(dog: float, sofa: float) -> Vector:
    """Like a dog and a sofa, to these parts."""
    return unit((dog * DOG + sofa * SOFA).astype(np.float32))


def fill(search: Search) -> None:
    """Dogs, the more velvety the less like the dog that is asked with; and a sofa, which is no dog at all."""
    search.put(
        a_picture("plain", like(DOG, 0.95)),
        a_picture("velvet", leaning(0.8, 0.6)),
        a_picture("half", leaning(0.9, 0.3)),
        a_picture("sofa", SOFA),
    )


def test_with_a_picture_words_have_a_part_in_the_order_and_hits_still_look_like_the_crop(search: Search) -> None:
    fill(search)
    search.put(a_picture("lamp", LAMP))
    assert search.found()[:3] == ["plain", "half", "velvet"]
    answer = search(text="velvety")
    assert [hit.media_id for hit in answer.hits][:2] == ["velvet", "half"]
    assert answer.hits[-1].media_id == "lamp"  # like neither
    assert answer.understood is not None
    assert answer.understood.rest == "velvety"
    assert not answer.partial


def test_scores_of_hits_that_words_refined_are_still_those_of_likeness_to_the_crop(search: Search) -> None:
    fill(search)
    plain = {hit.media_id: hit.score for hit in search().hits}
    refined = {hit.media_id: hit.score for hit in search(text="velvety").hits}
    assert refined == pytest.approx(plain, abs=1e-6)
    assert search(text="velvety").matched


def test_fresh_pictures_are_refined_by_words_too(search: Search) -> None:
    fill(search)
    search.store(a_picture("new", leaning(0.8, 0.61)))
    search.keep_fresh.encoded(TENANT, "new", SPACE.name)
    assert search.found(text="velvety")[0] == "new"


def test_what_passes_is_what_passed_without_words(search: Search) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", offers=[an_offer()]), an_item("i-2", "velvet", offers=[an_offer(market="US")]))
    assert search.found(text="velvety", filters=Filters(market="KR")) == ["plain"]


def test_where_titles_say_every_word_only_those_items_are_shown_with_a_picture(search: Search) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", title=Name(en="A velvety thing")), an_item("i-2", "velvet"))
    assert search.found(text="velvety") == ["plain"]


def test_without_a_picture_titles_come_first_and_then_what_looks_like_the_words(search: Search) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", title=Name(en="A velvety thing")))
    answer = search(media_id="", text="velvety")
    assert [hit.media_id for hit in answer.hits][:3] == ["plain", "sofa", "velvet"]
    assert answer.matched  # a title says it
    assert not any(hit.same for hit in answer.hits)


def test_words_that_no_title_says_find_what_looks_like_them_and_call_it_no_match(search: Search) -> None:
    fill(search)
    answer = search(media_id="", text="velvety")
    assert [hit.media_id for hit in answer.hits][:2] == ["sofa", "velvet"]
    assert answer.hits[0].score == pytest.approx(1)
    assert not answer.matched
    told = answer_to_proto(answer, took_ms=1).understood
    assert (told.rest, told.by_look) == ("velvety", True)


def test_pages_of_words_follow_each_other(search: Search) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", title=Name(en="A velvety thing")))
    whole = search.found(media_id="", text="velvety")
    pages: list[str] = []
    cursor = ""
    while len(pages) < len(whole):
        page = search(media_id="", text="velvety", limit=2, cursor=cursor)
        pages += [hit.media_id for hit in page.hits]
        cursor = page.next_cursor
    assert (pages, cursor) == (whole, "")


def test_words_sorted_by_price_are_those_of_titles_where_titles_say_them(search: Search) -> None:
    fill(search)
    won = Filters(currency="KRW")
    search.items(
        an_item("i-1", "velvet", offers=[an_offer(price_minor=500)]),
        an_item("i-2", "sofa", offers=[an_offer(price_minor=900)]),
    )
    asked = {"media_id": "", "text": "velvety", "filters": won, "sort": Sort.PRICE}
    assert search.found(**asked) == ["velvet", "sofa"]
    search.items(an_item("i-2", "sofa", offers=[an_offer(price_minor=900)], title=Name(en="A velvety thing")))
    assert search.found(**asked) == ["sofa"]


def test_while_the_tower_is_away_titles_answer_and_the_answer_is_partial(search: Search, tower: Tower) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", title=Name(en="A velvety thing")))
    tower.away = True
    for media_id in ("query", ""):
        answer = search(media_id=media_id, text="velvety")
        assert [hit.media_id for hit in answer.hits] == ["plain"]
        assert answer.partial
        assert not answer_to_proto(answer, took_ms=1).understood.by_look
    tower.away = False
    assert not search(text="velvety").partial  # it is asked again


class AwayIndex:
    def search(self, *_args: object, **_rest: object) -> list[list[Match]]:
        raise VectorIndexAway("no index")


def test_while_the_index_is_away_titles_answer_words_alone(search: Search) -> None:
    fill(search)
    search.items(an_item("i-1", "plain", title=Name(en="A velvety thing")))
    away = search.like(index=cast(VectorIndex, AwayIndex()))
    answer = away(media_id="", text="velvety")
    assert ([hit.media_id for hit in answer.hits], answer.partial) == (["plain"], True)
    with pytest.raises(VectorIndexAway):
        away(media_id="", text="glowing")


def test_words_that_name_something_do_not_go_to_the_tower(search: Search, tower: Tower) -> None:
    fill(search)
    search.found(text="강아지")
    search.found(text="3만원 이하")
    search.found()
    assert tower.asked == []


def test_words_that_are_not_wanted_leave_the_answer_to_titles(search: Search, tower: Tower) -> None:
    fill(search)
    search.items(
        an_item("i-1", "plain", title=Name(en="A velvety thing")),
        an_item("i-2", "half", title=Name(en="A velvety box of zinc")),
    )
    assert search.found(text="velvety not zinc") == ["plain"]
    assert tower.asked == []


def test_without_a_tower_words_alone_that_name_nothing_find_nothing(search: Search) -> None:
    fill(search)
    without = search.like(tower=None)
    assert without.found(media_id="", text="velvety") == []
    with pytest.raises(InvalidQuery, match="say what to look for"):
        search.found(media_id="")


def test_texts_that_were_asked_lately_are_not_asked_again() -> None:
    asked: list[str] = []

    def encode(tenant: str, text: str) -> Vector:
        asked.append(text)
        return DOG

    tower = TextTower(encode, held=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        assert np.array_equal(tower("t", text), DOG)
    assert asked == ["a", "b", "c", "b"]  # b was the one that was used least lately


def test_only_encoders_with_a_text_tower_are_asked_and_only_where_embed_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with open_text_tower("tiny://64", "embed:7000") as none:
        assert none is None
    assert not caplog.records
    with open_text_tower("hf:///models/siglip?space=siglip-224-14-768-3f2a9c01b7de", "") as none:
        assert none is None
    assert "NUNGIL_EMBED_ADDRESS" in caplog.text


def test_a_blend_is_as_near_to_the_crop_as_to_the_words() -> None:
    both = blended(DOG, SOFA)
    assert both @ DOG == pytest.approx(both @ SOFA)
    assert np.linalg.norm(both) == pytest.approx(1)
