"""Writing made comparable: one form for each letter, Hangul taken apart by arithmetic, first consonants.

Source for the arithmetic: The Unicode Standard, 3.12, "Conjoining Jamo Behavior".
"""

from __future__ import annotations

import re
import unicodedata

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3
_A_VOWEL, _AN_INITIAL = len(FINALS), len(FINALS) * len(VOWELS)

# Two consonants typed one after the other may arrive as one, and NFKC makes conjoining letters of those that keyboards give.
_PAIRS = {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ"}  # fmt: skip
_TYPED = {
    **{0x1100 + n: letter for n, letter in enumerate(INITIALS)},
    **{0x1161 + n: letter for n, letter in enumerate(VOWELS)},
    **{0x11A7 + n: letter for n, letter in enumerate(FINALS) if letter},
}
_TYPED_APART = str.maketrans(_PAIRS)
_ACCENTS = re.compile("[\u0300-\u036f]")
_NOT_A_WORD = re.compile(r"[^\w]|_")
_WORD = re.compile(r"[^\W_]+")


def normal(text: str) -> str:
    """NFKC, small letters without accents; single Hangul letters as keyboards give them. Spaces and signs stay."""
    one_form = unicodedata.normalize("NFKC", text.translate(_TYPED_APART)).casefold()
    if not one_form.isascii():
        plain = _ACCENTS.sub("", unicodedata.normalize("NFD", one_form))
        one_form = unicodedata.normalize("NFC", plain).translate(_TYPED)
    return one_form


def key(text: str) -> str:
    """What two spellings of one thing have in common: normal, letters and digits alone. "빨간 운동화" is "빨간운동화"."""
    return _NOT_A_WORD.sub("", normal(text))


def words_of(text: str) -> list[str]:
    """The words of a text, normal, in order."""
    return _WORD.findall(normal(text))


def is_syllable(letter: str) -> bool:
    return _FIRST <= ord(letter) <= _LAST


def is_hangul(word: str) -> bool:
    """Whether it is made of whole syllables alone; False where it is empty."""
    return bool(word) and all(map(is_syllable, word))


def is_initials(word: str) -> bool:
    """Whether it is made of first consonants alone, as "ㅇㄷㅎ"; False where it is empty."""
    return bool(word) and all(letter in INITIALS for letter in word)


def parts(syllable: str) -> tuple[str, str, str]:
    """First consonant, vowel, final consonant or ""."""
    n = ord(syllable) - _FIRST
    return INITIALS[n // _AN_INITIAL], VOWELS[n % _AN_INITIAL // _A_VOWEL], FINALS[n % _A_VOWEL]


def syllable(initial: str, vowel: str, final: str = "") -> str:
    """The syllable of these letters: the inverse of `parts`."""
    n = INITIALS.index(initial) * _AN_INITIAL + VOWELS.index(vowel) * _A_VOWEL + FINALS.index(final)
    return chr(_FIRST + n)


def jamo(word: str) -> str:
    """Syllables taken apart into letters; everything else as it is. A slip of one key is one letter here."""
    return "".join("".join(parts(letter)) if is_syllable(letter) else letter for letter in word)


def initials(word: str) -> str:
    """The first consonants of its syllables; everything else as it is."""
    return "".join(parts(letter)[0] if is_syllable(letter) else letter for letter in word)


def final_of(word: str) -> str | None:
    """The final consonant of its last syllable, "" where that ends in a vowel, None where it ends in no syllable."""
    return parts(word[-1])[2] if word and is_syllable(word[-1]) else None
