"""Names by their sound: "나이키" and "Nike" are one brand, written in two scripts.

Both scripts become sounds of one kind, consonants and vowels, each knowing how lightly it may be left out (the vowel 으 that
Korean puts between consonants, a silent e, an r before a consonant). Two names sound alike where turning one into the other
costs little for their length: a weighted edit distance (Wagner and Fischer, "The String-to-String Correction Problem", 1974).
Rules and costs are our own, from how the loanword orthography of the National Institute of Korean Language writes foreign
names. Measured in tests/unit/test_words_sounds.py: of 190 brands that the costs were set on 90 %, of 70 others 80 % are found,
and none is taken for another of 330. What is missed, the feed's aliases find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from string import ascii_lowercase

from services.search.words.normal import is_hangul, key, normal, parts

CUT, SAYS_NOTHING = 0.158, 2.0  # of each sound beyond the first two: short names are alike by chance

# Sounds are letters. Of both scripts: x the vowel 으, Y and W glides, N ng. Of Hangul alone: A the vowel 어; 5 the s of 시, which
# is s or sh; 4 6 7 the tense consonants ㄲ ㄸ ㅃ; 1 2 3 what ends a syllable in ㄱ, ㅂ and ㅅ, which is voiced or not. Of Latin alone:
# S sh, T th, J a g that is g or j, r, E an e that may go unheard.
_ONSETS = dict(zip("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", "g4nd6lmb7ss_jccktph", strict=True))
_CODAS = dict(zip("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ", "111nnn3l1mlllllm2233N331323", strict=True))
_NUCLEUS_SOUNDS = "a e Ya Ye A e YA Ye o Wa We We Yo u WA We Wi Yu x i i"
_NUCLEI = dict(zip("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ", _NUCLEUS_SOUNDS.split(), strict=True))
_VOWELS = frozenset("aeiouyAEOx")

# Spelling to sound: the first that fits at each place.
_SPELLINGS = [
    (re.compile(pattern), sounds)
    for pattern, sounds in (
        ("^x", "z"), ("^kn", "n"), ("^wr", "r"), ("^ps", "s"), ("^gh", "g"), ("^h(?=[aeiou])", "h"), ("^y(?=[aeiou])", "Y"),
        ("tion", "SOn"), ("stl", "sl"), ("dt", "t"), ("ey$", "i"), ("on$", "On"), ("tch", "c"), ("sch", "S"), ("ch(?=[rl])", "k"), ("ch", "c"), ("sh", "S"), ("ph", "f"), ("th", "T"),
        ("wh", "W"), ("rh", "r"), ("gh(?=[ei])", "g"), ("gh", ""), ("gn", "n"), ("dg(?=[eiy])", "j"), ("ck", "k"), ("cq", "k"), ("t[sz]", "c"),
        ("que$", "k"), ("gue$", "g"), ("qu", "kW"), ("q", "k"), ("gu(?=[ei])", "g"), ("sc(?=[eiy])", "s"), ("mb$", "m"),
        ("cc(?=[eiy])", "c"), ("c(?=[eiy])", "s"), ("c", "k"), ("g(?=[eiy])", "J"), ("x", "ks"), ("ng(?=[aeioulr])", "Ng"), ("ng", "N"), ("n(?=k)", "N"),
        ("oo", "u"), ("ee", "i"), ("ew", "yu"), ("aw", "o"), ("ow", "ou"), ("eau", "o"), ("au", "ou"), ("igh", "ai"),
        ("y(?=[aeiou])", "Y"), ("w(?=[aeiouy])", "W"), ("w", "u"), ("e$", "E"), ("e(?=s$)", "E"), ("h(?![aeiouy])", ""), ("g(?=[eiy])", "J"),
    )
]  # fmt: skip
_DOUBLED = re.compile(r"([bcdfghjklmnpqrstvwxz])\1+")

# What a sound of a Latin spelling costs in place of a sound of Hangul; of the same letter nothing.
_PRICES = {
    (latin, hangul): cost
    for latin, costs in {
        "a": "e.1 A.2 o.5 i.5 x.4", "e": "i.15 A.15 x.1 a.4", "i": "x.3 e.3 A.3 a.5", "o": "A.15 a.2 u.2 x.4", "u": "A.05 a.15 o.2 i.4 x.2",
        "y": "i.0 e.3 x.3", "O": "o.0 A.1 x.1 u.2", "E": "e.0 i.1 x.0 A.2 a.3",
        "p": "2.0 7.1 b.4", "b": "2.0 7.1 p.4 W.4", "f": "p.0 2.1 h.15 b.5", "v": "b.0 2.1 p.2 W.4", "W": "u.0 o.1 A.3 b.3", "Y": "i.0 j.3",
        "t": "3.0 6.0 d.4 s.6 c.5", "d": "3.0 6.2 t.4", "T": "s.0 t.0 d.15 6.1 3.1", "s": "5.0 S.3 j.3 3.4 c.5", "S": "5.0 s.2 j.4 c.4", "z": "j.0 c.2 s.2 5.2",
        "k": "4.0 1.0 g.4", "g": "1.0 4.1 k.4", "J": "j.0 g.05 1.1 h.3 c.4 4.2", "j": "Y.3 c.4 h.4 g.6", "c": "S.1 j.4 k.3 4.3 s.3 5.1 1.3",
        "r": "l.0 h.4", "n": "N.15 m.5", "m": "n.5 N.6", "N": "n.2",
    }.items()
    for hangul, cost in ((each[0], float(each[1:])) for each in costs.split())
}  # fmt: skip
_HARDLY_HEARD = 0.1
_ANY_VOWEL, _ANOTHER = 0.65, 1.5  # in place of each other: two vowels, two consonants, a consonant and a vowel
_LETTER_NAMES = (
    "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 아르 에스 티 유 브이 더블유 엑스 와이 제트"
)
_LETTERS = dict(zip(ascii_lowercase, _LETTER_NAMES.split(), strict=True))
_READ_OUT = re.compile(r"[a-z&]{2,5}")


@dataclass(frozen=True, slots=True)
class Sound:
    """How a name sounds. drops: of each sound, what leaving it out costs; weight: how many are surely heard. read_out: its letters one by one, or ""."""

    sounds: str
    drops: tuple[float, ...]
    weight: int
    hangul: bool
    read_out: str


@lru_cache(maxsize=20_000)
def sound_of(name: str) -> Sound | None:
    """How a name sounds, or None where it is neither Hangul nor Latin alone, or has no letter."""
    letters = key(name)
    if is_hangul(letters):
        sounds = _of_hangul(letters)
        drops = _drops_of(sounds, latin=False)
        return Sound(sounds, drops, _weight(drops), True, letters)
    if letters.isascii() and letters.isalpha():
        sounds = _of_latin(letters)
        drops = _drops_of(sounds, latin=True)
        return Sound(sounds, drops, _weight(drops), False, _read_out(normal(name)))
    return None


def sound_alike(one: Sound, other: Sound) -> bool:
    """Whether they may be one name, written in two scripts; False for two names in one."""
    if one.hangul == other.hangul:
        return False
    if one.read_out and one.read_out == other.read_out:
        return True
    hangul, latin = (one, other) if one.hangul else (other, one)
    allowed = CUT * ((hangul.weight + latin.weight) / 2 - SAYS_NOTHING)
    return distance(latin, hangul, at_most=allowed) <= allowed


def distance(latin: Sound, hangul: Sound, at_most: float = inf) -> float:
    """The least that it costs to turn one into the other; inf where that is more than `at_most`."""
    above = [0.0]
    for drop in hangul.drops:
        above.append(above[-1] + drop)
    for sound, drop in zip(latin.sounds, latin.drops, strict=True):
        row = [above[0] + drop]
        for n, (its_sound, its_drop) in enumerate(zip(hangul.sounds, hangul.drops, strict=True)):
            replaced = above[n] + (0.0 if sound == its_sound else _price(sound, its_sound))
            row.append(min(replaced, above[n + 1] + drop, row[n] + its_drop))
        if min(row) > at_most:
            return inf
        above = row
    return above[-1]


def _price(latin: str, hangul: str) -> float:
    known = _PRICES.get((latin, hangul))
    if known is not None:
        return known
    return _ANY_VOWEL if latin in _VOWELS and hangul in _VOWELS else _ANOTHER


def _of_hangul(letters: str) -> str:
    sounds: list[str] = []
    for syllable in letters:
        initial, vowel, final = parts(syllable)
        onset = _ONSETS[initial].replace("_", "")
        nucleus = _NUCLEI[vowel]
        if onset == "s" and nucleus in ("i", "Wi", "We", "Yu", "Ya", "Yo", "YA", "Ye"):
            onset, nucleus = ("5", "i") if nucleus == "i" else ("S", nucleus.replace("W", ""))
        if sounds and onset + sounds[-1] in ("ll", "nn", "mm", "s3"):
            sounds.pop()  # 테슬라, 닛산: one consonant between vowels is written twice
        sounds.extend(onset + nucleus + (_CODAS[final] if final else ""))
    return "".join(sounds)


def _of_latin(letters: str) -> str:
    letters = _DOUBLED.sub(lambda found: found[0] if found[0] == "cc" else found[1], letters)
    sounds: list[str] = []
    at = 0
    while at < len(letters):
        for pattern, heard in _SPELLINGS:
            found = pattern.match(letters, at) if not pattern.pattern.startswith("^") or at == 0 else None
            if found:
                sounds.append(heard)
                at = found.end()
                break
        else:
            sounds.append(letters[at])
            at += 1
    return "".join(sounds)


def _drops_of(sounds: str, *, latin: bool) -> tuple[float, ...]:
    costs = [0.5 if each in _VOWELS else 1.0 for each in sounds]
    for n, each in enumerate(sounds):
        before, after = sounds[n - 1 : n], sounds[n + 1 : n + 2]
        if each == "x":
            costs[n] = 0.0
        elif each in "YW":
            costs[n] = 0.1
        elif not latin and each == "i" and not after and before in ("c", "j", "S"):
            costs[n] = 0.1  # 보쉬, 벤치: the vowel that ends a syllable because something must
        elif each == "E":
            costs[n] = 0.05
        elif each == "h":
            costs[n] = 0.3
        elif latin and each == "r" and after not in _VOWELS:
            costs[n] = 0.05
        elif each in _VOWELS and (before in _VOWELS or after in _VOWELS) and (before or after):
            costs[n] = 0.2 if after else 0.4  # half of a pair: "ai" for what is spelled i, "ea" for what is heard as i
        elif latin and not after and each in "stdz" and before in _VOWELS:
            costs[n] = 0.45  # French: Peugeot
    return tuple(costs)


def _weight(drops: tuple[float, ...]) -> int:
    return sum(drop > _HARDLY_HEARD for drop in drops)


def _read_out(written: str) -> str:
    """ "LG" as "엘지"; "" where it is too long to be read out."""
    if not _READ_OUT.fullmatch(written):
        return ""
    return "".join("앤" if letter == "&" else _LETTERS[letter] for letter in written)
