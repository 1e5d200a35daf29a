"""What a search speaks of, and its rules: what a query may be, which row stands for an item, where a page begins. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from nungil.commerce import check_currency, check_market
from nungil.pictures.boxes import Box
from nungil.vector_index.port import CATALOGUE, Match
from services.search.errors import InvalidQuery

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class TagKind(Enum):
    """What a tag says of a result."""

    LABEL = 1  # id of the taxonomy: a label, or an interest, which stands for all its labels
    COLOUR = 2  # id of the taxonomy
    CATEGORY = 3  # as the feed has it, like the two below
    SHOP = 4
    BRAND = 5


class Sort(Enum):
    """What comes first."""

    LIKENESS = 0
    PRICE = 1  # the cheapest offer that passes, within the currency of the filters
    NEWEST = 2


OF_PICTURES = (TagKind.LABEL, TagKind.COLOUR)  # what a picture has that is no item's


@dataclass(frozen=True, slots=True)
class Tag:
    """Something that results have in common."""

    kind: TagKind
    id: str


@dataclass(frozen=True, slots=True)
class Named:
    """A label or colour that a word named. An item whose title says the word passes too, as a carton says orange and shows none.

    words: of titles, as `titles` keeps them.
    """

    tag: Tag
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold; those on offers for one and the same offer. max_price_minor 0: no bound."""

    market: str = ""
    in_stock: bool = False
    min_price_minor: int = 0
    max_price_minor: int = 0
    currency: str = ""
    shop: str = ""
    category: str = ""
    items_only: bool = False
    kinds: tuple[int, ...] = ()  # of nungil.api.ingest.v1, one of these

    @property
    def of_offers(self) -> bool:
        """Whether an offer must hold."""
        return bool(self.market or self.in_stock or self.currency or self.shop)

    @property
    def of_items(self) -> bool:
        """Whether only pictures of items can pass."""
        return bool(self.of_offers or self.category or self.items_only or self.kinds)


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer as item.changed brought it."""

    offer_id: str
    shop: str
    url: str
    market: str
    currency: str
    price_minor: int
    in_stock: bool
    checked_at_ms: int
    expires_at_ms: int = 0  # not shown from then on; 0: never
    condition: int = 0  # of nungil.api.ingest.v1; 0: the shop does not say


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item with its pictures in order, the first being shown."""

    tenant: str
    item_id: str
    title_ko: str
    title_en: str
    brand: str
    category: str
    media_ids: tuple[str, ...]
    offers: tuple[OfferRow, ...]
    created_at_ms: int = 0  # when it first came
    aliases: tuple[str, ...] = ()  # other names of it or its brand, as people write them
    kind: int = 1  # of nungil.api.ingest.v1; a product unless said


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of a result, however much it looks like the question."""

    tenant: str
    person_id: str = ""  # empty: nobody in particular
    filters: Filters = field(default_factory=Filters)
    narrow: tuple[Tag, ...] = ()  # all of these
    exclude: tuple[Tag, ...] = ()  # none of these
    items: frozenset[str] | None = None  # only these items: what words chose; None: no words did
    named: tuple[Named, ...] = ()  # all of these
    without_items: frozenset[str] = frozenset()  # none of these; then `filters` are of items

    @property
    def of_items(self) -> bool:
        """Whether only items can pass."""
        return (
            self.filters.of_items or self.items is not None or any(tag.kind not in OF_PICTURES for tag in self.narrow)
        )

    @property
    def selective(self) -> bool:
        """Whether there is anything, beside whose pictures they are, that a result might not pass."""
        return self.of_items or bool(self.narrow or self.exclude or self.named)

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose pictures the caller may see."""
        return (CATALOGUE, self.person_id) if self.person_id else (CATALOGUE,)


@dataclass(frozen=True, slots=True)
class CropQuery:
    """A question: what looks like this part of this picture? part: a box, the n of a region, or None for the whole."""

    tenant: str
    person_id: str  # empty: nobody in particular
    media_id: str
    part: Box | int | None = None
    filters: Filters = field(default_factory=Filters)
    limit: int = DEFAULT_LIMIT
    cursor: str = ""
    record: bool = False
    event_id: str = ""  # of what is recorded; empty: a new one
    text: str = ""  # words, not read yet
    narrow: tuple[Tag, ...] = ()
    exclude: tuple[Tag, ...] = ()
    items: frozenset[str] | None = None  # that words chose
    named: tuple[Named, ...] = ()
    want_chips: bool = False
    sort: Sort = Sort.LIKENESS

    @property
    def conditions(self) -> Conditions:
        chosen = (self.narrow, self.exclude, self.items, self.named)
        return Conditions(self.tenant, self.person_id, self.filters, *chosen)


@dataclass(frozen=True, slots=True)
class Found:
    """The best row of an item, or of a picture that is no item's (item_id None)."""

    match: Match
    item_id: str | None

    @property
    def what(self) -> tuple[str, str]:
        """What it stands for."""
        return ("picture", self.match.media_id) if self.item_id is None else ("item", self.item_id)


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Results, best first. partial: more pass than could be looked at, and some that are missing may be better than some here."""

    found: Sequence[Found]
    partial: bool = False


def checked_filters(filters: Filters) -> Filters:
    """The same. Raises InvalidQuery, UnknownMarket or UnknownCurrency where no offer could ever pass."""
    if filters.market:
        check_market(filters.market)
    if filters.currency:
        check_currency(filters.currency)
    elif filters.min_price_minor or filters.max_price_minor:
        raise InvalidQuery("a price without a currency says nothing: give `currency` too, for example KRW")
    if filters.min_price_minor < 0 or filters.max_price_minor < 0:
        raise InvalidQuery("a price cannot be below 0")
    if 0 < filters.max_price_minor < filters.min_price_minor:
        raise InvalidQuery(f"no price is from {filters.min_price_minor} to {filters.max_price_minor}")
    return filters


def checked_limit(limit: int) -> int:
    """0 means 20. Raises InvalidQuery outside 0 to 100."""
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidQuery(f"limit is {limit}; it must be 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}")
    return limit or DEFAULT_LIMIT


def standing_for(matches: Iterable[Match], stands: Mapping[str, Sequence[str]]) -> list[Found]:
    """Of each item, and of each picture that is no item's, the best row; in the order of `matches`.

    stands: media id -> the items that it stands for, none where it stands for itself. What is not there does not pass.
    """
    seen: set[tuple[str, str]] = set()
    found: list[Found] = []
    for match in matches:
        items = stands.get(match.media_id)
        if items is None:
            continue
        for item_id in items or (None,):
            result = Found(match, item_id)
            if result.what not in seen:
                seen.add(result.what)
                found.append(result)
    return found


def merged(one: Sequence[Found], other: Sequence[Found]) -> list[Found]:
    """Both as one list, best first, of each item or picture the better row."""
    if not one or not other:
        return [*one, *other]
    best: dict[tuple[str, str], Found] = {}
    for found in sorted((*one, *other), key=lambda found: (-found.match.score, found.match.id, found.item_id or "")):
        best.setdefault(found.what, found)
    return list(best.values())


def cursor_of(query: CropQuery, offset: int) -> str:
    """Where the next page of this query begins, for its caller to hand back."""
    return base64.urlsafe_b64encode(json.dumps([_fingerprint(query), offset]).encode()).decode()


def offset_of(query: CropQuery) -> int:
    """Where the page asked for begins. Raises InvalidQuery for a cursor that this query did not give."""
    if not query.cursor:
        return 0
    try:
        fingerprint, offset = json.loads(base64.b64decode(query.cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        fingerprint, offset = None, None
    if fingerprint != _fingerprint(query) or type(offset) is not int or offset < 1:
        raise InvalidQuery("the cursor is not one of this query: search again without it")
    return offset


def _fingerprint(query: CropQuery) -> str:
    """Of all that decides which hits there are and in which order; the size of a page does not."""
    conditions = (query.filters, query.text, query.narrow, query.exclude, query.sort)
    asked = repr((query.tenant, query.person_id, query.media_id, query.part, *conditions))
    return hashlib.sha256(asked.encode()).hexdigest()[:16]
