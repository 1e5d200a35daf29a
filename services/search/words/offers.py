"""Stock and markets in words: "재고 있는", "in stock", "한국에서 살 수 있는", "in Korea"."""

from __future__ import annotations

import re

_STOCK = re.compile(
    r"재고\s*가?\s*있(?:는|음|어요)?|품절\s*[이은]?\s*(?:아닌|안\s*된|제외(?:하고)?|빼고|말고)|구매\s*가능한?|구입\s*가능한?"
    r"|\bin[\s-]stock\b|\bnot\s+sold\s+out\b|\bavailable\s+now\b"
)
_COUNTRIES = {
    "KR": ("한국", "대한민국", "우리나라", "국내", "korea", "south korea"),
    "US": ("미국", "us", "u.s.", "usa", "united states", "america"),
    "JP": ("일본", "japan"),
    "CN": ("중국", "china"),
    "TW": ("대만", "taiwan"),
    "HK": ("홍콩", "hong kong"),
    "GB": ("영국", "uk", "britain", "great britain", "united kingdom", "england"),
    "FR": ("프랑스", "france"),
    "DE": ("독일", "germany"),
    "IT": ("이탈리아", "italy"),
    "ES": ("스페인", "spain"),
    "NL": ("네덜란드", "netherlands"),
    "SE": ("스웨덴", "sweden"),
    "NO": ("노르웨이", "norway"),
    "DK": ("덴마크", "denmark"),
    "FI": ("핀란드", "finland"),
    "CA": ("캐나다", "canada"),
    "AU": ("호주", "오스트레일리아", "australia"),
    "NZ": ("뉴질랜드", "new zealand"),
    "SG": ("싱가포르", "singapore"),
    "TH": ("태국", "thailand"),
    "VN": ("베트남", "vietnam"),
    "IN": ("인도", "india"),
    "ID": ("인도네시아", "indonesia"),
    "MY": ("말레이시아", "malaysia"),
    "PH": ("필리핀", "philippines"),
    "BR": ("브라질", "brazil"),
    "MX": ("멕시코", "mexico"),
}
_MARKET_OF = {name: market for market, names in _COUNTRIES.items() for name in names}
_ANY = "|".join(re.escape(name) for name in sorted(_MARKET_OF, key=len, reverse=True))
_SOLD = r"(?:살|구할|구매할|구입할)\s*수\s*있는|파는|판매\s*(?:하는|중인|되는)|구매\s*가능한|구입\s*가능한|배송\s*(?:되는|가능한)"
_MARKET = re.compile(
    rf"(?P<at>{_ANY})에서(?:\s*(?:{_SOLD}))?|(?P<to>{_ANY})\s*(?:으로|로|내)?\s*배송\s*(?:되는|가능한)?"
    rf"|\b(?:(?:that\s+)?(?:i\s+can\s+buy|can\s+be\s+bought|sold|available|buyable)\s+)?in\s+(?:the\s+)?(?P<within>{_ANY})(?!\w)"
    rf"|\b(?:ships?|shipping|shipped|deliver(?:s|y|ed|able)?)\s+to\s+(?:the\s+)?(?P<ships>{_ANY})(?!\w)"
)

Span = tuple[int, int]


def stock_in(text: str) -> Span | None:
    """Where a normal text asks for what is in stock."""
    found = _STOCK.search(text)
    return found.span() if found else None


def market_in(text: str) -> tuple[str, Span] | None:
    """The market that a normal text asks for, and where."""
    found = _MARKET.search(text)
    if found is None:
        return None
    return _MARKET_OF[next(name for name in found.groups() if name)], found.span()
