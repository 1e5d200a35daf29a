"""What is never inferred of a person, and the words and labels by which it would be asked. Pure; the list is refused.yaml.

Words stop what calls itself by its name or by a proxy, Korean and English. Whoever takes a text from a tenant (a name, a definition) asks here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from nungil.taxonomy.taxonomy import LabelEntry, Name

_PEOPLE_EN = (
    "people|persons?|customers?|shoppers?|buyers?|users?|visitors?|tourists?|travell?ers?|residents?|speakers?|famil(?:y|ies)|"
    "communit(?:y|ies)|descent|origins?|men|women|guys|girls|boys|kids|children|students?|workers?|skin"
)
_PEOPLE_KO = "인|인들|사람|사람들|계|국적|출신|교포|혈통|여성|남성|여자|남자|고객|손님|관광객|유학생|이민자|가정"
_WORD = "a-z0-9"
_APART = re.compile(r"(?<!\S)(?:[a-z가-힣] ){2,}[a-z가-힣](?!\S)")  # single letters, three or more in a row


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused, and why. words, people: None where there are none."""

    id: str
    why: Name
    words: re.Pattern[str] | None
    words_ko: re.Pattern[str] | None
    without: re.Pattern[str] | None
    without_ko: re.Pattern[str] | None
    labels: frozenset[str]
    no_interest: frozenset[str]

    def asked_by(self, text: str) -> bool:
        """Whether these words ask for it."""
        plain = _plain(text)
        for excepted in (self.without, self.without_ko):
            plain = excepted.sub(" ", plain) if excepted else plain
        return any(words.search(plain) for words in (self.words, self.words_ko) if words)


def refusal_of_words(text: str) -> Refusal | None:
    """Why nothing may be called so, or ask for this; None where it may."""
    return next((refusal for refusal in load_refusals() if refusal.asked_by(text)), None)


def refusal_of_label(label: LabelEntry) -> Refusal | None:
    """Why no definition may name this label; None where it may. By its id and its no_interest, not by what it is called: a French bulldog is a dog."""
    refusals = load_refusals()
    by_id = next((refusal for refusal in refusals if label.id in refusal.labels), None)
    return by_id or next((refusal for refusal in refusals if label.no_interest in refusal.no_interest), None)


@cache
def load_refusals() -> tuple[Refusal, ...]:
    """The list that ships with this package, in its order."""
    text = resources.files(__package__).joinpath("refused.yaml").read_text("utf-8")
    return tuple(_refusal(entry) for entry in yaml.safe_load(text)["refused"])


def _refusal(entry: Mapping[str, Any]) -> Refusal:
    words, people = entry["words"], entry.get("people", {"en": [], "ko": []})
    excepted = words.get("except", [])
    english = [_english(word) for word in words["en"]]
    # An adjective speaks of people where nothing follows it, in the plural, or before a word for people.
    english += [rf"{word}s|(?<=^){word}(?=\s*$)|{word}\s+(?:{_PEOPLE_EN})" for word in people["en"]]
    korean = [_korean(word) for word in words["ko"]]
    korean += [rf"{word}\s*(?:{_PEOPLE_KO})(?![가-힣]{{2}})" for word in people["ko"]]
    return Refusal(
        entry["id"],
        Name(entry["ko"], entry["en"]),
        _any_word(english),
        _any_of(korean),
        _any_word([_english(word) for word in excepted if word.isascii()]),
        _any_of([_korean(word) for word in excepted if not word.isascii()]),
        frozenset(entry.get("labels", ())),
        frozenset(entry.get("no_interest", ())),
    )


def _english(word: str) -> str:
    """`*` stands for any ending, a space for any gap."""
    pattern = re.escape(word.lower()).replace(r"\*", f"[{_WORD}]*")
    return pattern.replace(r"\ ", r"\s+")


def _korean(word: str) -> str:
    """Anywhere in a word, as endings and compounds are written together."""
    return re.escape(_plain(word)).replace(r"\ ", r"\s*")


def _any_word(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile(rf"(?<![{_WORD}])(?:{'|'.join(patterns)})(?![{_WORD}])") if patterns else None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(patterns)
    return re.compile(joined) if joined else None


def _plain(text: str) -> str:
    """In small letters without accents, every mark a space, what is pulled apart together: 'P r e-n a t a l_café' -> 'prenatal cafe'."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in decomposed if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    spaced = re.sub(r"[^a-z0-9가-힣]+", " ", unicodedata.normalize("NFC", bare)).strip()
    return _APART.sub(lambda run: run.group().replace(" ", ""), spaced)
