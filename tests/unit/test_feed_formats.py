"""Feeds of four formats, as rows: what each says of price, stock, condition and time, and what is refused with which reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.catalogue import ARTICLE, NEW, REFURBISHED, SERVICE, USED
from services.ingest.errors import UnfitTerms, UnreadableFeed
from services.ingest.feed import CSV, GOOGLE, JSON_LINES, NAVER, Feed, Row, Terms, checked_terms, item_of
from services.ingest.formats.reading import read_feed

SAMPLES = Path(__file__).resolve().parents[2] / "docs" / "samples"
OF_GOOGLE = Terms(GOOGLE, shop="Maru Living", market="KR")
OF_NAVER = Terms(NAVER, shop="Maru Living", market="KR")
OF_JSON = Terms(JSON_LINES)
RIGHT = {
    GOOGLE: {
        "id": "i-1",
        "title": "chair",
        "link": "https://shop.example/1",
        "image_link": "https://cdn.example/1.jpg",
        "availability": "in_stock",
        "price": "12900 KRW",
    },
    NAVER: {
        "id": "i-1",
        "title": "의자",
        "price_pc": "12900",
        "link": "https://shop.example/1",
        "image_link": "https://cdn.example/1.jpg",
    },
}
JSON_LINE = {
    "id": "i-1",
    "image": "m-1",
    "title_en": "chair",
    "shop": "Mart",
    "url": "https://shop.example/1",
    "market": "KR",
    "currency": "KRW",
    "price": 12900,
    "in_stock": True,
}


def table(terms: Terms, **fields: str) -> Feed:
    """A table of one row, right unless said otherwise."""
    said = RIGHT[terms.format] | fields
    return read_feed(("\t".join(said) + "\n" + "\t".join(said.values()) + "\n").encode(), terms)


def lines(*said: object, terms: Terms = OF_JSON) -> Feed:
    return read_feed("\n".join(json.dumps(one) for one in said).encode(), terms)


def the_row(feed: Feed) -> Row:
    assert feed.refused == ()
    [[row]] = feed.items
    return row


def the_reason(feed: Feed) -> str:
    assert feed.items == ()
    [refused] = feed.refused
    return refused.reason


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


def told(feed: Feed) -> list[tuple[str, int, bool, int]]:
    """Item, price, stock and condition of each row."""
    rows = [row for item in feed.items for row in item]
    return [(r.item_id, r.offer.price_minor, r.offer.in_stock, r.offer.condition) for r in rows]


@pytest.mark.parametrize(
    ("name", "terms", "expected"),
    [
        (
            "feed.csv",
            Terms(CSV),
            [("cup-1", 14900, True, NEW), ("cup-1", 1136, False, NEW), ("chair-7", 89000, True, USED)],
        ),
        (
            "feed.jsonl",
            OF_JSON,
            [("cup-1", 14900, True, NEW), ("cup-1", 1136, False, 0), ("chair-7", 89000, True, USED)],
        ),
        (
            "google.tsv",
            OF_GOOGLE,
            [("cup-1", 14900, True, NEW), ("chair-7", 89000, False, USED), ("lamp-3", 45000, False, 0)],
        ),
        ("google.xml", OF_GOOGLE, [("cup-1", 14900, True, NEW), ("chair-7", 89000, False, USED)]),
        (
            "naver-ep.tsv",
            OF_NAVER,
            [("cup-1", 14900, True, NEW), ("chair-7", 89000, False, USED), ("lamp-3", 1, False, 0)],
        ),
    ],
)
def test_the_samples_are_read_whole(name: str, terms: Terms, expected: list[tuple[str, int, bool, int]]) -> None:
    feed = read_feed((SAMPLES / name).read_bytes(), terms)
    assert feed.refused == ()
    assert told(feed) == expected


def test_rss_and_tab_separated_text_of_google_say_the_same() -> None:
    of_table, of_xml = (
        read_feed((SAMPLES / name).read_bytes(), OF_GOOGLE).items[0][0] for name in ("google.tsv", "google.xml")
    )
    assert (of_xml.title, of_xml.brand, of_xml.category, of_xml.offer) == (
        of_table.title,
        of_table.brand,
        of_table.category,
        of_table.offer,
    )
    assert of_xml.images == (*of_table.images, "https://cdn.maru.example/cup-1-top.jpg")


def test_a_price_of_shipping_is_not_the_price() -> None:
    feed = read_feed((SAMPLES / "google.xml").read_bytes(), OF_GOOGLE)
    assert feed.items[0][0].offer.price_minor == 14900


def test_an_atom_feed_of_google_is_read() -> None:
    entry = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>'
        '<entry><g:id>i-1</g:id><title>chair</title><link href="https://shop.example/1"/>'
        "<g:image_link>https://cdn.example/1.jpg</g:image_link><g:price>12.90 USD</g:price>"
        "<g:availability>in_stock</g:availability></entry></feed>"
    )
    row = the_row(read_feed(entry.encode(), OF_GOOGLE))
    assert (row.offer.url, row.offer.price_minor, row.offer.currency) == ("https://shop.example/1", 1290, "USD")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"price": "12900 KRW"}, (12900, "KRW")),
        ({"price": "12900.00 krw"}, (12900, "KRW")),
        ({"price": "12.9 USD"}, (1290, "USD")),
        ({"price": "12.900 BHD"}, (12900, "BHD")),
    ],
)
def test_prices_of_google_name_their_currency(fields: dict[str, str], expected: tuple[int, str]) -> None:
    offer = the_row(table(OF_GOOGLE, **fields)).offer
    assert (offer.price_minor, offer.currency) == expected


@pytest.mark.parametrize(
    ("availability", "in_stock"),
    [("in_stock", True), ("In Stock", True), ("out of stock", False), ("preorder", False), ("backorder", False)],
)
def test_availability_of_google_is_stock(availability: str, in_stock: bool) -> None:
    assert the_row(table(OF_GOOGLE, availability=availability)).offer.in_stock is in_stock


def test_a_title_of_google_is_korean_where_it_is_written_so() -> None:
    assert the_row(table(OF_GOOGLE, title="나무 의자 A")).title.ko == "나무 의자 A"
    assert the_row(table(OF_GOOGLE, title="wooden chair")).title.en == "wooden chair"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2030-01-31T18:00+0900", ms(2030, 1, 31, 9)),
        ("2030-01-31T18:00Z", ms(2030, 1, 31, 18)),
        ("2030-01-31", ms(2030, 2, 1) - 1),
    ],
)
def test_when_an_offer_ends_is_read_as_iso_8601(said: str, expected: int) -> None:
    assert the_row(table(OF_GOOGLE, expiration_date=said)).offer.expires_at_ms == expected
    assert the_row(lines(JSON_LINE | {"expires_at": said})).offer.expires_at_ms == expected


@pytest.mark.parametrize(
    ("within", "at", "price"),
    [
        ("", ms(2026, 1, 1), 9900),
        ("2026-03-01T00:00Z/2026-03-02T00:00Z", ms(2026, 3, 1) - 1, 12900),
        ("2026-03-01T00:00Z / 2026-03-02T00:00Z", ms(2026, 3, 1), 9900),
        ("2026-03-01/2026-03-02", ms(2026, 3, 2, 23), 9900),
        ("2026-03-01T00:00Z/2026-03-02T00:00Z", ms(2026, 3, 2), 12900),
    ],
)
def test_a_sale_holds_within_its_time(within: str, at: int, price: int) -> None:
    row = the_row(table(OF_GOOGLE, sale_price="9900 KRW", sale_price_effective_date=within))
    item = item_of([row], {row.images[0]: "m-1"}, None, now_ms=at)
    assert item is not None
    assert item.offers[0].price_minor == price


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": ""}, "id is missing"),
        ({"title": ""}, "title is missing"),
        ({"image_link": ""}, "image_link is missing"),
        ({"link": "shop.example"}, "no web address"),
        ({"link": "javascript:alert(1)"}, "no web address"),
        ({"price": "12900"}, "12900 KRW or 12.90 USD"),
        ({"price": "KRW 12900"}, "12900 KRW or 12.90 USD|unknown"),
        ({"price": "12,900 KRW"}, "without separators"),
        ({"price": "12.9 KRW"}, "1 decimals; KRW has 0"),
        ({"price": "-1 KRW"}, "not above zero"),
        ({"price": "1 ZZZ"}, "currency 'ZZZ' is unknown"),
        ({"availability": "maybe"}, "in_stock, out_of_stock, preorder, backorder"),
        ({"condition": "worn"}, "new, refurbished and used"),
        ({"expiration_date": "soon"}, "write a time as"),
        ({"expiration_date": "2030-13-01"}, "write a time as"),
        ({"sale_price": "9900 USD"}, "sale_price is in USD, price in KRW"),
        ({"sale_price": "9900 KRW", "sale_price_effective_date": "2026-03-01"}, "with / between"),
    ],
)
def test_a_wrong_row_of_google_says_what_is_wrong(fields: dict[str, str], says: str) -> None:
    reason = the_reason(table(OF_GOOGLE, **fields))
    assert any(one in reason for one in says.split("|")), reason


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("신상품", NEW),
        ("중고", USED),
        ("리퍼", REFURBISHED),
        ("전시", USED),
        ("반품", USED),
        ("스크래치", USED),
        ("", 0),
    ],
)
def test_conditions_of_naver_are_ours(condition: str, expected: int) -> None:
    assert the_row(table(OF_NAVER, condition=condition)).offer.condition == expected


@pytest.mark.parametrize("price", ["12900", "12,900", "12900원", "12,900원"])
def test_prices_of_naver_are_won(price: str) -> None:
    offer = the_row(table(OF_NAVER, price_pc=price)).offer
    assert (offer.price_minor, offer.currency) == (12900, "KRW")


def test_what_naver_calls_sold_out_stays_with_its_price_and_without_one_it_goes() -> None:
    stays, goes = the_row(table(OF_NAVER, **{"class": "D"})), the_row(table(OF_NAVER, price_pc="0", **{"class": "D"}))
    assert (stays.offer.in_stock, stays.retires) == (False, False)
    assert goes.retires


def test_columns_of_naver_may_be_named_in_korean() -> None:
    feed = "상품ID\t상품명\t상품가격\t상품URL\t이미지URL\t카테고리명(대분류)\t제조사\ni-1\t의자\t12900\thttps://s.example/1\thttps://c.example/1.jpg\t가구\t마루\n"
    row = the_row(read_feed(feed.encode(), OF_NAVER))
    assert (row.title.ko, row.offer.price_minor, row.category, row.brand) == ("의자", 12900, "가구", "마루")


def test_a_quotation_mark_of_naver_is_an_inch() -> None:
    assert the_row(table(OF_NAVER, title='"27" 모니터')).title.ko == '"27" 모니터'


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": ""}, "item id is missing"),
        ({"id": "a/b"}, "holds a '/'"),
        ({"title": ""}, "no title"),
        ({"image_link": ""}, "image_link is missing"),
        ({"link": ""}, "no web address"),
        ({"price_pc": "0"}, "not above zero"),
        ({"price_pc": ""}, "is no number"),
        ({"price_pc": "12.5"}, "KRW has 0"),
        ({"price_pc": "1,29,00"}, "without separators"),
        ({"condition": "좋음"}, "신상품, 리퍼, 중고"),
        ({"class": "X"}, "I, U and D"),
        ({"product_flag": "렌탈"}, "its price is not what one of the thing costs"),
    ],
)
def test_a_wrong_row_of_naver_says_what_is_wrong(fields: dict[str, str], says: str) -> None:
    assert says in the_reason(table(OF_NAVER, **fields))


def test_numbers_of_json_keep_every_digit() -> None:
    feed = '{"id":"i","image":"m","title_en":"a","shop":"s","url":"https://s.example","market":"US","currency":"USD","price":1234567890.10,"in_stock":1}'
    assert the_row(read_feed(feed.encode(), OF_JSON)).offer.price_minor == 123456789010


@pytest.mark.parametrize(
    ("stock", "expected"),
    [("품절", False), ("판매중", True), (False, False), ("out of stock", False), ("in_stock", True)],
)
def test_stock_may_be_said_in_korean(stock: object, expected: bool) -> None:
    assert the_row(lines(JSON_LINE | {"in_stock": stock})).offer.in_stock is expected


def test_aliases_are_a_list_or_a_text_with_bars_and_left_out_they_say_nothing() -> None:
    as_list = the_row(lines(JSON_LINE | {"aliases": ["나이키", "nike"]}))
    as_text = the_row(lines(JSON_LINE | {"aliases": "나이키| nike |"}))
    assert as_list.aliases == as_text.aliases == ("나이키", "nike")
    assert the_row(lines(JSON_LINE)).aliases is None
    assert the_row(lines(JSON_LINE | {"aliases": []})).aliases == ()


def test_a_row_may_say_what_the_item_is_and_left_out_it_says_nothing() -> None:
    assert the_row(lines(JSON_LINE | {"kind": "service"})).kind == SERVICE
    assert the_row(lines(JSON_LINE | {"kind": "Article"})).kind == ARTICLE
    assert the_row(lines(JSON_LINE)).kind is None


def test_a_feed_of_one_shop_need_not_repeat_shop_and_market() -> None:
    short = {key: value for key, value in JSON_LINE.items() if key not in ("shop", "market")}
    offer = the_row(lines(short, terms=Terms(JSON_LINES, shop="Mart", market="JP"))).offer
    assert (offer.shop, offer.market) == ("Mart", "JP")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ([1], "no JSON object"),
        (JSON_LINE | {"instock": True}, "'instock' is no field"),
        (JSON_LINE | {"id": None}, "id is missing"),
        (JSON_LINE | {"id": {"a": 1}}, "id is no text"),
        (JSON_LINE | {"image": ""}, "no image"),
        (JSON_LINE | {"image": []}, "no image"),
        (JSON_LINE | {"price": "a lot"}, "is no number"),
        (JSON_LINE | {"price": 0}, "not above zero"),
        (JSON_LINE | {"price": -5}, "not above zero"),
        (JSON_LINE | {"price": 1e3}, "is no number|decimals"),
        (JSON_LINE | {"price": float("nan")}, "no JSON"),
        (JSON_LINE | {"currency": "won"}, "currency 'won' is unknown"),
        (JSON_LINE | {"market": ""}, "market '' is unknown"),
        (JSON_LINE | {"in_stock": "soon"}, "write yes or no"),
        (JSON_LINE | {"condition": "worn"}, "new, refurbished, used"),
        (JSON_LINE | {"kind": "thing"}, "product, service, article"),
        (JSON_LINE | {"expires_at": "tomorrow"}, "write a time as"),
        (JSON_LINE | {"aliases": ["a", "a"]}, "each once"),
        (JSON_LINE | {"aliases": ["x" * 201]}, "201 characters"),
        (JSON_LINE | {"shop": ""}, "shop is missing"),
        (JSON_LINE | {"title_en": "a\u0000b"}, "control characters"),
    ],
)
def test_a_wrong_line_of_json_says_what_is_wrong(said: object, says: str) -> None:
    reason = the_reason(lines(said))
    assert any(one in reason for one in says.split("|")), reason


def test_a_wrong_line_keeps_its_number_and_the_rest_goes_on() -> None:
    text = "\n".join(["", json.dumps(JSON_LINE), "{", json.dumps(JSON_LINE | {"id": "i-2"}), json.dumps(JSON_LINE)])
    feed = read_feed(text.encode(), OF_JSON)
    assert [rows[0].item_id for rows in feed.items] == ["i-1", "i-2"]
    assert [(row.line, row.item_id) for row in feed.refused] == [(3, ""), (5, "i-1")]


BOMB = '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rss><channel><item><title>&b;</title></item></channel></rss>'
FILE = '<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&a;</title></item></channel></rss>'


@pytest.mark.parametrize(
    ("data", "terms", "says"),
    [
        (b"", OF_GOOGLE, "empty"),
        (b"id\ttitle\n", OF_GOOGLE, "lacks the column link, image_link, availability, price"),
        (b"\xff\xfe", OF_GOOGLE, "not UTF-8"),
        (BOMB.encode(), OF_GOOGLE, "DOCTYPE"),
        (FILE.encode(), OF_GOOGLE, "DOCTYPE"),
        (b"<rss><channel><item>", OF_GOOGLE, "no XML"),
        (b"<rss><channel/></rss>", OF_GOOGLE, "no <item>"),
        (b"<a>" * 40 + b"</a>" * 40, OF_GOOGLE, "deep"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", OF_GOOGLE, "no XML"),
        (b"", OF_NAVER, "empty"),
        (b"id\ttitle\tlink\timage_link\n", OF_NAVER, "lacks the column price_pc"),
        ("상품명\n".encode("cp949"), OF_NAVER, "not UTF-8"),
        (b"", OF_JSON, "empty"),
        (b"\xff", OF_JSON, "not UTF-8"),
    ],
)
def test_a_feed_that_cannot_be_read_is_refused_whole(data: bytes, terms: Terms, says: str) -> None:
    with pytest.raises(UnreadableFeed, match=says):
        read_feed(data, terms)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (Terms(9), "csv, jsonl, google or naver"),
        (Terms(GOOGLE, market="KR"), "names no shop"),
        (Terms(NAVER), "names no shop"),
        (Terms(GOOGLE, shop="a"), "names no market"),
        (Terms(CSV, full=True), "which with shop="),
    ],
)
def test_terms_that_a_feed_lacks_are_asked_for(terms: Terms, says: str) -> None:
    with pytest.raises(UnfitTerms, match=says):
        checked_terms(terms)


def test_a_feed_of_naver_is_for_korea_unless_said() -> None:
    assert checked_terms(Terms(NAVER, shop="a")).market == "KR"
    assert checked_terms(Terms(NAVER, shop="a", market="JP")).market == "JP"


def test_a_row_of_another_shop_is_refused() -> None:
    assert "of the shop 'Mart', the feed of 'Other'" in the_reason(
        lines(JSON_LINE, terms=Terms(JSON_LINES, shop="Other"))
    )


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([OF_GOOGLE, OF_NAVER, OF_JSON]),
    st.one_of(
        st.binary(),
        st.text(alphabet='<>/&;!item \n"'),
        st.text(alphabet='{}[]":,\nid0').map(str),
        st.text(alphabet="\t\r\n a1").map(lambda t: "\t".join(RIGHT[GOOGLE] | RIGHT[NAVER]) + "\n" + t),
    ),
)
def test_whatever_the_bytes_a_feed_is_read_or_refused(terms: Terms, data: bytes | str) -> None:
    try:
        feed = read_feed(data if isinstance(data, bytes) else data.encode("utf-8", "replace"), terms)
    except UnreadableFeed:
        return
    numbers = [row.line for item in feed.items for row in item] + [row.line for row in feed.refused]
    assert len(set(numbers)) == len(numbers)
