"""Feeds that follow each other: what one leaves out stays or goes as its terms say, and only news is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_builders import CATALOGUE, JUN, MINA, STRANGER, Ingest, an_ingest, an_item, an_offer
from picture_builders import a_picture

from nungil.api.ingest.v1 import events_pb2
from nungil.event_log import topics
from services.ingest.catalogue import CHECK_TOLD_MS
from services.ingest.errors import NoSuchItem, SuspiciousFeed
from services.ingest.feed import JSON_LINES, NAVER, Progress, Refused, Terms
from services.ingest.handlers.imports import BATCH_ROWS, FEW_OFFERS

PARTIAL = Terms(JSON_LINES)
FULL = Terms(JSON_LINES, full=True, shop="Mart")
FORCED = Terms(JSON_LINES, full=True, shop="Mart", force=True)
ADDRESS = "https://cdn.example/1.jpg"


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        yield ingest


@pytest.fixture
def picture(ingest: Ingest) -> str:
    return ingest.put(purpose=CATALOGUE).media.media_id


def a_line(image: object, item_id: str = "i-1", **rest: object) -> dict[str, object]:
    said: dict[str, object] = {
        "id": item_id,
        "image": image,
        "title_en": "chair",
        "shop": "Mart",
        "url": "https://shop.example/1",
        "market": "KR",
        "currency": "KRW",
        "price": 12900,
        "in_stock": True,
    }
    return said | rest


def imported(ingest: Ingest, *lines: object, terms: Terms = PARTIAL) -> tuple[Progress, list[Refused]]:
    """The import of these lines when it is done."""
    begun, _ = ingest.imports.start(MINA, "\n".join(json.dumps(line) for line in lines).encode(), terms)
    ingest.run_imports()
    return ingest.imports.get(MINA, begun.import_id)


def events(ingest: Ingest) -> list[tuple[str, list[tuple[str, int, bool]] | None]]:
    """Item and its offers (shop, price, stock) of each item.changed, None for a tombstone."""
    told: list[tuple[str, list[tuple[str, int, bool]] | None]] = []
    for topic, key, value in ingest.outbox():
        if topic == topics.ITEM_CHANGED:
            item = events_pb2.ItemChanged.FromString(value).item if value is not None else None
            offers = None if item is None else [(o.shop, o.price_minor, o.in_stock) for o in item.offers]
            told.append((key.partition("/")[2], offers))
    return told


def test_what_a_feed_says_again_is_told_once(ingest: Ingest, picture: str) -> None:
    lines = [a_line(picture, f"i-{n}") for n in range(3)]
    imported(ingest, *lines)
    ingest.clock.ms += 60_000
    done, _ = imported(ingest, *lines, a_line(picture, "i-3"))
    assert (done.accepted, done.items_put) == (4, 4)
    assert [item_id for item_id, _ in events(ingest)] == ["i-0", "i-1", "i-2", "i-3"]


@pytest.mark.parametrize("change", [{"price": 9900}, {"in_stock": False}, {"title_en": "stool"}, {"aliases": ["a"]}, {"expires_at": "2999-01-01"}, {"condition": "used"}])  # fmt: skip
def test_each_change_is_told(ingest: Ingest, picture: str, change: dict[str, object]) -> None:
    imported(ingest, a_line(picture))
    imported(ingest, a_line(picture, **change))
    assert len(events(ingest)) == 2


def test_that_nothing_changed_is_told_once_a_day(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture))
    ingest.clock.ms += CHECK_TOLD_MS - 1
    imported(ingest, a_line(picture))
    assert len(events(ingest)) == 1
    ingest.clock.ms += 1
    imported(ingest, a_line(picture))
    assert len(events(ingest)) == 2
    assert ingest.items.get(MINA, "i-1").offers[0].checked_at_ms == ingest.clock.ms


def test_the_same_feed_after_another_is_applied_again(ingest: Ingest, picture: str) -> None:
    for price in (100, 200, 100):
        imported(ingest, a_line(picture, price=price))
    assert [offers for _, offers in events(ingest)] == [[("Mart", price, True)] for price in (100, 200, 100)]


def test_an_item_put_again_as_it_is_tells_nothing(ingest: Ingest, picture: str) -> None:
    first = ingest.items.put(MINA, an_item(media_ids=[picture], aliases=("의자",)))
    ingest.clock.ms += 60_000
    assert ingest.items.put(MINA, an_item(media_ids=[picture], aliases=("의자",))) == first
    assert len(events(ingest)) == 1


def test_an_item_keeps_the_time_at_which_it_first_came(ingest: Ingest, picture: str) -> None:
    came_ms = ingest.clock.ms
    imported(ingest, a_line(picture))
    ingest.clock.ms += 5_000
    imported(ingest, a_line(picture, price=9900))
    assert ingest.items.put(MINA, an_item(media_ids=[picture])).created_at_ms == came_ms
    ingest.items.delete(MINA, "i-1")
    assert ingest.items.put(MINA, an_item(media_ids=[picture])).created_at_ms == ingest.clock.ms


def test_a_partial_feed_leaves_what_it_does_not_name(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture), a_line(picture, "i-2"))
    imported(ingest, a_line(picture, shop="Other", price=500))
    assert events(ingest)[-1] == ("i-1", [("Mart", 12900, True), ("Other", 500, True)])
    assert ingest.items.get(MINA, "i-2").offers


def test_aliases_stay_where_a_feed_says_nothing_of_them(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture, aliases=["의자", "걸상"]))
    imported(ingest, a_line(picture, price=1))
    assert ingest.items.get(MINA, "i-1").aliases == ("의자", "걸상")
    imported(ingest, a_line(picture, aliases=[]))
    assert ingest.items.get(MINA, "i-1").aliases == ()


def test_a_full_feed_retires_the_offers_of_its_shop_that_it_leaves_out(ingest: Ingest, picture: str) -> None:
    imported(
        ingest,
        a_line(picture, "kept"),
        a_line(picture, "shared"),
        a_line(picture, "shared", shop="Other"),
        a_line(picture, "gone"),
        a_line(picture, "others", shop="Other"),
    )
    ingest.clock.ms += 1_000
    before = len(events(ingest))
    done, refused = imported(ingest, a_line(picture, "kept"), terms=FULL)
    assert (done.done, done.retired, refused) == (True, 2, [])
    assert sorted(events(ingest)[before:], key=str) == [("gone", None), ("shared", [("Other", 12900, True)])]
    with pytest.raises(NoSuchItem):
        ingest.items.get(MINA, "gone")
    assert ingest.items.get(MINA, "others").offers


def test_another_market_of_the_same_item_is_left_out_too(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture), a_line(picture, market="US", currency="USD"))
    imported(ingest, a_line(picture), terms=FULL)
    assert [offer.market for offer in ingest.items.get(MINA, "i-1").offers] == ["KR"]


def test_a_full_feed_of_one_market_leaves_the_others_alone(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture), a_line(picture, market="US", currency="USD"), a_line(picture, "gone"))
    of_korea = Terms(JSON_LINES, full=True, shop="Mart", market="KR")
    assert imported(ingest, a_line(picture), terms=of_korea)[0].retired == 1
    assert [offer.market for offer in ingest.items.get(MINA, "i-1").offers] == ["KR", "US"]


def test_a_wrong_row_of_a_full_feed_retires_nothing_of_its_item(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture), a_line(picture, "i-2"), a_line(picture, "i-3"))
    done, refused = imported(
        ingest, a_line(picture), a_line(picture, "i-2", price="?"), a_line("unknown", "i-3"), terms=FULL
    )
    assert ([row.line for row in refused], done.retired) == ([2, 3], 0)
    assert ingest.items.get(MINA, "i-2").offers
    assert ingest.items.get(MINA, "i-3").offers


def test_a_full_feed_with_a_row_that_names_no_item_retires_nothing_unless_forced(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture), a_line(picture, "i-2"))
    with pytest.raises(SuspiciousFeed, match="line 2 names no item"):
        imported(ingest, a_line(picture), a_line(picture, ""), terms=FULL)
    done, refused = imported(ingest, a_line(picture), a_line(picture, ""), terms=FORCED)
    assert (done.retired, [row.line for row in refused]) == (1, [2])


def test_a_full_feed_that_is_suspiciously_small_is_refused_unless_forced(ingest: Ingest, picture: str) -> None:
    count = 2 * FEW_OFFERS + 4
    lines = [a_line(picture, f"i-{n:02}") for n in range(count)]
    imported(ingest, *lines)
    kept = lines[: FEW_OFFERS + 1]
    with pytest.raises(SuspiciousFeed, match=f"would retire {count - len(kept)} of the {count} offers of 'Mart'"):
        ingest.imports.start(MINA, "\n".join(map(json.dumps, kept)).encode(), FULL)
    assert not ingest.imports.apply_next(threading.Event())
    done, _ = imported(ingest, *kept, terms=FORCED)
    assert done.retired == count - len(kept)


def test_a_full_feed_in_which_no_row_is_right_retires_nothing(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture))
    with pytest.raises(SuspiciousFeed, match="would retire 1 of the 1"):
        imported(ingest, a_line(picture, "i-9", price="?"), terms=FULL)


def test_what_became_suspicious_while_a_full_feed_waited_is_said_when_it_is_done(ingest: Ingest, picture: str) -> None:
    lines = [a_line(picture, f"i-{n:02}") for n in range(2 * FEW_OFFERS)]
    ingest.imports.start(MINA, "\n".join(map(json.dumps, lines)).encode(), PARTIAL)
    ingest.clock.ms += 1
    done, refused = imported(ingest, lines[0], terms=FULL)
    assert (done.accepted, done.retired) == (1, 0)
    assert [(row.line, "nothing was retired" in row.reason) for row in refused] == [(0, True)]
    assert len({item_id for item_id, offers in events(ingest) if offers}) == len(lines)


def test_an_offer_that_came_after_a_full_feed_began_stays(ingest: Ingest, picture: str) -> None:
    imported(ingest, a_line(picture))
    begun, _ = ingest.imports.start(MINA, json.dumps(a_line(picture)).encode(), FULL)
    ingest.clock.ms += 1
    ingest.items.put(JUN, an_item("new", media_ids=[picture], offers=(an_offer(shop="Mart"),)))
    ingest.run_imports()
    assert ingest.imports.get(MINA, begun.import_id)[0].retired == 0
    assert ingest.items.get(MINA, "new").offers


def test_a_full_feed_is_its_tenants(ingest: Ingest, picture: str) -> None:
    theirs = ingest.put(STRANGER, purpose=CATALOGUE).media.media_id
    ingest.items.put(STRANGER, an_item(media_ids=[theirs], offers=(an_offer(shop="Mart"),)))
    imported(ingest, a_line(picture, "i-2"), terms=FULL)
    assert ingest.items.get(STRANGER, "i-1").offers


def test_retiring_goes_on_where_it_was(ingest: Ingest, picture: str, tmp_path: Path) -> None:
    count = 2 * BATCH_ROWS
    imported(ingest, *(a_line(picture, f"i-{n:03}") for n in range(count)), a_line(picture, "kept"))
    begun, _ = ingest.imports.start(MINA, json.dumps(a_line(picture, "kept")).encode(), FORCED)
    ingest.imports.apply_next(_After(2))  # the row, then one batch of what it leaves out
    assert ingest.imports.get(MINA, begun.import_id)[0].retired == BATCH_ROWS
    with an_ingest(tmp_path) as restarted:
        restarted.run_imports()
        done, refused = restarted.imports.get(MINA, begun.import_id)
        assert (done.done, done.rows, done.retired, refused) == (True, 1, count, [])
        assert [offers for _, offers in events(restarted)].count(None) == count


def test_a_picture_is_named_by_the_address_that_it_came_from(ingest: Ingest) -> None:
    _, refused = imported(ingest, a_line(ADDRESS))
    assert f"no picture of the catalogue came from {ADDRESS}" in refused[0].reason
    put = ingest.put(purpose=CATALOGUE, data=a_picture(seed=5), source_url=ADDRESS)
    imported(ingest, a_line([ADDRESS, "https://cdn.example/unknown.jpg", put.media.media_id]))
    assert ingest.items.get(MINA, "i-1").media_ids == (put.media.media_id,)


def test_an_address_means_the_picture_that_came_from_it_last_even_one_known_before(
    ingest: Ingest, picture: str
) -> None:
    ingest.put(purpose=CATALOGUE, data=a_picture(seed=5), source_url=ADDRESS)
    again = ingest.put(purpose=CATALOGUE, source_url=ADDRESS)
    assert (again.duplicate, again.media.media_id) == (True, picture)
    imported(ingest, a_line(ADDRESS))
    assert ingest.items.get(MINA, "i-1").media_ids == (picture,)


@pytest.mark.parametrize("whose", ["a person's", "a stranger's", "deleted"])
def test_an_address_of_no_picture_of_the_catalogue_is_unknown(ingest: Ingest, whose: str) -> None:
    if whose == "a person's":
        ingest.put(source_url=ADDRESS)
    elif whose == "a stranger's":
        ingest.put(STRANGER, purpose=CATALOGUE, source_url=ADDRESS)
    else:
        put = ingest.put(purpose=CATALOGUE, source_url=ADDRESS)
        ingest.pictures.delete(MINA, put.media.media_id)
    done, refused = imported(ingest, a_line(ADDRESS))
    assert (done.accepted, len(refused)) == (0, 1)


def test_naver_retires_an_offer_that_is_sold_out_and_has_no_price(ingest: Ingest) -> None:
    ingest.put(purpose=CATALOGUE, source_url=ADDRESS)
    header = "id\ttitle\tprice_pc\tlink\timage_link\tclass\n"
    for price, said_class in (("12900", "I"), ("12900", "D"), ("0", "D"), ("0", "D")):
        row = f"i-1\t의자\t{price}\thttps://shop.example/1\t{ADDRESS}\t{said_class}\n"
        ingest.imports.start(MINA, (header + row).encode(), Terms(NAVER, shop="Mart"))
        ingest.run_imports()
    assert events(ingest) == [("i-1", [("Mart", 12900, True)]), ("i-1", [("Mart", 12900, False)]), ("i-1", None)]


class _After(threading.Event):
    """Set once it was asked so often: the process ends then."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self._left = asked

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0
