"""Words and chips in a search: with a picture they choose among what looks like it, without one they are the whole question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from search_builders import DOG, JUNO, MINA, NOW_MS, SOFA, TENANT, Search, a_picture, a_search, an_offer, like

from nungil.api.common.v1.common_pb2 import Box, Caller, Name
from nungil.api.ingest.v1.items_pb2 import Item, Offer
from nungil.api.search.v1 import search_pb2 as pb
from nungil.commerce import UnknownMarket
from nungil.pictures.features import Features, FoundColour, FoundLabel
from services.search.core import Filters, Tag, TagKind
from services.search.errors import InvalidQuery
from services.search.wire import answer_to_proto, query_of

WORDS = {"media_id": ""}


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", DOG))
        yield search


def titled(item_id: str, ko: str, en: str, media_id: str, *offers: Offer, **of: object) -> Item:
    name = Name(ko=ko, en=en)
    return Item(item_id=item_id, title=name, media_ids=[media_id], offers=offers or [an_offer()], **of)  # type: ignore[arg-type]


def shows(search: Search, picture: Features, labels: tuple[str, ...] = (), colours: tuple[str, ...] = ()) -> None:
    """Embedded, and its labels and colours known."""
    found = tuple(FoundLabel(id_, 0.9) for id_ in labels)
    search.put(replace(picture, labels=found, colours=tuple(FoundColour(id_, 0, 0.5) for id_ in colours)))
    search.facts([(picture.tenant, picture.media_id)])


def shop(search: Search) -> None:
    """Shoes by likeness to the question: a blue pair, a red one, a dear red one; and a dog of nobody's shop."""
    shows(search, a_picture("blue", like(DOG, 0.9)), ("running_shoe",), ("blue",))
    shows(search, a_picture("red", like(DOG, 0.8)), ("running_shoe",), ("red",))
    shows(search, a_picture("dear", like(DOG, 0.7)), ("loafer",), ("red",))
    shows(search, a_picture("puppy", like(DOG, 0.6)), ("chihuahua",), ("brown",))
    search.items(
        titled("i-blue", "파란 운동화", "Blue runner", "blue", brand="Nike", category="shoes", created_at_ms=1),
        titled("i-red", "빨간 운동화 에어", "Red runner air", "red", brand="Nike", category="shoes", created_at_ms=2),
        titled("i-dear", "빨간 구두", "Red loafer", "dear", an_offer(price_minor=90_000, shop="Eye"), brand="Gucci", category="shoes", created_at_ms=3),
    )  # fmt: skip


def found(search: Search, text: str, **of: object) -> list[str]:
    return search.found(text=text, **of)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("빨간 운동화를", ["red"]),
        ("빨간운동화", ["red"]),
        ("빨간", ["red", "dear"]),
        ("red shoes", ["red", "dear"]),
        ("ㅇㄷㅎ", ["blue", "red"]),
        ("강아지", ["puppy"]),
        ("나이키", ["blue", "red"]),
        ("구찌", ["dear"]),
        ("나이키 빨간색 말고", ["blue"]),
        ("not red", ["blue", "puppy"]),
        ("신발 3만원 이하", ["blue", "red"]),
        ("신발 3만원 이상", ["dear"]),
        ("Eye에서", ["dear"]),
        ("에어", ["red"]),
        ("runner", ["blue", "red"]),
        ("shoes in Korea", ["blue", "red", "dear"]),
        ("shoes in Japan", []),
        ("기린", []),
    ],
)
def test_words_choose_and_likeness_orders(search: Search, text: str, expected: list[str]) -> None:
    shop(search)
    assert found(search, text) == expected


def test_a_word_that_names_a_label_is_shown_by_pictures_or_said_by_titles(search: Search) -> None:
    shows(search, a_picture("fruit", like(DOG, 0.9)), ("orange_fruit",))
    shows(search, a_picture("carton", like(DOG, 0.8)), ("carton",))
    shows(search, a_picture("shared", like(DOG, 0.7)), ("orange_fruit",))
    shows(search, a_picture("other", like(DOG, 0.6)), ("carton",))
    search.items(
        titled("i-fruit", "과일", "", "fruit"),
        titled("i-carton", "오렌지주스", "", "carton"),
        titled("i-other", "사과주스", "", "other"),
    )
    assert found(search, "오렌지") == ["fruit", "carton", "shared"]
    assert sorted(found(search, "오렌지", **WORDS)) == ["carton", "fruit", "shared"]
    assert search.found(narrow=(Tag(TagKind.LABEL, "orange_fruit"),)) == ["fruit", "shared"]


def test_a_word_that_names_a_colour_is_shown_by_pictures_or_said_by_titles(search: Search) -> None:
    shows(search, a_picture("lit", like(DOG, 0.9)), (), ("blue",))
    shows(search, a_picture("shaded", like(DOG, 0.8)), (), ("navy",))
    shows(search, a_picture("night", like(DOG, 0.7)), (), ("navy",))
    search.items(
        titled("i-lit", "도자기 컵", "", "lit"),
        titled("i-shaded", "파란 컵", "", "shaded"),
        titled("i-night", "남색 컵", "", "night"),
    )
    assert found(search, "파란 컵") == ["lit", "shaded"]
    assert sorted(found(search, "파란", **WORDS)) == ["lit", "shaded"]
    assert search.found(narrow=(Tag(TagKind.COLOUR, "blue"),)) == ["lit"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("빨간", ["dear", "red"]),  # the newest first
        ("운동화", ["red", "blue"]),
        ("강아지", ["puppy"]),
        ("air runner", ["red"]),
        ("나이키 3만원 이하", ["red", "blue"]),
        ("기린", []),
    ],
)
def test_words_alone_are_a_whole_question(search: Search, text: str, expected: list[str]) -> None:
    shop(search)
    answer = search(text=text, **WORDS)
    assert [hit.media_id for hit in answer.hits] == expected
    assert answer.matched == bool(expected)


def test_what_says_it_best_comes_first_without_a_picture(search: Search) -> None:
    for n, (ko, created) in enumerate([("선물세트 특가", 9), ("특가", 1)]):
        search.put(a_picture(f"m-{n}", SOFA))
        search.items(titled(f"i-{n}", ko, "", f"m-{n}", created_at_ms=created))
    search.put(a_picture("m-2", SOFA))
    search.items(titled("i-2", "초특가", "", "m-2", created_at_ms=10))
    assert found(search, "특가", **WORDS) == ["m-0", "m-1", "m-2"]


def test_words_alone_go_on_where_the_page_ended(search: Search) -> None:
    shop(search)
    first = search(text="신발", limit=2, **WORDS)
    second = search(text="신발", limit=2, cursor=first.next_cursor, **WORDS)
    assert [hit.media_id for hit in (*first.hits, *second.hits)] == ["dear", "red", "blue"]
    assert not second.next_cursor
    with pytest.raises(InvalidQuery, match="cursor"):
        search(text="나이키", limit=2, cursor=first.next_cursor, **WORDS)


def test_a_personal_picture_is_found_by_words_by_its_owner_alone(search: Search) -> None:
    shows(search, a_picture("mine", DOG, owner=MINA), ("chihuahua",))
    assert found(search, "강아지", **WORDS) == ["mine"]
    assert found(search, "강아지", person_id=JUNO, **WORDS) == []


def test_a_deleted_picture_is_not_found_by_words(search: Search) -> None:
    shop(search)
    search.denied.deny("puppy")
    assert found(search, "강아지", **WORDS) == []


@pytest.mark.parametrize("text", ["", "보여줘", "!?"])
def test_a_question_that_says_nothing_is_refused(search: Search, text: str) -> None:
    with pytest.raises(InvalidQuery, match="say what to look for"):
        search(text=text, **WORDS)


def test_it_is_told_how_words_were_understood(search: Search) -> None:
    shop(search)
    understood = search(
        text="한국에서 빨간 나이키 3만원 이하 에어 구찌 말고", filters=Filters(in_stock=True)
    ).understood
    assert understood is not None
    assert understood.filters == Filters(market="KR", in_stock=True, currency="KRW", max_price_minor=30_000)
    assert understood.narrow == (Tag(TagKind.COLOUR, "red"), Tag(TagKind.BRAND, "Nike"))
    assert understood.exclude == (Tag(TagKind.BRAND, "Gucci"),)
    assert understood.rest == "에어"
    assert search().understood is None


def test_the_offers_shown_are_those_that_the_words_asked_for(search: Search) -> None:
    search.put(a_picture("m-1", DOG))
    offers = [an_offer("cheap", price_minor=10_000), an_offer("dear", price_minor=50_000)]
    search.items(titled("i-1", "물건", "", "m-1", *offers))
    [hit] = search(text="3만원 이하").hits
    assert hit.item is not None
    assert [offer.offer_id for offer in hit.item.offers] == ["cheap"]


def test_a_chip_narrows_another_excludes_and_several_combine(search: Search) -> None:
    shop(search)
    red, shoes, eye = Tag(TagKind.COLOUR, "red"), Tag(TagKind.LABEL, "shoes"), Tag(TagKind.SHOP, "Eye")
    assert search.found(narrow=(shoes,)) == ["blue", "red", "dear"]
    assert search.found(narrow=(shoes, red)) == ["red", "dear"]
    assert search.found(narrow=(shoes, red), exclude=(eye,)) == ["red"]
    assert search.found(narrow=(shoes,), text="구찌") == ["dear"]


def test_pressing_a_chip_leaves_as_many_as_it_said(search: Search) -> None:
    shop(search)
    chips = search(want_chips=True).chips
    assert chips is not None
    assert chips.counted == len(search().hits)
    assert len(chips.chips) >= 2
    for tag, count in chips.chips:
        assert len(search.found(narrow=(tag,))) == count
        assert len(search.found(exclude=(tag,))) == chips.counted - count


def test_chips_are_chosen_only_where_they_are_asked_for(search: Search) -> None:
    shop(search)
    assert search().chips is None


def test_an_unknown_brand_is_refused_with_the_known_ones(search: Search) -> None:
    shop(search)
    with pytest.raises(InvalidQuery, match=r"no brand 'Niko' is known; there are: Gucci, Nike"):
        search(narrow=(Tag(TagKind.BRAND, "Niko"),))


def test_a_new_brand_is_a_word_a_few_seconds_later(search: Search) -> None:
    shop(search)
    assert found(search, "푸마") == []
    search.put(a_picture("m-9", DOG))
    search.items(titled("i-9", "가방", "", "m-9", brand="Puma"))
    search.now[0] = NOW_MS + 6_000
    assert found(search, "푸마") == ["m-9"]


def asked(**of: object) -> pb.SearchByCropRequest:
    return pb.SearchByCropRequest(caller=Caller(tenant=TENANT, person_id=MINA), media_id="query", **of)  # type: ignore[arg-type]


def test_chips_and_words_travel_with_names_in_both_languages(search: Search) -> None:
    shop(search)
    query = query_of(asked(text="빨간", want_chips=True, box=Box(x=0, y=0, width=1, height=1)))
    message = answer_to_proto(search.handler(query), took_ms=1.0)
    [red] = message.understood.narrow
    assert (red.kind, red.id, red.name.ko, red.name.en) == (pb.Chip.KIND_COLOUR, "red", "빨간색", "red")
    assert message.counted == 2
    again = query_of(asked(narrow=[red], exclude=[pb.Chip(kind=pb.Chip.KIND_LABEL, id="dogs")]))
    assert again.narrow == (Tag(TagKind.COLOUR, "red"),)
    assert again.exclude == (Tag(TagKind.LABEL, "dogs"),)


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ({"narrow": [pb.Chip(kind=pb.Chip.KIND_COLOUR, id="mauve")]}, "no colour 'mauve' is known; there are: black, white"),
        ({"exclude": [pb.Chip(kind=pb.Chip.KIND_LABEL, id="unicorn")]}, "no label 'unicorn' is known"),
        ({"narrow": [pb.Chip(id="red")]}, "a chip needs an id and one of the kinds label, colour"),
        ({"narrow": [pb.Chip(kind=pb.Chip.KIND_COLOUR)]}, "a chip needs an id"),
        ({"narrow": [pb.Chip(kind=pb.Chip.KIND_SHOP, id=str(n)) for n in range(51)]}, "51 chips at once; at most 50"),
        ({"text": "가" * 301}, "the text has 301 letters; at most 300"),
    ],
)  # fmt: skip
def test_what_is_no_chip_and_no_text_is_refused(of: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        query_of(asked(**of))


def test_an_unknown_market_is_refused(search: Search) -> None:
    with pytest.raises(UnknownMarket):
        query_of(asked(filters=pb.Filters(market="XX")))
