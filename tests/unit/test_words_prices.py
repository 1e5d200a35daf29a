"""Prices, stock and markets in words."""

from __future__ import annotations

import pytest

from services.search.words.normal import normal
from services.search.words.offers import market_in, stock_in
from services.search.words.prices import price_in


@pytest.mark.parametrize(
    ("text", "currency", "low", "high"),
    [
        ("3만원 이하", "KRW", 0, 30_000),
        ("3만 원 이하의", "KRW", 0, 30_000),
        ("3만이하", "KRW", 0, 30_000),
        ("30,000원 이하", "KRW", 0, 30_000),
        ("30000원까지", "KRW", 0, 30_000),
        ("₩30,000 이하", "KRW", 0, 30_000),
        ("under 30,000", "KRW", 0, 30_000),
        ("up to 30000 won", "KRW", 0, 30_000),
        ("3만원 미만", "KRW", 0, 29_999),
        ("3만5천원 미만", "KRW", 0, 34_999),
        ("3만 5천 원 이상", "KRW", 35_000, 0),
        ("3.5만원 이하", "KRW", 0, 35_000),
        ("백만원 이상", "KRW", 1_000_000, 0),
        ("천원 초과", "KRW", 1_001, 0),
        ("3만 원대", "KRW", 30_000, 39_999),
        ("15만원대", "KRW", 150_000, 159_999),
        ("30000원대", "KRW", 30_000, 39_999),
        ("만원에서 3만원", "KRW", 10_000, 30_000),
        ("1만~3만원", "KRW", 10_000, 30_000),
        ("1~3만원 사이", "KRW", 10_000, 30_000),
        ("500원부터 천원까지", "KRW", 500, 1_000),
        ("3만원", "KRW", 30_000, 30_000),
        ("3만원짜리", "KRW", 30_000, 30_000),
        ("3만원 정도", "KRW", 27_000, 33_000),
        ("below $30", "USD", 0, 3_000),
        ("30달러 이하", "USD", 0, 3_000),
        ("under $12.50", "USD", 0, 1_250),
        ("$20-$50", "USD", 2_000, 5_000),
        ("between $20 and $50", "USD", 2_000, 5_000),
        ("from 10 to 20 dollars", "USD", 1_000, 2_000),
        ("over 30 dollars", "USD", 3_000, 0),
        ("less than 30 euros", "EUR", 0, 2_999),
        ("€30 이하", "EUR", 0, 3_000),
        ("10,000엔 이하", "JPY", 0, 10_000),
        ("around $100", "USD", 9_000, 11_000),
    ],
)
def test_a_price_is_read(text: str, currency: str, low: int, high: int) -> None:
    price = price_in(normal(text), "KRW")
    assert price is not None
    assert (price.currency, price.min_minor, price.max_minor) == (currency, low, high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "250mm",
        "size 42",
        "nike 90",
        "2-3 seats",
        "만두",
        "천천히",
        "iphone 15",
        "100% cotton",
        "한국",
        "9" * 40,
        "under 0",
    ],
)
def test_what_is_no_price_is_left_alone(text: str) -> None:
    assert price_in(normal(text), "KRW") is None


@pytest.mark.parametrize(
    "text",
    ["재고 있는 소파", "재고있는", "재고가 있는", "품절 아닌 것", "품절 제외", "in stock", "In-Stock", "구매 가능한"],
)
def test_stock_is_asked_for(text: str) -> None:
    assert stock_in(normal(text)) is not None


@pytest.mark.parametrize("text", ["", "재고", "stock photo", "가능"])
def test_stock_is_not_asked_for(text: str) -> None:
    assert stock_in(normal(text)) is None


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ("한국에서 살 수 있는 소파", "KR"),
        ("한국에서 파는", "KR"),
        ("국내 배송", "KR"),
        ("미국에서", "US"),
        ("인도네시아에서 파는", "ID"),
        ("sofa in Korea", "KR"),
        ("sold in the US", "US"),
        ("ships to Japan", "JP"),
        ("that i can buy in south korea", "KR"),
    ],
)
def test_a_market_is_named(text: str, market: str) -> None:
    found = market_in(normal(text))
    assert found is not None
    assert found[0] == market


@pytest.mark.parametrize("text", ["", "한국 과자", "in jeans", "in ushanka", "made of china", "to us"])
def test_no_market_is_named(text: str) -> None:
    assert market_in(normal(text)) is None
