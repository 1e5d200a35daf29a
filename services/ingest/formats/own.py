"""Our own format, as CSV and as JSON lines: the same fields, one row an offer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from nungil.commerce import check_market, parse_price
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import (
    ARTICLE,
    NEW,
    PRODUCT,
    REFURBISHED,
    SERVICE,
    USED,
    Offer,
    check_aliases,
    check_described,
    check_item_id,
    checked_offer,
)
from services.ingest.errors import InvalidItem, UnreadableFeed
from services.ingest.feed import Refused, Row, Terms
from services.ingest.formats.fields import Fields, rows_of, table, text_of, time_ms

COLUMNS = (
    "id",
    "image",
    "title_en",
    "title_ko",
    "brand",
    "category",
    "shop",
    "url",
    "market",
    "currency",
    "price",
    "in_stock",
)
OPTIONAL = ("aliases", "condition", "expires_at", "kind")
_NEEDED_KEYS = ("id", "url", "currency", "price")
_BETWEEN = "|"
_STOCK = {
    **dict.fromkeys(("yes", "true", "1", "in_stock", "in stock", "판매중", "재고있음"), True),
    **dict.fromkeys(("no", "false", "0", "out_of_stock", "out of stock", "품절", "재고없음"), False),
}
KINDS = {"": None, "product": PRODUCT, "service": SERVICE, "article": ARTICLE}
CONDITIONS = {"": 0, "new": NEW, "refurbished": REFURBISHED, "used": USED}


def read_csv(data: bytes, terms: Terms) -> Iterator[Row | Refused]:
    """Columns that we do not know are left out. Raises UnreadableFeed."""
    records = table(text_of(data), needed=COLUMNS, name_of=str.lower)
    return rows_of(records, lambda line, fields: _row(line, fields, (fields["image"],), terms))


def read_json_lines(data: bytes, terms: Terms) -> Iterator[Row | Refused]:
    """One object a line, with the columns of the CSV as keys; `image` and `aliases` may be lists. Raises UnreadableFeed."""
    some = False
    for number, line in enumerate(text_of(data).split("\n"), start=1):
        if not line.strip():
            continue
        some = True
        item_id = ""
        try:
            said = _object(line)
            item_id = said["id"] if isinstance(said.get("id"), str) else ""
            yield _row(number, _fields(said), _images(said), terms)
        except Rejected as error:
            yield Refused(number, str(error), item_id)
    if not some:
        raise UnreadableFeed("the feed is empty; each line must be one JSON object")


def _object(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line, parse_float=str, parse_int=str, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidItem(f"the line is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise InvalidItem("the line is no JSON object")
    return said


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _fields(said: dict[str, Any]) -> dict[str, str]:
    unknown = [key for key in said if key not in COLUMNS + OPTIONAL]
    if unknown:
        raise InvalidItem(f"{unknown[0]!r} is no field; those are {', '.join(COLUMNS + OPTIONAL)}")
    missing = [key for key in _NEEDED_KEYS if said.get(key) in (None, "")]
    if missing:
        raise InvalidItem(f"the {missing[0]} is missing")
    fields = {key: _text(key, value) for key, value in said.items() if key not in ("image", "aliases")}
    if "aliases" in said:
        fields["aliases"] = _BETWEEN.join(_texts("aliases", said["aliases"]))
    return dict.fromkeys(COLUMNS, "") | fields


def _images(said: dict[str, Any]) -> tuple[str, ...]:
    return tuple(_texts("image", said.get("image", "")))


def _texts(key: str, value: Any) -> list[str]:
    return [_text(key, one) for one in (value if isinstance(value, list) else [value])]


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        raise InvalidItem(f"{key} is no text")
    return value.strip()


def _row(line: int, fields: Fields, images: tuple[str, ...], terms: Terms) -> Row:
    if not (images and images[0]):
        raise InvalidItem("the row has no image")
    title = Name(ko=fields["title_ko"], en=fields["title_en"])
    check_item_id(fields["id"])
    check_described(title, fields["brand"], fields["category"])
    market = fields["market"] or terms.market
    check_market(market)
    if fields["in_stock"].lower() not in _STOCK:
        raise InvalidItem(f"in_stock is {fields['in_stock']!r}; write yes or no")
    if fields.get("condition", "").lower() not in CONDITIONS:
        raise InvalidItem(f"the condition is {fields['condition']!r}; write new, refurbished, used or nothing")
    kind = fields.get("kind", "").lower()
    if kind not in KINDS:
        raise InvalidItem(f"the kind is {fields['kind']!r}; write product, service, article or nothing")
    aliases = None
    if "aliases" in fields:
        aliases = tuple(alias.strip() for alias in fields["aliases"].split(_BETWEEN) if alias.strip())
        check_aliases(aliases)
    offer = Offer(
        offer_id="",
        shop=fields["shop"] or terms.shop,
        url=fields["url"],
        market=market,
        currency=fields["currency"],
        price_minor=parse_price(fields["price"], fields["currency"]),
        in_stock=_STOCK[fields["in_stock"].lower()],
        expires_at_ms=time_ms("expires_at", fields["expires_at"]) if fields.get("expires_at") else 0,
        condition=CONDITIONS[fields.get("condition", "").lower()],
    )
    offer = checked_offer(offer, now_ms=0)  # the time is said when the row is applied
    return Row(line, fields["id"], images, title, fields["brand"], fields["category"], offer, aliases, kind=KINDS[kind])
