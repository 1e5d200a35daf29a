"""What every feed becomes, whatever its format: terms, rows, and items made of rows. Pure: the same bytes give the same rows,
so an import can go on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from nungil.api.ingest.v1 import ingest_pb2
from nungil.commerce import check_market
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import PRODUCT, Item, Offer, check_numbers, check_text, check_unique, checked_offer
from services.ingest.errors import InvalidItem, UnfitTerms

MAX_FEED_BYTES = 30_000_000
WHOLE_FEED = 0  # the line of what is said of the feed as a whole

CSV = int(ingest_pb2.FEED_FORMAT_CSV)
JSON_LINES = int(ingest_pb2.FEED_FORMAT_JSON_LINES)
GOOGLE = int(ingest_pb2.FEED_FORMAT_GOOGLE)
NAVER = int(ingest_pb2.FEED_FORMAT_NAVER)
_OF_ONE_SHOP = {GOOGLE: "Google's", NAVER: "Naver's"}


@dataclass(frozen=True, slots=True)
class Terms:
    """How a feed is to be taken. full: what `shop` offers, in `market` where one is said, and the feed does not name is
    retired; force: however much that is."""

    format: int = CSV
    full: bool = False
    force: bool = False
    shop: str = ""
    market: str = ""


OWN = Terms()


@dataclass(frozen=True, slots=True)
class Sale:
    """Another price for a while. until_ms: the first moment at which it is over."""

    price_minor: int
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Row:
    """One offer of one item, at a line of the file.

    images: ids of pictures, or addresses on the web that pictures of the catalogue came from; the first is needed.
    aliases, kind: None where the feed says nothing of them. retires: the shop offers it no more.
    """

    line: int
    item_id: str
    images: tuple[str, ...]
    title: Name
    brand: str
    category: str
    offer: Offer
    aliases: tuple[str, ...] | None = None
    kind: int | None = None
    sale: Sale | None = None
    retires: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be, and why. line: of the file, the header being line 1. item_id: which it names, where it names one."""

    line: int
    reason: str
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """items: the rows of each item together, in the order in which the items first appear."""

    items: tuple[tuple[Row, ...], ...]
    refused: tuple[Refused, ...]

    def leaves_out(self, offers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of `offers` (item id, offer id) that it does not name. A wrong row names every offer of its item."""
        named = {(row.item_id, row.offer.offer_id) for rows in self.items for row in rows}
        wrong = {row.item_id for row in self.refused}
        return [offer for offer in offers if offer not in named and offer[0] not in wrong]


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
    terms: Terms = OWN
    retired: int = 0


def import_id_of(tenant: str, data: bytes, terms: Terms) -> str:
    """The same bytes under the same terms from the same tenant are the same import."""
    told = json.dumps(asdict(replace(terms, force=False)), sort_keys=True, ensure_ascii=False)
    return "imp-" + hashlib.sha256(b"\0".join((tenant.encode(), told.encode(), data))).hexdigest()[:32]


def checked_terms(terms: Terms) -> Terms:
    """The terms with what was left out filled in. Raises UnfitTerms or UnknownMarket."""
    if terms.format not in (CSV, JSON_LINES, GOOGLE, NAVER):
        raise UnfitTerms("the format is none that we know: csv, jsonl, google or naver")
    check_text("shop", terms.shop)
    whose = _OF_ONE_SHOP.get(terms.format)
    if whose and not terms.shop:
        raise UnfitTerms(f"{whose} format names no shop: say whose feed it is with shop=…")
    if terms.full and not terms.shop:
        raise UnfitTerms("a full feed names all that one shop offers: say which with shop=…")
    if terms.format == NAVER and not terms.market:
        terms = replace(terms, market="KR")
    if terms.format == GOOGLE and not terms.market:
        raise UnfitTerms(
            "Google's format names no market: say where its offers can be delivered with market=…, as market=KR"
        )
    if terms.market:
        check_market(terms.market)
    return terms


def gathered(read: Iterable[Row | Refused], terms: Terms) -> Feed:
    """Rows of one item together. A row of another shop than the feed's, and a second one of the same offer, are refused."""
    items: dict[str, list[Row]] = {}
    refused: list[Refused] = []
    for row in read:
        if isinstance(row, Row):
            try:
                if terms.shop and row.offer.shop != terms.shop:
                    raise InvalidItem(f"the row is of the shop {row.offer.shop!r}, the feed of {terms.shop!r}")
                check_unique(row.offer, [other.offer for other in items.get(row.item_id, ())])
            except Rejected as error:
                row = Refused(row.line, str(error), row.item_id)
        if isinstance(row, Row):
            items.setdefault(row.item_id, []).append(row)
        else:
            refused.append(row)
    return Feed(tuple(map(tuple, items.values())), tuple(refused))


def item_of(rows: Sequence[Row], pictures: Mapping[str, str], before: Item | None, *, now_ms: int) -> Item | None:
    """The item that its rows (one at least) describe; None where they leave it no offer.

    Said of it is what its first row says; offers that no row names stay. pictures: image as the feed names it -> media id.
    Raises InvalidItem for too many pictures or offers.
    """
    first = rows[0]
    offers = {offer.offer_id: offer for offer in (before.offers if before else ())}
    for row in rows:
        if row.retires:
            offers.pop(row.offer.offer_id, None)
        else:
            offers[row.offer.offer_id] = _offer_of(row, now_ms)
    if not offers:
        return None
    if first.retires and before is not None:
        return replace(before, offers=tuple(offers.values()))
    images = [pictures[image] for row in rows for image in row.images if image in pictures]
    aliases = first.aliases if first.aliases is not None else before.aliases if before else ()
    kind = first.kind if first.kind is not None else before.kind if before else PRODUCT
    item = Item(
        first.item_id,
        tuple(dict.fromkeys(images)),
        first.title,
        first.brand,
        first.category,
        tuple(offers.values()),
        aliases=aliases,
        kind=kind,
    )
    check_numbers(item)
    return item


def _offer_of(row: Row, now_ms: int) -> Offer:
    offer = checked_offer(row.offer, now_ms=now_ms)
    if row.sale is not None and row.sale.from_ms <= now_ms < row.sale.until_ms:
        return replace(offer, price_minor=row.sale.price_minor)
    return offer
