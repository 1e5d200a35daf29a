"""A feed's bytes to rows, and rows to items. Pure: the same bytes give the same rows, so an import can go on where it was."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nungil.commerce import check_market, parse_price
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import Item, Offer, check_described, check_item_id, check_unique, checked_offer
from services.ingest.errors import InvalidItem, UnreadableFeed

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
MAX_FEED_BYTES = 30_000_000
_STOCK = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One offer of one item, at a line of the file."""

    line: int
    item_id: str
    media_id: str
    title: Name
    brand: str
    category: str
    offer: Offer


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be, and why. line: of the file, the header being line 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Feed:
    """items: the rows of each item together, in the order in which the items first appear."""

    items: tuple[tuple[Row, ...], ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. items_read: items of the feed that were applied or refused, in its order."""

    tenant: str
    import_id: str
    items_read: int
    rows: int
    accepted: int
    items_put: int
    done: bool


def import_id_of(tenant: str, data: bytes) -> str:
    """The same bytes from the same tenant are the same import."""
    return "imp-" + hashlib.sha256(tenant.encode() + b"\0" + data).hexdigest()[:32]


def read_feed(data: bytes) -> Feed:
    """Raises UnreadableFeed where no row can be trusted: no UTF-8, no CSV, a column missing."""
    items: dict[str, list[Row]] = {}
    refused: list[Refused] = []
    for line, fields in _records(data):
        try:
            row = _row(line, fields)
            check_unique(row.offer, [other.offer for other in items.get(row.item_id, ())])
        except Rejected as error:
            refused.append(Refused(line, str(error)))
        else:
            items.setdefault(row.item_id, []).append(row)
    return Feed(tuple(map(tuple, items.values())), tuple(refused))


def item_of(rows: Sequence[Row], *, now_ms: int) -> Item:
    """The item that its rows (one at least) describe: said of it is what its first row says."""
    first = rows[0]
    return Item(
        first.item_id,
        tuple(dict.fromkeys(row.media_id for row in rows)),
        first.title,
        first.brand,
        first.category,
        tuple(checked_offer(row.offer, now_ms=now_ms) for row in rows),
    )


def _records(data: bytes) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Each row as column -> text, with the line where it begins; None where it does not fit the header."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFeed(f"the feed is not UTF-8: byte {error.start} cannot be read") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise UnreadableFeed(f"the feed is no CSV at line {line}: {error}") from error
        if fields is None:
            break
        if not fields:  # an empty line
            continue
        if header is None:
            header = _header(fields)
        else:
            stripped = [field.strip() for field in fields]
            yield line, dict(zip(header, stripped, strict=True)) if len(fields) == len(header) else None
    if header is None:
        raise UnreadableFeed(f"the feed is empty; its first line must be {','.join(COLUMNS)}")


def _header(fields: Sequence[str]) -> list[str]:
    header = [field.strip().lower() for field in fields]
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UnreadableFeed(
            f"the feed lacks the column {', '.join(missing)}; its first line must be {','.join(COLUMNS)}"
        )
    if len(set(header)) < len(header):
        raise UnreadableFeed("the feed has two columns of the same name")
    return header


def _row(line: int, fields: dict[str, str] | None) -> Row:
    if fields is None:
        raise InvalidItem("the row has more or fewer fields than the header")
    if not fields["image"]:
        raise InvalidItem("the row has no image")
    title = Name(ko=fields["title_ko"], en=fields["title_en"])
    check_item_id(fields["id"])
    check_described(title, fields["brand"], fields["category"])
    check_market(fields["market"])
    if fields["in_stock"].lower() not in _STOCK:
        raise InvalidItem(f"in_stock is {fields['in_stock']!r}; write yes or no")
    offer = Offer(
        offer_id="",
        shop=fields["shop"],
        url=fields["url"],
        market=fields["market"],
        currency=fields["currency"],
        price_minor=parse_price(fields["price"], fields["currency"]),
        in_stock=_STOCK[fields["in_stock"].lower()],
    )
    offer = checked_offer(offer, now_ms=0)  # the time is said when the row is applied
    return Row(line, fields["id"], fields["image"], title, fields["brand"], fields["category"], offer)
