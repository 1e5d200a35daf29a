"""What a person states of themselves, as things that are found by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nungil.taxonomy.taxonomy import Name
from services.profile.abouts import UNSTATED, WORDS, About
from services.profile.recommendations.stated import MOST_STYLES, SKIN_AND_HAIR, Stated, stated_of


def said(about: About) -> list[tuple[str, str]]:
    return [(one.name.ko, one.name.en) for one in stated_of(about)]


def the_one(**of: str) -> Stated:
    [one] = stated_of(About(**of))
    return one


def test_every_skin_and_hair_that_can_be_stated_has_words_in_both_languages_and_says_itself() -> None:
    assert set(SKIN_AND_HAIR) == {(field, word) for field in ("skin_type", "hair") for word in WORDS[field]}
    for (field, word), name in SKIN_AND_HAIR.items():
        one = the_one(**{field: word})
        assert one.name == name
        assert one.questions == (name.ko, name.en)
        assert one.is_said_by([f"[{name.ko}] 크림"])
        assert one.is_said_by([f"Cream ({name.en.title()})"])


def test_nothing_stated_finds_nothing_and_neither_do_age_and_gender() -> None:
    assert stated_of(UNSTATED) == stated_of(About(age_band="20s", gender="woman")) == ()


@pytest.mark.parametrize(
    ("title", "fits"),
    [
        ("건성피부용 크림", True),
        ("민감하고 건성 피부를 위한", True),
        ("cream for DRY-SKIN", True),
        ("balm, dry  skin.", True),
        ("지성 피부 크림", False),
        ("건성 두피, 지성 피부", False),
        ("dry shampoo for sensitive skin", False),
        ("laundry skin", False),
        ("", False),
    ],
)
def test_a_thing_fits_that_says_the_words_together_wherever_they_begin_a_word(title: str, fits: bool) -> None:
    assert the_one(skin_type="dry").is_said_by(["a brand", title]) is fits


def test_words_that_are_said_in_two_names_are_not_said_together() -> None:
    assert not the_one(skin_type="dry").is_said_by(["extra dry", "skin care"])


def test_half_curls_are_no_curls() -> None:
    assert not the_one(hair="curly").is_said_by(["반곱슬머리 에센스"])
    assert the_one(hair="wavy").is_said_by(["반곱슬머리 에센스"])


def test_a_style_is_its_phrases_in_the_persons_own_words() -> None:
    assert said(About(style="린넨 스타일, Minimal and vintage look")) == [
        ("린넨 스타일", "린넨 스타일"),
        ("Minimal", "Minimal"),
        ("vintage look", "vintage look"),
    ]
    assert the_one(style="린넨 스타일").questions == ("린넨",)


def test_a_style_fits_what_says_each_of_its_words() -> None:
    linen = the_one(style="white linen")
    assert linen.is_said_by(["Linens, off-white"])
    assert not linen.is_said_by(["white shirt"])
    assert the_one(style="모던").is_said_by(["모던한 의자"])
    assert not the_one(style="art").is_said_by(["cart", "article"])


@pytest.mark.parametrize(
    "style", ["", "...", "옷 스타일", "-red", "linen -red", "all that my grandmother used to wear", "*[(", "+"]
)
def test_what_no_title_says_is_not_looked_for(style: str) -> None:
    assert stated_of(About(style=style)) == ()


def test_signs_around_words_are_none_of_them() -> None:
    one = the_one(style="“T-shirt” (linen)")
    assert one.questions == ("t-shirt linen",)
    assert one.name == Name("“T-shirt” (linen)", "“T-shirt” (linen)")
    assert one.is_said_by(["Linen T-Shirts"])


def test_phrases_are_few_and_each_once() -> None:
    many = About(style="a1, b1, A1, c1, d1, e1")
    assert [one.key for one in stated_of(many)] == ["style/a1", "style/b1", "style/c1"]
    assert len(stated_of(many)) == MOST_STYLES


def test_the_key_is_the_same_as_long_as_the_same_is_said() -> None:
    about = About(skin_type="dry", style="Linen, velvet")
    before = {one.key for one in stated_of(about)}
    assert {one.key for one in stated_of(replace(about, style="velvet; silk"))} & before == {
        "skin_type/dry",
        "style/velvet",
    }
