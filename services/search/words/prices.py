"""Prices in words: "3만원 이하", "3만 원대", "만원에서 3만원", "under 30,000", "below $30", "30달러 이하"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nungil.commerce import MAX_PRICE_MINOR, MINOR_DIGITS

ABOUT = 0.1  # "3만원 정도": so much more or less

_TIMES = {"천만": 10_000_000, "백만": 1_000_000, "십만": 100_000, "만": 10_000, "천": 1_000, "백": 100, "k": 1_000}
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW"}
_NAMES = {
    "원": "KRW", "won": "KRW", "krw": "KRW", "달러": "USD", "불": "USD", "dollars": "USD", "dollar": "USD", "usd": "USD", "bucks": "USD",
    "유로": "EUR", "euros": "EUR", "euro": "EUR", "eur": "EUR", "엔": "JPY", "yen": "JPY", "jpy": "JPY", "위안": "CNY", "yuan": "CNY",
    "cny": "CNY", "파운드": "GBP", "pounds": "GBP", "pound": "GBP", "gbp": "GBP", "크로나": "SEK", "kronor": "SEK", "sek": "SEK",
}  # fmt: skip
_UNIT = "|".join(_TIMES)
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,12}(?:\.\d+)?"


def _amount(n: int) -> str:
    parts = rf"(?:(?:{_NUMBER})\s*(?:{_UNIT})?|(?:{_UNIT}))(?:\s*(?:{_NUMBER})\s*(?:천|백))?(?:\s*(?:{_NUMBER})\s*백)?"
    return rf"(?P<sign{n}>[$€£¥₩])?\s?(?<![\d.])(?P<parts{n}>{parts})(?![\d.])\s*(?P<name{n}>{'|'.join(_NAMES)})?"


_ONE, _OTHER = _amount(1), _amount(2)
_END = r"(?=$|[\s,.!?의인]|짜리|으로|로|는|은|을|를)"
_KINDS = {
    "range": rf"(?:\b(?:between|from)\s+)?{_ONE}\s*(?:에서|부터|~|-|–|\bto\b|\band\b)\s*{_OTHER}\s*(?:까지|사이)?{_END}",
    "decade": rf"{_ONE}\s*대{_END}",
    "less": rf"{_ONE}\s*(?:미만|보다\s*(?:싼|저렴한)){_END}|\b(?:less|cheaper)\s+than\s+{_OTHER}|<\s*(?!=){_amount(3)}",
    "at_most": rf"{_ONE}\s*(?:이하|이내|까지|밑|아래|안쪽){_END}|(?:\b(?:under|below|up\s+to|at\s+most|max(?:imum)?|within|no\s+more\s+than)\s+|<=\s*){_OTHER}",
    "more": rf"{_ONE}\s*(?:초과|넘는|보다\s*비싼){_END}|\bmore\s+than\s+{_OTHER}|>\s*(?!=){_amount(3)}",
    "at_least": rf"{_ONE}\s*(?:이상|부터|위){_END}|(?:\b(?:over|above|at\s+least|from|min(?:imum)?)\s+|>=\s*){_OTHER}",
    "about": rf"{_ONE}\s*(?:정도|쯤|내외|안팎){_END}|\b(?:around|about)\s+{_OTHER}",
    "exactly": rf"{_ONE}\s*(?:짜리)?{_END}",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}
_PART = re.compile(rf"({_NUMBER})?\s*({_UNIT})?")


@dataclass(frozen=True, slots=True)
class Price:
    """From and to, both included, in the minor unit; 0: no bound. span: where the text says so."""

    currency: str
    min_minor: int
    max_minor: int
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Amount:
    value: float  # in the major unit
    step: float  # of its last unit: 10,000 of "3만"
    currency: str
    bare: bool  # neither a currency nor 만 or 천: it may be no money


def price_in(text: str, currency: str) -> Price | None:
    """The first price of a normal text. currency: where the words name none. None where there is no price."""
    for kind, pattern in _PATTERNS.items():
        for found in pattern.finditer(text):
            amounts = [each for n in (1, 2, 3) if (each := _amount_of(found, n))]
            price = _price(kind, amounts, currency, found.span())
            if price is not None:
                return price
    return None


def _amount_of(found: re.Match[str], n: int) -> _Amount | None:
    groups = found.groupdict()
    parts = groups.get(f"parts{n}")
    if not parts:
        return None
    value, step = 0.0, 0.0
    for number, unit in _PART.findall(parts):
        if number or unit:
            step = float(_TIMES[unit]) if unit else 0.0
            value += float(number.replace(",", "") or 1) * (step or 1.0)
    sign, name = groups.get(f"sign{n}"), groups.get(f"name{n}")
    currency = _SIGNS[sign] if sign else _NAMES[name] if name else ""
    if not step and value:
        step = 10.0 ** max((n for n in range(13) if value % 10**n == 0), default=0)  # 30 is in tens, 12.50 in ones
    return _Amount(value, step, currency, not currency and not any(unit in parts for unit in _TIMES))


def _price(kind: str, amounts: list[_Amount], default: str, span: tuple[int, int]) -> Price | None:
    if all(each.bare for each in amounts) and kind in ("range", "decade", "exactly", "about"):
        return None  # "2-3", "size 42"
    if kind == "exactly" and not amounts[0].currency:
        return None
    in_words = next((each.currency for each in amounts if each.currency), "")
    currency = in_words or ("KRW" if any(not each.bare for each in amounts) else default)
    low = high = amounts[0].value
    if kind == "range":
        low, high = _both(amounts)
    elif kind == "decade":
        high = low + amounts[0].step
    elif kind == "about":
        low, high = low * (1 - ABOUT), high * (1 + ABOUT)
    per_major = 10 ** MINOR_DIGITS[currency]
    low_minor, high_minor = round(low * per_major), round(high * per_major)
    if max(low_minor, high_minor) > MAX_PRICE_MINOR or high_minor < 1:
        return None
    bounds = {
        "less": (0, high_minor - 1),
        "at_most": (0, high_minor),
        "more": (low_minor + 1, 0),
        "at_least": (low_minor, 0),
        "decade": (low_minor, high_minor - 1),
    }
    return Price(currency, *bounds.get(kind, (low_minor, high_minor)), span)


def _both(amounts: list[_Amount]) -> tuple[float, float]:
    """ "1~3만원" is from 10,000: the first takes the unit of the second."""
    first, second = amounts[0], amounts[1]
    low = (
        first.value * second.step
        if first.bare and not second.bare and first.value < second.step and second.step >= 1_000
        else first.value
    )
    return min(low, second.value), max(low, second.value)
