"""Naver Shopping's EP 3.0: tab-separated, unquoted, in won; columns by their English names or those of the guide in Korean."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nungil.commerce import parse_price
from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import NEW, REFURBISHED, USED, Offer, check_described, check_item_id, checked_offer
from services.ingest.errors import InvalidItem
from services.ingest.feed import Refused, Row, Terms
from services.ingest.formats.fields import Fields, rows_of, table, text_of

NEEDED = ("id", "title", "price_pc", "link", "image_link")
_KOREAN = {
    "상품id": "id",
    "상품명": "title",
    "상품가격": "price_pc",
    "상품url": "link",
    "이미지url": "image_link",
    "추가이미지url": "add_image_link",
    "카테고리명(대분류)": "category_name1",
    "카테고리명(중분류)": "category_name2",
    "카테고리명(소분류)": "category_name3",
    "카테고리명(세분류)": "category_name4",
    "상품상태": "condition",
    "판매방식구분": "product_flag",
    "브랜드": "brand",
    "제조사": "maker",
}
_CURRENCY = "KRW"
_CONDITIONS = {
    "": 0,
    "신상품": NEW,
    "리퍼": REFURBISHED,
    **dict.fromkeys(("중고", "전시", "반품", "스크래치"), USED),
}
_CLASSES = ("", "I", "U", "D")  # of the summary: new, changed, sold out (품절)
_NO_PRICE_OF_THE_THING = ("렌탈", "대여", "할부", "도매")
_LATER = ("예약판매",)


def read_naver(data: bytes, terms: Terms) -> Iterator[Row | Refused]:
    """Raises UnreadableFeed."""
    records = table(text_of(data), needed=NEEDED, name_of=_column, delimiter="\t", quoted=False)
    return rows_of(records, lambda line, fields: _row(line, fields, terms))


def _column(name: str) -> str:
    return _KOREAN.get(name.lower().replace(" ", ""), name.lower())


def _row(line: int, fields: Fields, terms: Terms) -> Row:
    check_item_id(fields["id"])
    said_class, flag = fields.get("class", "").upper(), fields.get("product_flag", "")
    if said_class not in _CLASSES:
        raise InvalidItem(f"class is {fields['class']!r}; those are I, U and D")
    if flag in _NO_PRICE_OF_THE_THING:
        raise InvalidItem(f"product_flag is {flag}: its price is not what one of the thing costs")
    if fields.get("condition", "") not in _CONDITIONS:
        known = ", ".join(filter(None, _CONDITIONS))
        raise InvalidItem(f"condition is {fields['condition']!r}; those are {known}")
    title = Name(ko=fields["title"], en="")
    brand = fields.get("brand") or fields.get("maker", "")
    category = " > ".join(filter(None, (fields.get(f"category_name{n}", "") for n in (1, 2, 3, 4))))
    check_described(title, brand, category)
    if not fields["image_link"]:
        raise InvalidItem("the image_link is missing")
    sold_out = said_class == "D"
    priceless = sold_out and not re.search("[1-9]", fields["price_pc"])  # D without a price: the offer is gone
    offer = Offer(
        offer_id="",
        shop=terms.shop,
        url=fields["link"],
        market=terms.market,
        currency=_CURRENCY,
        price_minor=1 if priceless else parse_price(_won(fields["price_pc"]), _CURRENCY),
        in_stock=not sold_out and flag not in _LATER,
        condition=_CONDITIONS[fields.get("condition", "")],
    )
    more = [image.strip() for image in fields.get("add_image_link", "").split("|")]
    images = (fields["image_link"], *filter(None, more))
    offer = checked_offer(offer, now_ms=0)
    return Row(line, fields["id"], images, title, brand, category, offer, retires=priceless)


def _won(text: str) -> str:
    """'12,900원' as '12900'; what is no such number stays, to be refused as it was written."""
    number = text.removesuffix("원").strip()
    return number.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", number) else number
