"""Money and markets: the ISO codes that offers and filters may name, and prices as integers of the minor unit.

Currencies: ISO 4217, active ones in daily use, with their minor digits. Markets: ISO 3166-1 alpha-2.
"""

from __future__ import annotations

import re

from nungil.runtime.errors import Rejected

MAX_PRICE_MINOR = 10**15  # far above any price, far below what 64 bits hold

_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK
DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP
PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS: dict[str, int] = {
    code: digits for digits, codes in ((0, _NO_DIGITS), (2, _TWO_DIGITS), (3, _THREE_DIGITS)) for code in codes.split()
}

_MARKETS = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS YE YT ZA ZM ZW
"""
MARKETS = frozenset(_MARKETS.split())


class UnknownCurrency(Rejected):
    """No ISO 4217 code that we know."""


class UnknownMarket(Rejected):
    """No ISO 3166-1 alpha-2 code."""


class InvalidPrice(Rejected):
    """A price that cannot be."""


def check_currency(code: str) -> None:
    """Raises UnknownCurrency unless `code` is one of MINOR_DIGITS."""
    if code not in MINOR_DIGITS:
        raise UnknownCurrency(f"the currency {code!r} is unknown; use an ISO 4217 code such as KRW or USD")


def check_market(code: str) -> None:
    """Raises UnknownMarket unless `code` is one of MARKETS."""
    if code not in MARKETS:
        raise UnknownMarket(f"the market {code!r} is unknown; use an ISO 3166-1 alpha-2 code such as KR or US")


def check_price(price_minor: int) -> None:
    """Raises InvalidPrice unless 0 < price_minor <= MAX_PRICE_MINOR."""
    if price_minor <= 0:
        raise InvalidPrice(f"the price {price_minor} is not above zero")
    if price_minor > MAX_PRICE_MINOR:
        raise InvalidPrice(f"the price {price_minor} is beyond what we take")


def parse_price(text: str, currency: str) -> int:
    """A decimal in major units as an integer of minor ones: "12.90" USD is 1290, "12900" KRW is 12900.

    Raises InvalidPrice (no number, not above zero, more decimals than the currency has) and UnknownCurrency.
    """
    check_currency(currency)
    digits = MINOR_DIGITS[currency]
    found = re.fullmatch(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,15}))?", text)
    if found is None:
        raise InvalidPrice(
            f"the price {text!r} is no number; write it with a point and without separators, as 12900 or 12.90"
        )
    sign, whole, fraction = found[1], found[2], found[3] or ""
    if len(fraction) > digits:
        raise InvalidPrice(f"the price {text!r} has {len(fraction)} decimals; {currency} has {digits}")
    price_minor = int(sign + whole + fraction.ljust(digits, "0"))
    check_price(price_minor)
    return price_minor
