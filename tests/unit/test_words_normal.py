"""Writing made comparable, and particles taken off."""

from __future__ import annotations

import pytest

from services.search.words.normal import initials, is_initials, jamo, key, parts, syllable, words_of
from services.search.words.particles import stems

SYLLABLES = [chr(code) for code in range(0xAC00, 0xD7A4)]


def test_every_syllable_comes_apart_and_together_again() -> None:
    assert [syllable(*parts(each)) for each in SYLLABLES] == SYLLABLES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("빨간운동화", "빨간 운동화"),
        ("T-Shirt", "t shirt"),
        ("ＮＩＫＥ", "nike"),
        ("Hermès", "HERMES"),
        ("한글", "한글"),  # composed, and letter by letter
        ("ㅄ", "ㅂㅅ"),  # two consonants that a keyboard made one
        ("ﾡ", "ㄱ"),  # half width
    ],
)
def test_spellings_of_one_thing_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


def test_signs_and_emptiness_have_no_key() -> None:
    assert key("  -_!? ") == ""
    assert words_of("") == []


def test_words_are_parted_by_everything_that_is_no_letter() -> None:
    assert words_of("빨간-운동화, 250mm!") == ["빨간", "운동화", "250mm"]


def test_first_consonants_are_those_of_the_syllables() -> None:
    assert initials("운동화") == "ㅇㄷㅎ"
    assert is_initials(key("ㅇㄷㅎ"))
    assert not is_initials("운동화")
    assert not is_initials("")
    assert not is_initials("ㅏㅏ")


def test_a_slip_of_one_key_is_one_letter() -> None:
    one, other = jamo("운동화"), jamo("윤동화")
    assert len(one) == len(other)
    assert sum(a != b for a, b in zip(one, other, strict=True)) == 1


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("운동화를", "운동화"),
        ("가방을", "가방"),
        ("가방이", "가방"),
        ("모자가", "모자"),
        ("모자는", "모자"),
        ("가방은", "가방"),
        ("의자의", "의자"),
        ("의자로", "의자"),
        ("가방으로", "가방"),
        ("칼로", "칼"),
        ("의자도", "의자"),
        ("가방만", "가방"),
        ("서울에서", "서울"),
        ("가방과", "가방"),
        ("모자와", "모자"),
        ("강아지들을", "강아지"),
        ("nike를", "nike"),
        ("zara는", "zara"),
    ],
)
def test_a_particle_comes_off(word: str, stem: str) -> None:
    assert stem in list(stems(word))


@pytest.mark.parametrize("word", ["가방를", "모자을", "모자과", "가방와", "을", "운동화", "nike", ""])
def test_what_no_speaker_would_write_has_no_particle(word: str) -> None:
    assert list(stems(word)) == []


def test_the_longest_particle_comes_off_first() -> None:
    assert next(stems("서울에서는")) == "서울"
