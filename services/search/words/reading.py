"""What people type, read: what of it is a condition, and what is left to look for in titles. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from services.search.core import Filters, Tag
from services.search.words.normal import is_hangul, normal
from services.search.words.offers import market_in, stock_in
from services.search.words.particles import stems
from services.search.words.prices import price_in
from services.search.words.vocabulary import Vocabulary

MAX_TEXT = 300  # letters
_MAX_SPAN = 5  # words of one name
_MAX_SOUND_SPAN = 3
_MAX_PARTED = 16  # syllables of a word that may be several without spaces
_MIN_PIECE, _MIN_REST = 2, 2  # syllables of a name within a word, and of what it may leave

_NOT_BEFORE = frozenset(("not", "without", "no", "except", "excluding", "minus"))
_NOT_AFTER = ("제외하고", "제외한", "제외", "말고", "빼고", "아니고", "아닌", "없는", "없이")
_MEANS_NOTHING = frozenset(
    word
    for words in (
        "이거 이것 그거 저거 이런 그런 저런 비슷한 같은 것 거 좀 더 찾아줘 보여줘 찾아 보여 주세요 추천 추천해줘 제품 상품 인기 예쁜 이쁜 좋은 멋진 괜찮은 싼 저렴한 사고 싶은 싶어 있는 수 살 색 색깔 색상",
        "a an the this that these those like similar something anything find show me please for with in of and or is are color colour coloured colored nice cute best good cheap",
    )
    for word in words.split()
)
# Only these part a word that nobody knows: "빨간구두" is red, "블루투스" is not blue.
_ADJECTIVES = frozenset(("빨간", "새빨간", "파란", "새파란", "노란", "샛노란", "하얀", "까만", "검은", "붉은", "푸른"))
_BREAK = "\n"
_WORD = re.compile(r"-?[^\W_]+|\n")


@dataclass(frozen=True, slots=True)
class Reading:
    """filters: market, price, currency and stock that were asked for, the rest empty. unwanted: words that nothing is known of, not to
    be in titles. rest: words to look for in titles, as they were typed. spelled: the key that named each of `narrow`."""

    filters: Filters = field(default_factory=Filters)
    narrow: tuple[Tag, ...] = ()
    exclude: tuple[Tag, ...] = ()
    rest: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    spelled: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """Tags that some words name, by which key, how many words they are, and what of them is left."""

    tags: tuple[tuple[Tag, str], ...]
    words: int
    rest: str = ""


def read(text: str, vocabulary: Vocabulary, currency: str = "") -> Reading:
    """The longest name first, spaces or none. currency: of prices that name none; empty: the vocabulary's."""
    left, filters = _offers(normal(text), currency or vocabulary.currency)
    words = list(_parted(left))
    narrow: dict[Tag, str] = {}
    exclude: dict[Tag, str] = {}
    rest: list[str] = []
    unwanted: list[str] = []
    at, negated = 0, False
    while at < len(words):
        word = words[at]
        if word == _BREAK or word in _NOT_AFTER:
            at, negated = at + 1, False
            continue
        if word in _NOT_BEFORE or word == "-":
            at, negated = at + 1, True
            continue
        found = _named(words, at, vocabulary)
        at += found.words
        not_this = negated or (at < len(words) and words[at] in _NOT_AFTER)
        (exclude if not_this else narrow).update(found.tags)
        if found.rest and found.rest not in _MEANS_NOTHING:
            (unwanted if not_this and not found.tags else rest).append(found.rest)
        negated = negated and not found.tags and found.rest in _MEANS_NOTHING
    kept = tuple(tag for tag in narrow if tag not in exclude)
    spelled = tuple(narrow[tag] for tag in kept)
    return Reading(filters, kept, tuple(exclude), tuple(rest), tuple(unwanted), spelled)


def _offers(text: str, currency: str) -> tuple[str, Filters]:
    """Takes market, stock and price out of a normal text; a break is left in their place."""
    filters = Filters()
    market = market_in(text)
    if market:
        text, filters = _without(text, market[1]), replace(filters, market=market[0])
    stock = stock_in(text)
    if stock:
        text, filters = _without(text, stock), replace(filters, in_stock=True)
    while (price := price_in(text, filters.currency or currency)) is not None:
        text = _without(text, price.span)
        filters = replace(
            filters,
            currency=price.currency,
            min_price_minor=max(filters.min_price_minor, price.min_minor),
            max_price_minor=price.max_minor or filters.max_price_minor,
        )
    return text, filters


def _without(text: str, span: tuple[int, int]) -> str:
    begin, end = span
    after = re.sub(r"^(?:의|인|으로|로|짜리|는|은|을|를)(?![^\W_])", "", text[end:])
    return f"{text[:begin]}{_BREAK}{after}"


def _parted(text: str) -> Iterator[str]:
    """The words of a normal text; "-빨간색" and "빨간색말고" with their not apart."""
    for found in _WORD.finditer(text):
        word = found[0]
        begins = found.start() == 0 or text[found.start() - 1].isspace()
        if word.startswith("-"):
            if begins:
                yield "-"
            word = word[1:]
        ending = next((each for each in _NOT_AFTER if word.endswith(each) and word != each), "")
        if ending and is_hangul(word):
            yield word[: -len(ending)]
            yield ending
        else:
            yield word


def _named(words: list[str], at: int, vocabulary: Vocabulary) -> _Found:
    """What the words from `at` on name: by the longest name, by the names within one word, by first consonants, by sound."""
    for named, length in _spans(words, at, _MAX_SPAN, vocabulary.named):
        return _Found((named,), length)
    word = words[at]
    if word in _MEANS_NOTHING:
        return _Found((), 1, word)
    within = _within(word, vocabulary) if is_hangul(word) and len(word) <= _MAX_PARTED else None
    if within:
        return within
    begun = vocabulary.begun_by(word)
    if begun:
        return _Found(((begun, word),), 1)
    for named, length in _spans(words, at, _MAX_SOUND_SPAN, vocabulary.sounding):
        return _Found((named,), length)
    return _Found((), 1, word)


def _spans(
    words: list[str], at: int, longest: int, look_up: Callable[[str], Tag | None]
) -> Iterator[tuple[tuple[Tag, str], int]]:
    """What the words from `at` on name together, the most words first; the last of them with or without its particle."""
    for length in range(min(longest, len(words) - at), 0, -1):
        some = words[at : at + length]
        if _BREAK in some or (length > 1 and any(word in _NOT_AFTER or word in _NOT_BEFORE for word in some)):
            continue
        together = "".join(some)
        for name in (together, *stems(together)):
            tag = look_up(name)
            if tag:
                yield (tag, name), length


def _within(word: str, vocabulary: Vocabulary) -> _Found | None:
    """The names that a word without spaces is made of: "빨간운동화를". None where something in it is unknown."""
    for end in range(len(word) - 1, 0, -1):
        head, tail = word[:end], word[end:]
        tag = vocabulary.named(head) if end >= _MIN_PIECE or head == "흰" else None
        if tag is None and end > _MIN_PIECE:
            tag = vocabulary.sounding(head)
        if tag is None:
            continue
        for name in (tail, *stems(tail)):
            other = vocabulary.named(name) if len(name) >= _MIN_PIECE else None
            if other:
                return _Found(((tag, head), (other, name)), 1)
        more = _within(tail, vocabulary)
        if more:
            return replace(more, tags=((tag, head), *more.tags))
        if head in _ADJECTIVES and len(tail) >= _MIN_REST:
            return _Found(((tag, head),), 1, tail)
    return None
