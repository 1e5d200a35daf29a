"""Money and markets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nungil.commerce import (
    MARKETS,
    MINOR_DIGITS,
    InvalidPrice,
    UnknownCurrency,
    UnknownMarket,
    check_currency,
    check_market,
    check_price,
    parse_price,
)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.90", "USD", 1290), ("12900", "KRW", 12900), ("0.5", "KWD", 500), ("7", "EUR", 700), ("007.1", "EUR", 710)],
)
def test_a_price_is_read_in_major_units(text: str, currency: str, minor: int) -> None:
    assert parse_price(text, currency) == minor


@given(st.sampled_from(sorted(MINOR_DIGITS)), st.integers(1, 10**12))
def test_a_price_written_out_is_read_again(currency: str, minor: int) -> None:
    digits = MINOR_DIGITS[currency]
    assert parse_price(f"{Decimal(minor).scaleb(-digits):f}", currency) == minor


@pytest.mark.parametrize(
    "text", ["", "-3", "0", "0.00", "1,200", "1.234", "1e3", "١٢", "NaN", " 5", "5.", ".5", "9" * 16, "9" * 15]
)
def test_a_price_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidPrice):
        parse_price(text, "USD")


def test_won_have_no_decimals() -> None:
    with pytest.raises(InvalidPrice, match="KRW has 0"):
        parse_price("12900.00", "KRW")


@pytest.mark.parametrize("code", ["", "WON", "krw", "XXX", "KR"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        check_currency(code)


@pytest.mark.parametrize("code", ["", "UK", "EU", "kr", "KOR"])
def test_an_unknown_market_is_refused(code: str) -> None:
    with pytest.raises(UnknownMarket):
        check_market(code)


def test_the_codes_are_those_of_iso() -> None:
    assert len(MARKETS) == 249
    for code in ("KR", "US", "JP", "GB", "DE", "ZW"):
        check_market(code)
    assert {code: MINOR_DIGITS[code] for code in ("KRW", "JPY", "USD", "EUR", "KWD")} == {
        "KRW": 0,
        "JPY": 0,
        "USD": 2,
        "EUR": 2,
        "KWD": 3,
    }


@pytest.mark.parametrize("price", [0, -1, 10**15 + 1])
def test_a_price_in_minor_units_is_above_zero_and_bounded(price: int) -> None:
    with pytest.raises(InvalidPrice):
        check_price(price)
