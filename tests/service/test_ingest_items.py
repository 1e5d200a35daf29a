"""Items and feeds in ingest: what cannot be is refused by name, what can is applied once."""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_builders import (
    CATALOGUE,
    MINA,
    STRANGER,
    Ingest,
    an_ingest,
    an_item,
    an_offer,
)
from picture_builders import a_picture

from nungil.api.ingest.v1 import events_pb2
from nungil.event_log import topics
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Name
from services.ingest.core import Caller
from services.ingest.errors import NoSuchImport, NoSuchItem, UnreadableFeed
from services.ingest.feed import Progress, Refused
from services.ingest.formats.reading import read_feed
from services.ingest.handlers.imports import BATCH_ROWS

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[3] / "shared" / "data")
HEADER = "id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock\n"


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        yield ingest


@pytest.fixture
def picture(ingest: Ingest) -> str:
    return ingest.put(purpose=CATALOGUE).media.media_id


def a_row(image: str, item_id: str = "i-1", **rest: str) -> str:
    """A row of a feed, right unless said otherwise."""
    fields = {
        "id": item_id,
        "image": image,
        "title_en": "chair",
        "title_ko": "의자",
        "brand": "",
        "category": "home/chair",
        "shop": "Haneul Mart",
        "url": "https://shop.example/chair",
        "market": "KR",
        "currency": "KRW",
        "price": "12900",
        "in_stock": "yes",
    } | rest
    return ",".join(fields.values()) + "\n"


def imported(ingest: Ingest, text: str | bytes, caller: Caller = MINA) -> tuple[Progress, list[Refused]]:
    """The import of this feed when it is done."""
    data = text if isinstance(text, bytes) else text.encode()
    begun, _ = ingest.imports.start(caller, data)
    ingest.run_imports()
    return ingest.imports.get(caller, begun.import_id)


def item_events(ingest: Ingest) -> list[events_pb2.ItemChanged]:
    return [
        events_pb2.ItemChanged.FromString(value or b"")
        for topic, _, value in ingest.outbox()
        if topic == topics.ITEM_CHANGED
    ]


def test_an_item_is_kept_whole_and_published_in_one_transaction(ingest: Ingest, picture: str) -> None:
    second = ingest.put(purpose=CATALOGUE, data=a_picture(seed=2)).media.media_id
    offers = (an_offer(), an_offer(market="US", currency="USD", price_minor=1290, in_stock=False))
    put = ingest.items.put(MINA, an_item(media_ids=[picture, second], offers=offers))
    assert ingest.items.get(MINA, "i-1") == put
    assert put.media_ids == (picture, second)
    assert [(offer.market, offer.price_minor) for offer in put.offers] == [("KR", 12900), ("US", 1290)]
    assert len({offer.offer_id for offer in put.offers}) == 2
    assert all(offer.checked_at_ms == ingest.clock() for offer in put.offers)
    [event] = item_events(ingest)
    assert (event.tenant, event.item.item_id, event.item.offers[1].currency) == ("acme", "i-1", "USD")


def test_an_item_put_again_replaces_the_one_before(ingest: Ingest, picture: str) -> None:
    ingest.items.put(MINA, an_item(media_ids=[picture], offers=(an_offer(), an_offer(shop="Other"))))
    put = ingest.items.put(MINA, an_item(media_ids=[picture], title=Name(ko="", en="stool"), offers=()))
    assert ingest.items.get(MINA, "i-1") == put
    assert put.offers == ()


def test_an_offer_without_an_id_keeps_the_same_one(ingest: Ingest, picture: str) -> None:
    first = ingest.items.put(MINA, an_item(media_ids=[picture]))
    again = ingest.items.put(MINA, an_item(media_ids=[picture], offers=(an_offer(price_minor=9900),)))
    assert first.offers[0].offer_id == again.offers[0].offer_id


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"item_id": ""}, "item id is missing"),
        ({"item_id": "a/b"}, "'/'"),
        ({"item_id": "x" * 201}, "201 characters"),
        ({"media_ids": ()}, "no picture"),
        ({"title": Name(ko="", en="")}, "no title"),
        ({"title": Name(ko="의\0자", en="")}, "control characters"),
        ({"offers": (an_offer(price_minor=0),)}, "offer 1: the price 0 is not above zero"),
        ({"offers": (an_offer(), an_offer(shop="b", price_minor=-3))}, "offer 2: the price -3"),
        ({"offers": (an_offer(currency="WON"),)}, "currency 'WON'"),
        ({"offers": (an_offer(currency="krw"),)}, "currency 'krw'"),
        ({"offers": (an_offer(market="UK"),)}, "market 'UK'"),
        ({"offers": (an_offer(url="javascript:alert(1)"),)}, "web address"),
        ({"offers": (an_offer(shop=""),)}, "shop is missing"),
        ({"offers": (an_offer(), an_offer())}, "offer 2: a second offer"),
    ],
)
def test_an_item_that_cannot_be_is_refused_by_name(
    ingest: Ingest, picture: str, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(Rejected, match=says):
        ingest.items.put(MINA, an_item(**({"media_ids": [picture]} | wrong)))  # type: ignore[arg-type]
    assert item_events(ingest) == []


def test_an_items_pictures_must_be_of_its_tenants_catalogue(ingest: Ingest, picture: str) -> None:
    mine = ingest.put().media.media_id
    theirs = ingest.put(STRANGER, purpose=CATALOGUE).media.media_id
    gone = ingest.put(purpose=CATALOGUE, data=a_picture(seed=9)).media.media_id
    ingest.pictures.delete(MINA, gone)
    for media_id in (mine, theirs, gone, "unknown"):
        with pytest.raises(Rejected, match=f"no picture {media_id} in the catalogue"):
            ingest.items.put(MINA, an_item(media_ids=[picture, media_id]))
    with pytest.raises(NoSuchItem):
        ingest.items.get(MINA, "i-1")


def test_an_item_of_another_tenant_is_unknown(ingest: Ingest, picture: str) -> None:
    ingest.items.put(MINA, an_item(media_ids=[picture]))
    for look in (ingest.items.get, ingest.items.delete):
        with pytest.raises(NoSuchItem, match=r"^no item i-1$"):
            look(STRANGER, "i-1")


def test_a_deleted_item_leaves_a_tombstone_once(ingest: Ingest, picture: str) -> None:
    ingest.items.put(MINA, an_item(media_ids=[picture]))
    ingest.items.delete(MINA, "i-1")
    with pytest.raises(NoSuchItem):
        ingest.items.delete(MINA, "i-1")
    assert ingest.outbox()[-1] == (topics.ITEM_CHANGED, "acme/i-1", None)
    assert [value for topic, _, value in ingest.outbox() if topic == topics.ITEM_CHANGED].count(None) == 1


def test_the_rows_of_an_item_become_its_offers_wherever_they_stand(ingest: Ingest, picture: str) -> None:
    second = ingest.put(purpose=CATALOGUE, data=a_picture(seed=2)).media.media_id
    done, refused = imported(
        ingest,
        HEADER
        + a_row(picture, "i-1", price="12900")
        + a_row(picture, "i-2", price="500")
        + a_row(second, "i-1", market="US", currency="USD", price="12.90", in_stock="no"),
    )
    assert (done.done, done.rows, done.accepted, done.items_put, refused) == (True, 3, 3, 2, [])
    item = ingest.items.get(MINA, "i-1")
    assert item.media_ids == (picture, second)
    assert [(o.currency, o.price_minor, o.in_stock) for o in item.offers] == [
        ("KRW", 12900, True),
        ("USD", 1290, False),
    ]
    assert [event.item.item_id for event in item_events(ingest)] == ["i-1", "i-2"]


def test_a_wrong_row_is_reported_with_its_line_and_the_others_are_imported(ingest: Ingest, picture: str) -> None:
    rows = [
        (a_row("", "i-2"), "no image"),
        (a_row(picture, "i-3", currency="WON"), "currency 'WON' is unknown"),
        (a_row(picture, "i-4", price="-3"), "price -3 is not above zero"),
        (a_row(picture, "i-5", price="0"), "not above zero"),
        (a_row(picture, "i-6", price="12.5"), "1 decimals; KRW has 0"),
        (a_row(picture, "i-7", price="a lot"), "is no number"),
        (a_row(picture, "i-8", price='"1,200"'), "without separators"),
        (a_row(picture, "i-9", market="Korea"), "market 'Korea'"),
        (a_row(picture, "i-10", title_en="", title_ko=""), "no title"),
        (a_row(picture, "i-11", in_stock="maybe"), "write yes or no"),
        (a_row(picture, "i-12", url="shop.example"), "web address"),
        (a_row(picture, "", title_en="x"), "item id is missing"),
        (a_row("0190-unknown", "i-13"), "no picture 0190-unknown in the catalogue"),
        ("i-14,too,few\n", "more or fewer fields"),
        (a_row(picture, "i-1"), "a second offer"),
    ]
    done, refused = imported(ingest, HEADER + a_row(picture) + "".join(row for row, _ in rows) + a_row(picture, "i-99"))
    assert [row.line for row in refused] == list(range(3, 3 + len(rows)))
    for row, (_, says) in zip(refused, rows, strict=True):
        assert says in row.reason
    assert (done.rows, done.accepted, done.items_put) == (len(rows) + 2, 2, 2)
    assert {event.item.item_id for event in item_events(ingest)} == {"i-1", "i-99"}


def test_a_line_is_that_of_the_file_even_after_a_field_of_several_lines(ingest: Ingest, picture: str) -> None:
    feed = "\ufeff" + HEADER + "\n" + a_row(picture, title_en='"a\nchair"') + a_row("", "i-2") + a_row(picture, "i-3")
    done, refused = imported(ingest, feed.replace("\n", "\r\n"))
    assert [row.line for row in refused] == [3, 5]
    assert done.accepted == 1


@pytest.mark.parametrize(
    ("feed", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (HEADER.replace("price,", "").encode(), "lacks the column price"),
        (HEADER.replace("in_stock", "in_stock,id").encode(), "two columns"),
        ((HEADER + 'i-1,"never closed\n').encode(), "no CSV at line 2"),
    ],
)
def test_a_feed_that_cannot_be_read_is_refused_whole(ingest: Ingest, feed: bytes, says: str) -> None:
    with pytest.raises(UnreadableFeed, match=says):
        ingest.imports.start(MINA, feed)
    assert not ingest.imports.apply_next(threading.Event())


def test_the_same_feed_is_the_same_import_and_nothing_is_double(ingest: Ingest, picture: str) -> None:
    feed = HEADER + a_row(picture) + a_row("", "i-2")
    first = imported(ingest, feed)
    again = imported(ingest, feed)
    assert first == again
    assert len(item_events(ingest)) == 1


def test_an_import_is_its_tenants(ingest: Ingest, picture: str) -> None:
    feed = HEADER + a_row(picture)
    ours, _ = imported(ingest, feed)
    theirs, refused = imported(ingest, feed, STRANGER)
    assert ours.import_id != theirs.import_id
    assert "no picture" in refused[0].reason
    with pytest.raises(NoSuchImport):
        ingest.imports.get(STRANGER, ours.import_id)


def test_an_import_goes_on_where_it_was(ingest: Ingest, picture: str, tmp_path: Path) -> None:
    count = 2 * BATCH_ROWS + 30
    feed = HEADER + "".join(a_row(picture, f"i-{n}") for n in range(count)) + a_row("", "i-x")
    begun, _ = ingest.imports.start(MINA, feed.encode())
    ingest.imports.apply_next(_AfterOneBatch())
    assert ingest.imports.get(MINA, begun.import_id)[0].accepted == BATCH_ROWS
    with an_ingest(tmp_path) as restarted:
        restarted.run_imports()
        done, refused = restarted.imports.get(MINA, begun.import_id)
        assert (done.done, done.rows, done.accepted, done.items_put) == (True, count + 1, count, count)
        assert [row.line for row in refused] == [count + 2]
        published = [event.item.item_id for event in item_events(restarted)]
    assert published == [f"i-{n}" for n in range(count)]


def test_two_processes_on_one_import_apply_each_row_once(ingest: Ingest, picture: str, tmp_path: Path) -> None:
    count = 5 * BATCH_ROWS
    begun, _ = ingest.imports.start(MINA, (HEADER + "".join(a_row(picture, f"i-{n}") for n in range(count))).encode())
    with an_ingest(tmp_path) as other:
        threads = [threading.Thread(target=one.run_imports) for one in (ingest, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ingest.run_imports()
    done, _ = ingest.imports.get(MINA, begun.import_id)
    assert (done.done, done.accepted, done.items_put) == (True, count, count)
    assert len(item_events(ingest)) == count


@settings(deadline=None)
@given(st.one_of(st.binary(), st.text(alphabet='a,"\n\r\0 0é').map(lambda text: (HEADER + text).encode())))
def test_whatever_the_bytes_a_feed_is_read_or_refused(data: bytes) -> None:
    try:
        feed = read_feed(data)
    except UnreadableFeed:
        return
    lines = [row.line for item in feed.items for row in item] + [row.line for row in feed.refused]
    assert len(set(lines)) == len(lines)
    assert all(line > 1 for line in lines)


@pytest.mark.photos
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photographs at {PHOTOS}: set NUNGIL_PHOTOS")
def test_a_real_feed_is_imported_whole(ingest: Ingest) -> None:
    with (PHOTOS / "grocery" / "items.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ids: dict[str, str] = {}
    for row in rows:
        if row["image"] not in ids:
            data = (PHOTOS / "grocery" / row["image"]).read_bytes()
            ids[row["image"]] = ingest.put(purpose=CATALOGUE, data=data).media.media_id
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(row | {"image": ids[row["image"]]} for row in rows)
    done, refused = imported(ingest, text.getvalue())
    assert refused == []
    assert (done.rows, done.accepted, done.items_put) == (152, 152, 81)
    assert {offer.currency for event in item_events(ingest) for offer in event.item.offers} >= {"KRW"}


class _AfterOneBatch(threading.Event):
    """Set once it was asked: the process ends after its first batch."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = False

    def is_set(self) -> bool:
        asked, self._asked = self._asked, True
        return asked
