"""Words become conditions: what names something narrows or excludes, prices and stock filter, the rest is for titles."""

from __future__ import annotations

import pytest

from services.search.core import Filters, Tag, TagKind
from services.search.words.reading import Reading, read
from services.search.words.vocabulary import Vocabulary, of_taxonomy, vocabulary_of

A_SHOP = vocabulary_of(
    categories=["shoes", "food/fruit/apple", "Home > Sofas", "소파", "juice/small", "milk/small"],
    shops=["Haneul Mart", "무신사"],
    brands=["Nike", "Tropicana", "Pinterest", "아디다스", "New Balance", "LG", ""],
)


def label(id_: str) -> Tag:
    return Tag(TagKind.LABEL, id_)


def colour(id_: str) -> Tag:
    return Tag(TagKind.COLOUR, id_)


def category(id_: str) -> Tag:
    return Tag(TagKind.CATEGORY, id_)


def shop(id_: str) -> Tag:
    return Tag(TagKind.SHOP, id_)


def brand(id_: str) -> Tag:
    return Tag(TagKind.BRAND, id_)


RED, SHOE, DOGS = colour("red"), label("running_shoe"), label("dogs")


@pytest.mark.parametrize(
    ("text", "narrow"),
    [
        ("빨간 운동화를", [RED, SHOE]),
        ("빨간운동화", [RED, SHOE]),
        ("빨간운동화를", [RED, SHOE]),
        ("빨간색 운동화", [RED, SHOE]),
        ("레드 스니커즈", [RED, SHOE]),
        ("red sneakers", [RED, SHOE]),
        ("RED running-shoes", [RED, SHOE]),
        ("ㅇㄷㅎ", [SHOE]),
        ("강아지", [DOGS]),
        ("강아지를 보여줘", [DOGS]),
        ("dog", [DOGS]),
        ("dogs and cats", [DOGS, label("cats")]),
        ("light blue dress", [colour("light_blue"), label("dresses_skirts")]),
        ("하늘색원피스", [colour("light_blue"), label("dresses_skirts")]),
        ("검은색의 코트", [colour("black"), label("coats_jackets")]),
        ("흰운동화", [colour("white"), SHOE]),
        ("코트와 재킷", [label("coats_jackets")]),
        ("덤벨", [label("dumbbell")]),
        ("나이키", [brand("Nike")]),
        ("나이키의 운동화", [brand("Nike"), SHOE]),
        ("나이키운동화", [brand("Nike"), SHOE]),
        ("트로피카나", [brand("Tropicana")]),
        ("핀터레스트", [brand("Pinterest")]),
        ("adidas", [brand("아디다스")]),
        ("뉴발란스", [brand("New Balance")]),
        ("뉴 발란스를", [brand("New Balance")]),
        ("newbalance", [brand("New Balance")]),
        ("엘지 냉장고", [brand("LG"), label("refrigerator")]),
        ("apple", [category("food/fruit/apple")]),
        ("apples", [category("food/fruit/apple")]),
        ("sofas", [category("Home > Sofas")]),
        ("소파", [category("소파")]),
        ("Haneul Mart에서", [shop("Haneul Mart")]),
        ("무신사에서", [shop("무신사")]),
        ("빨간 빨간색", [RED]),
    ],
)
def test_words_that_name_something_narrow(text: str, narrow: list[Tag]) -> None:
    assert read(text, A_SHOP) == Reading(narrow=tuple(narrow))


@pytest.mark.parametrize(
    ("text", "narrow", "exclude"),
    [
        ("빨간색 말고", [], [RED]),
        ("빨간색이 아닌 운동화", [SHOE], [RED]),
        ("운동화 빨간색 빼고", [SHOE], [RED]),
        ("나이키말고 운동화", [SHOE], [brand("Nike")]),
        ("나이키 아닌 운동화", [SHOE], [brand("Nike")]),
        ("sneakers without red", [SHOE], [RED]),
        ("not red sneakers", [SHOE], [RED]),
        ("-red sneakers", [SHOE], [RED]),
        ("no the red, sneakers", [SHOE], [RED]),
        ("빨간색 말고 파란색", [colour("blue")], [RED]),
        ("빨간 운동화 빨간색 제외", [SHOE], [RED]),
    ],
)
def test_words_that_cross_something_out_exclude_it(text: str, narrow: list[Tag], exclude: list[Tag]) -> None:
    assert read(text, A_SHOP) == Reading(narrow=tuple(narrow), exclude=tuple(exclude))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("블루투스 이어폰", ["블루투스", "이어폰"]),
        ("사과주스", ["사과주스"]),
        ("하얀마음 백구", ["마음", "백구"]),
        ("zigzag", ["zigzag"]),
        ("ㅋㅋㅋ", ["ㅋㅋㅋ"]),
        ("small", ["small"]),  # the end of two categories
        ("redmi", ["redmi"]),
        ("예쁜 텀블러 추천", ["텀블러"]),
    ],
)
def test_what_names_nothing_is_for_titles(text: str, rest: list[str]) -> None:
    assert list(read(text, A_SHOP).rest) == rest


def test_what_is_not_wanted_and_names_nothing_is_kept_apart() -> None:
    reading = read("방수 없는 텀블러", A_SHOP)
    assert (reading.rest, reading.unwanted) == (("텀블러",), ("방수",))


@pytest.mark.parametrize("text", ["", "   ", "!!! ...", "말고", "not", "-", "보여줘 추천"])
def test_words_that_say_nothing_are_no_condition(text: str) -> None:
    assert read(text, A_SHOP) == Reading()


def test_all_at_once() -> None:
    reading = read("한국에서 살 수 있는 빨간 운동화 3만원 이하로 재고 있는 나이키 에어맥스", A_SHOP)
    assert reading == Reading(
        Filters(market="KR", in_stock=True, currency="KRW", max_price_minor=30_000),
        narrow=(RED, SHOE, brand("Nike")),
        rest=("에어맥스",),
    )


def test_two_bounds_in_two_places_are_one_range() -> None:
    filters = read("1만원 이상 신발 3만원 이하", A_SHOP).filters
    assert (filters.min_price_minor, filters.max_price_minor) == (10_000, 30_000)


def test_a_price_without_currency_is_in_that_of_the_question_or_of_the_shop() -> None:
    assert read("under 30,000", A_SHOP).filters.currency == "KRW"
    assert read("under 30", A_SHOP, currency="USD").filters == Filters(currency="USD", max_price_minor=3_000)
    abroad = vocabulary_of([], [], [], currency="EUR")
    assert read("under 30", abroad).filters == Filters(currency="EUR", max_price_minor=3_000)


def test_what_is_the_tenants_own_comes_before_the_taxonomy() -> None:
    assert read("소파", A_SHOP).narrow == (category("소파"),)
    assert read("소파", Vocabulary()).narrow == (label("sofa"),)


def test_first_consonants_that_several_names_have_name_none() -> None:
    two = vocabulary_of(["바지", "반지"], [], [])
    assert read("ㅂㅈ", two).narrow == ()
    one = vocabulary_of(["바지"], [], [])
    assert read("ㅂㅈ", one).narrow == (category("바지"),)


def test_every_name_of_the_taxonomy_is_read_as_one_tag() -> None:
    names = [name for name in of_taxonomy().names if len(name) > 1]
    assert len(names) > 2_500
    assert [name for name in names if len(read(name, Vocabulary()).narrow) != 1] == []


@pytest.mark.parametrize(
    "text", ["가" * 300, "빨간" * 100, "a" * 300, "-" * 300, "not " * 75, "3" * 300, "만" * 300, "ㅇ" * 300]
)
def test_odd_words_are_read_without_complaint(text: str) -> None:
    assert isinstance(read(text, A_SHOP), Reading)
