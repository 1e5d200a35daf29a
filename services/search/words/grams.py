"""Finding a word in a dictionary that a database holds: by pieces of it first, then exactly. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from services.search.words.normal import initials, is_hangul, is_initials, jamo

EXACT, BEGINS, WITHIN, INITIALS, SLIP = 1.0, 0.9, 0.8, 0.7, 0.5  # how well a word of a title fits the word asked for
_ONE_SLIP, _TWO_SLIPS = 6, 11  # letters from which so many wrong ones may be a slip
_WITHIN_LATIN = 5
_PIECES_A_LETTER = 3  # that a wrong letter spoils: itself, and the two pairs that it is in


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which words of the dictionary to look at: those that have at least `at_least` of `pieces`."""

    pieces: frozenset[str]
    at_least: int


def grams(word: str) -> frozenset[str]:
    """The letters and pairs of letters of a word, and of its first consonants where it is Hangul."""
    found = _pieces(word)
    return found | _pieces(initials(word)) if is_hangul(word) else found


def lookup(asked: str) -> Lookup:
    """Every word that `quality` is above 0 for has so many of these pieces: the q-gram lemma, Ukkonen 1992."""
    pieces = _pieces(asked)
    spoilt = 0 if is_initials(asked) else _PIECES_A_LETTER * _slips_allowed(jamo(asked))
    return Lookup(pieces, max(1, len(pieces) - spoilt))


def quality(asked: str, word: str) -> float:
    """How well a word of a title fits the one asked for: 1 where it is the same, 0 where it does not."""
    if is_initials(asked):
        return _within(asked, initials(word)) * INITIALS if is_hangul(word) else 0.0
    fit = _within(asked, word)
    if fit:
        return fit
    one, other = jamo(asked), jamo(word)
    allowed = _slips_allowed(one)
    return SLIP if allowed and is_slip(one, other, allowed) else 0.0


def is_slip(one: str, other: str, allowed: int) -> bool:
    """Whether at most so many letters were left out, added, mistaken, or swapped with the next.

    Optimal string alignment: Damerau, "A technique for computer detection and correction of spelling errors", 1964.
    """
    if abs(len(one) - len(other)) > allowed:
        return False
    before: list[int] = []
    above = list(range(len(other) + 1))
    for n, letter in enumerate(one):
        row = [n + 1]
        for m, its in enumerate(other):
            least = min(above[m] + (letter != its), above[m + 1] + 1, row[m] + 1)
            if n and m and letter == other[m - 1] and one[n - 1] == its:
                least = min(least, before[m - 1] + 1)
            row.append(least)
        if min(row) > allowed:
            return False
        before, above = above, row
    return above[-1] <= allowed


def _within(asked: str, word: str) -> float:
    """Within a word counts only what is long enough to mean something there: "art" is not in "cart"."""
    if asked == word:
        return EXACT
    in_korean = not asked.isascii()
    if len(asked) == 1 and not in_korean:
        return 0.0
    if word.startswith(asked):
        return BEGINS
    return WITHIN if asked in word and (in_korean or len(asked) >= _WITHIN_LATIN) else 0.0


def _pieces(word: str) -> frozenset[str]:
    return frozenset(word) | {one + other for one, other in pairwise(word)}


def _slips_allowed(letters: str) -> int:
    return (len(letters) >= _ONE_SLIP) + (len(letters) >= _TWO_SLIPS)
