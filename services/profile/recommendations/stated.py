"""What a person states of themselves, as things for sale say it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nungil.taxonomy.taxonomy import Name
from services.profile.abouts import About

MOST_STYLES = 3  # phrases of a style that are looked for: each is a question to search
MOST_WORDS = 3  # of such a phrase: no title says a sentence
SKIN_AND_HAIR: Mapping[tuple[str, str], Name] = {
    ("skin_type", "dry"): Name("건성 피부", "dry skin"),
    ("skin_type", "oily"): Name("지성 피부", "oily skin"),
    ("skin_type", "combination"): Name("복합성 피부", "combination skin"),
    ("skin_type", "normal"): Name("중성 피부", "normal skin"),
    ("skin_type", "sensitive"): Name("민감성 피부", "sensitive skin"),
    ("hair", "straight"): Name("직모", "straight hair"),
    ("hair", "wavy"): Name("반곱슬", "wavy hair"),
    ("hair", "curly"): Name("곱슬머리", "curly hair"),
    ("hair", "coily"): Name("강한 곱슬", "coily hair"),
}
_PARTS = re.compile(r"[,;/·|!?…、，。]+|\.(?:\s|$)|\s(?:and|or|그리고|또는|혹은)\s", re.IGNORECASE)
_WORD = re.compile(r"(?<!\S)-\S+|[^\W_](?:\S*[^\W_])?")  # without the signs around it
_MEANS_NOTHING = frozenset(
    word
    for words in (
        "i my like love a an the style styles look looks clothes",
        "나는 저는 내 제 옷 스타일 느낌 분위기 룩 좋아해요 좋아합니다 좋아요 좋아해 좋아함",
    )
    for word in words.split()
)


@dataclass(frozen=True, slots=True)
class Stated:
    """One thing that a person says of themselves. key: the same as long as they say it. name: as they are told it. phrases: a thing
    fits that says one of them: each of its parts, in any order."""

    key: str
    name: Name
    phrases: tuple[tuple[str, ...], ...]

    @property
    def questions(self) -> tuple[str, ...]:
        """The words to look for, each question by itself."""
        return tuple(dict.fromkeys(" ".join(parts) for parts in self.phrases))

    def is_said_by(self, texts: Iterable[str]) -> bool:
        """Whether a thing with these names says it. Search answers with what comes nearest, which would be no reason."""
        said = "\n".join(_normal(text) for text in texts)
        return any(all(_pattern(part).search(said) for part in parts) for parts in self.phrases)


def stated_of(about: About) -> tuple[Stated, ...]:
    """What of a statement things are found by: skin, hair, and the style in the person's own words. Age and gender are not: what they
    would find are stereotypes."""
    chosen = ((field, getattr(about, field)) for field in ("skin_type", "hair"))
    known = [(key, SKIN_AND_HAIR[key]) for key in chosen if key in SKIN_AND_HAIR]
    of_words = [Stated("/".join(key), name, ((name.ko,), (name.en,))) for key, name in known]
    return (*of_words, *_styles(about.style))


def _styles(style: str) -> list[Stated]:
    found: dict[str, Stated] = {}
    for said in _PARTS.split(style):
        phrase = " ".join(said.split())
        words = [word for word in _WORD.findall(_normal(phrase)) if word not in _MEANS_NOTHING]
        key = f"style/{' '.join(words)}"
        if 1 <= len(words) <= MOST_WORDS and not any(word.startswith("-") for word in words):  # "-red" is without red
            found.setdefault(key, Stated(key, Name(phrase, phrase), (tuple(words),)))
    return list(found.values())[:MOST_STYLES]


def _pattern(part: str) -> re.Pattern[str]:
    """A part at the beginning of a word, with spaces or none; in Korean more may follow it ("건성피부용"), else a plural at most."""
    words = r"[ \t-]*".join(re.escape(word) for word in _normal(part).split())
    end = "" if "가" <= part[-1] <= "힣" else r"(?:e?s)?(?![^\W_])"
    return re.compile(rf"(?<![^\W_]){words}{end}")


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
