"""Items by the words of their titles: as they are typed, in Korean and English."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from search_builders import TENANT, Search, a_search, an_item, an_offer, delivered, item_deleted
from sqlalchemy import delete, select

from nungil.api.common.v1.common_pb2 import Name
from nungil.api.ingest.v1.items_pb2 import Item
from nungil.database.open import reading
from services.search import titles
from services.search.handlers.items import FillTitles
from services.search.store import TITLE_WORDS, TITLES, WORD_GRAMS
from services.search.words.normal import words_of


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        yield search


def titled(item_id: str, ko: str = "", en: str = "", **of: object) -> Item:
    given: dict[str, object] = {"brand": "", "category": "", **of}
    return Item(item_id=item_id, title=Name(ko=ko, en=en), **given)  # type: ignore[arg-type]


def matching(search: Search, text: str, tenant: str = TENANT) -> list[str]:
    with reading(search.engine) as connection:
        return titles.matching(connection, tenant, words_of(text))


def shoes(search: Search) -> None:
    search.items(
        titled("red", "빨간 운동화", "Red running shoes", brand="Nike", aliases=["나이키"], created_at_ms=1),
        titled("blue", "파란운동화 여성용", "Blue sneakers", brand="Adidas", created_at_ms=2),
        titled("apple", "골든 딜리셔스 사과", "Golden Delicious", category="food/fruit/apple", created_at_ms=3),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("운동화", ["red", "blue"]),
        ("운동화를", ["red", "blue"]),
        ("빨간 운동화를", ["red"]),
        ("빨간운동화", ["red"]),
        ("빨간운동화를", ["red"]),
        ("파란 운동화", ["blue"]),
        ("운동화 여성용", ["blue"]),
        ("골든딜리셔스", ["apple"]),
        ("골든 딜리셔스", ["apple"]),
        ("ㅇㄷㅎ", ["red", "blue"]),
        ("ㄷㄹㅅㅅ", ["apple"]),
        ("여성", ["blue"]),
        ("RUNNING", ["red"]),
        ("run", ["red"]),
        ("ｓｎｅａｋｅｒｓ", ["blue"]),
        ("fruit", ["apple"]),
        ("나이키", ["red"]),
        ("nike", ["red"]),
        ("nike를", ["red"]),
        ("adidas의", ["blue"]),
    ],
)
def test_items_are_found_as_people_type(search: Search, text: str, found: list[str]) -> None:
    shoes(search)
    assert sorted(matching(search, text)) == sorted(found)


@pytest.mark.parametrize("text", ["snaekers", "sneekers", "seakers", "딜리셔슈", "딜리셔스트", "delicous"])
def test_a_slip_in_a_long_word_is_forgiven(search: Search, text: str) -> None:
    shoes(search)
    assert len(matching(search, text)) == 1


@pytest.mark.parametrize("text", ["bike", "가방", "빵", "hoes", "ㅁㅁㅁ", "a", "'; drop table titles --", "%", "여자"])
def test_what_no_title_says_finds_nothing(search: Search, text: str) -> None:
    shoes(search)
    assert matching(search, text) == []


def test_no_words_find_nothing(search: Search) -> None:
    shoes(search)
    assert matching(search, "") == []
    assert matching(search, "!?") == []


def test_what_has_the_most_of_the_words_is_found(search: Search) -> None:
    shoes(search)
    assert matching(search, "방수 파란 운동화") == ["blue"]


def test_the_word_itself_comes_before_longer_words_and_the_newest_first_among_equals(search: Search) -> None:
    search.items(
        titled("within", "남성운동화", created_at_ms=9),
        titled("old", "운동화", created_at_ms=1),
        titled("new", "운동화", created_at_ms=2),
        titled("begins", "운동화끈", created_at_ms=9),
    )
    assert matching(search, "운동화") == ["new", "old", "begins", "within"]


def test_nobody_made_a_slip_where_some_title_says_the_word(search: Search) -> None:
    search.items(titled("one", "sneakers"), titled("other", "sneaker5"))
    assert matching(search, "sneakers") == ["one"]


def test_at_most_so_many_the_best_first(search: Search) -> None:
    search.items(*(titled(f"i-{n}", "운동화", created_at_ms=n) for n in range(5)))
    with reading(search.engine) as connection:
        assert titles.matching(connection, TENANT, ["운동화"], at_most=2) == ["i-4", "i-3"]


def test_a_new_title_takes_the_place_of_the_old(search: Search) -> None:
    search.items(titled("i-1", "빨간 운동화"))
    search.items(titled("i-1", "파란 구두"))
    assert matching(search, "운동화") == []
    assert matching(search, "구두") == ["i-1"]


def test_a_deleted_item_is_found_no_more_and_found_again_when_it_is_back(search: Search) -> None:
    search.items(titled("i-1", "운동화"))
    search.read(delivered(item_deleted("i-1")))
    assert matching(search, "운동화") == []
    search.items(titled("i-1", "운동화"))
    assert matching(search, "운동화") == ["i-1"]


def test_another_tenants_titles_are_not_searched(search: Search) -> None:
    shoes(search)
    assert matching(search, "운동화", tenant="other") == []


def test_a_change_of_price_alone_touches_no_words(search: Search) -> None:
    search.items(an_item("i-1", "m-1", offers=[an_offer(price_minor=10_000)]))
    with search.engine.begin() as connection:
        connection.execute(delete(TITLE_WORDS))
    search.items(an_item("i-1", "m-1", offers=[an_offer(price_minor=9_000)]))
    with reading(search.engine) as connection:
        assert connection.execute(select(TITLE_WORDS)).all() == []


def test_items_of_an_earlier_release_get_their_words_when_search_starts(search: Search) -> None:
    shoes(search)
    with search.engine.begin() as connection:
        for table in (TITLES, TITLE_WORDS, WORD_GRAMS):
            connection.execute(delete(table))
    assert matching(search, "운동화") == []
    FillTitles(search.engine)(Event())
    assert sorted(matching(search, "운동화")) == ["blue", "red"]


def test_an_item_that_says_nothing_is_kept_and_not_read_again(search: Search) -> None:
    search.items(titled("i-1"))
    with search.engine.begin() as connection:
        assert titles.fill(connection) == 0
