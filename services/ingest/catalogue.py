"""Items and offers, and what makes one that cannot be. Pure: whether the pictures exist is the handler's to ask."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nungil.api.ingest.v1 import items_pb2
from nungil.commerce import check_currency, check_market, check_price
from nungil.runtime.errors import Rejected
from nungil.taxonomy.taxonomy import Name
from services.ingest.core import check_web_address
from services.ingest.errors import InvalidItem

MAX_ID = 200
MAX_TEXT = 500
MAX_OFFERS = 500
MAX_PICTURES = 50
MAX_ALIASES = 50
CHECK_TOLD_MS = 86_400_000  # a check that says nothing new is told once a day
LATEST_MS = 253_402_300_799_000  # the last second of the year 9999

NEW = int(items_pb2.CONDITION_NEW)
REFURBISHED = int(items_pb2.CONDITION_REFURBISHED)
USED = int(items_pb2.CONDITION_USED)

PRODUCT = int(items_pb2.ITEM_KIND_PRODUCT)
SERVICE = int(items_pb2.ITEM_KIND_SERVICE)
ARTICLE = int(items_pb2.ITEM_KIND_ARTICLE)


@dataclass(frozen=True, slots=True)
class Offer:
    """Where an item can be bought.

    price_minor: in the currency's minor unit. checked_at_ms 0: now. expires_at_ms 0: never. condition: of
    nungil.api.ingest.v1, 0 where the shop does not say.
    """

    offer_id: str
    shop: str
    url: str
    market: str
    currency: str
    price_minor: int
    in_stock: bool
    checked_at_ms: int = 0
    expires_at_ms: int = 0
    condition: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that can be bought.

    media_ids: of the tenant's catalogue, the first is shown. created_at_ms: when it first came. aliases: other names of
    it or its brand, as people write them. kind: of nungil.api.ingest.v1.
    """

    item_id: str
    media_ids: tuple[str, ...]
    title: Name
    brand: str
    category: str
    offers: tuple[Offer, ...]
    created_at_ms: int = 0
    aliases: tuple[str, ...] = ()
    kind: int = PRODUCT


def checked_item(item: Item, *, now_ms: int) -> Item:
    """The item with what was left out filled in. Raises Rejected naming the field that cannot be."""
    check_item_id(item.item_id)
    check_described(item.title, item.brand, item.category)
    check_aliases(item.aliases)
    if item.kind not in (PRODUCT, SERVICE, ARTICLE):
        raise InvalidItem(f"the kind {item.kind} is none that we know")
    if not item.media_ids:
        raise InvalidItem("the item has no picture; give the id of at least one of the catalogue")
    if len(set(item.media_ids)) < len(item.media_ids):
        raise InvalidItem("an item has each of its pictures once")
    check_numbers(item)
    offers: list[Offer] = []
    for n, offer in enumerate(item.offers, start=1):
        try:
            offers.append(checked_offer(offer, now_ms=now_ms))
            check_unique(offers[-1], offers[:-1])
        except Rejected as error:
            raise type(error)(f"offer {n}: {error}") from error
    return replace(item, offers=tuple(offers))


def checked_offer(offer: Offer, *, now_ms: int) -> Offer:
    """As `checked_item`, for one offer."""
    check_text("shop", offer.shop, needed=True)
    check_web_address(offer.url)
    check_market(offer.market)
    check_currency(offer.currency)
    check_price(offer.price_minor)
    check_text("offer id", offer.offer_id, most=MAX_ID)
    if offer.checked_at_ms < 0:
        raise InvalidItem("checked_at_ms is before 1970")
    if not 0 <= offer.expires_at_ms <= LATEST_MS:
        raise InvalidItem("expires_at is before 1970 or after 9999")
    if offer.condition not in (0, NEW, REFURBISHED, USED):
        raise InvalidItem(f"the condition {offer.condition} is none that we know")
    return replace(
        offer,
        offer_id=offer.offer_id or offer_id_of(offer.shop, offer.market),
        checked_at_ms=offer.checked_at_ms or now_ms,
    )


def news(before: Item | None, item: Item, *, now_ms: int) -> Item | None:
    """What is to be kept and told of `item` where `before` is known: with the time at which it first came; None where
    nothing is new. That an offer was checked again is news once a day."""
    if before is None:
        return replace(item, created_at_ms=now_ms)
    item = replace(item, created_at_ms=before.created_at_ms)
    known = {offer.offer_id: offer.checked_at_ms for offer in before.offers}
    fresh = all(abs(offer.checked_at_ms - known.get(offer.offer_id, 0)) < CHECK_TOLD_MS for offer in item.offers)
    as_before = replace(
        item, offers=tuple(replace(offer, checked_at_ms=known.get(offer.offer_id, 0)) for offer in item.offers)
    )
    return None if fresh and as_before == before else item


def check_numbers(item: Item) -> None:
    """Raises InvalidItem where there are more pictures or offers than we take."""
    if len(item.media_ids) > MAX_PICTURES:
        raise InvalidItem(f"the item has {len(item.media_ids)} pictures; we take up to {MAX_PICTURES}")
    if len(item.offers) > MAX_OFFERS:
        raise InvalidItem(f"the item has {len(item.offers)} offers; we take up to {MAX_OFFERS}")


def check_aliases(aliases: Sequence[str]) -> None:
    """Raises InvalidItem for more than MAX_ALIASES, one twice, or one that cannot be."""
    if len(aliases) > MAX_ALIASES or len(set(aliases)) < len(aliases):
        raise InvalidItem(f"an item has up to {MAX_ALIASES} aliases, each once")
    for alias in aliases:
        check_text("alias", alias, needed=True, most=MAX_ID)


def check_unique(offer: Offer, others: Sequence[Offer]) -> None:
    """Raises InvalidItem where another offer of the item has the same id, which shop and market give where none is said."""
    if any(other.offer_id == offer.offer_id for other in others):
        raise InvalidItem(f"a second offer of {offer.shop!r} in {offer.market} with the same id; give each its own")


def offer_id_of(shop: str, market: str) -> str:
    """The id of an offer that came without one: the same shop and market give the same."""
    return "o-" + hashlib.sha256(f"{market}\0{shop}".encode()).hexdigest()[:16]


def check_item_id(item_id: str) -> None:
    """Raises InvalidItem for an id that is empty, long, or cannot stand in an address."""
    check_text("item id", item_id, needed=True, most=MAX_ID)
    if "/" in item_id or item_id != item_id.strip():
        raise InvalidItem(f"the item id {item_id!r} holds a '/' or begins or ends with a space")


def check_described(title: Name, brand: str, category: str) -> None:
    """Raises InvalidItem where no language has a title, or a text is too long."""
    if not (title.ko or title.en):
        raise InvalidItem("the item has no title; give one in Korean or English at least")
    for field, text in (("title", title.ko), ("title", title.en), ("brand", brand), ("category", category)):
        check_text(field, text)


def check_text(field: str, text: str, *, needed: bool = False, most: int = MAX_TEXT) -> None:
    """Raises InvalidItem for a text that is missing, too long, or holds control characters."""
    if needed and not text.strip():
        raise InvalidItem(f"the {field} is missing")
    if len(text) > most:
        raise InvalidItem(f"the {field} has {len(text)} characters; at most {most}")
    if any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text):
        raise InvalidItem(f"the {field} holds control characters")
