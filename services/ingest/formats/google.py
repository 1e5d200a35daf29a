"""Google Merchant's product feed: tab-separated, or RSS 2.0 or Atom with the namespace g.

Source: Google's product data specification (support.google.com/merchants/answer/7052112).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from nungil.taxonomy.taxonomy import Name
from services.ingest.catalogue import NEW, REFURBISHED, USED, Offer, check_described, check_item_id, checked_offer
from services.ingest.errors import InvalidItem, UnreadableFeed
from services.ingest.feed import Refused, Row, Sale, Terms
from services.ingest.formats.fields import Fields, Record, has_hangul, price_of, rows_of, table, text_of, time_ms

NEEDED = ("id", "title", "link", "image_link", "availability", "price")
NAMESPACE = "http://base.google.com/ns/1.0"
_ATOM = "http://www.w3.org/2005/Atom"
_ENTRIES = ("item", f"{_ATOM} entry")
_DEEPEST = 32
_STOCK = {"in_stock": True, "out_of_stock": False, "preorder": False, "backorder": False}  # the last two: not now
_CONDITIONS = {"": 0, "new": NEW, "refurbished": REFURBISHED, "used": USED}


def read_google(data: bytes, terms: Terms) -> Iterator[Row | Refused]:
    """What begins with '<' is XML. Raises UnreadableFeed."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        records: Iterator[Record] = iter(_xml_records(data))
    else:
        records = table(text_of(data), needed=NEEDED, name_of=_column, delimiter="\t")
    return rows_of(records, lambda line, fields: _row(line, fields, terms))


def _column(name: str) -> str:
    """'Image link' and 'g:image_link' are 'image_link'."""
    return name.lower().removeprefix("g:").replace(" ", "_")


def _row(line: int, fields: Fields, terms: Terms) -> Row:
    for name in NEEDED:
        if not fields.get(name):
            raise InvalidItem(f"the {name} is missing")
    check_item_id(fields["id"])
    title = Name(ko=fields["title"], en="") if has_hangul(fields["title"]) else Name(ko="", en=fields["title"])
    brand, category = fields.get("brand", ""), fields.get("product_type") or fields.get("google_product_category", "")
    check_described(title, brand, category)
    availability = fields["availability"].lower().replace(" ", "_")
    if availability not in _STOCK:
        raise InvalidItem(f"availability is {fields['availability']!r}; those are {', '.join(_STOCK)}")
    condition = fields.get("condition", "").lower()
    if condition not in _CONDITIONS:
        raise InvalidItem(f"condition is {fields['condition']!r}; those are new, refurbished and used")
    price_minor, currency = price_of(fields["price"])
    expires = fields.get("expiration_date")
    offer = Offer(
        offer_id="",
        shop=terms.shop,
        url=fields["link"],
        market=terms.market,
        currency=currency,
        price_minor=price_minor,
        in_stock=_STOCK[availability],
        expires_at_ms=time_ms("expiration_date", expires) if expires else 0,
        condition=_CONDITIONS[condition],
    )
    more = [image.strip() for image in fields.get("additional_image_link", "").split(",")]
    images = (fields["image_link"], *filter(None, more))
    return Row(
        line,
        fields["id"],
        images,
        title,
        brand,
        category,
        checked_offer(offer, now_ms=0),
        sale=_sale(fields, currency),
    )


def _sale(fields: Fields, currency: str) -> Sale | None:
    if not fields.get("sale_price"):
        return None
    price_minor, sale_currency = price_of(fields["sale_price"])
    if sale_currency != currency:
        raise InvalidItem(f"sale_price is in {sale_currency}, price in {currency}")
    within = fields.get("sale_price_effective_date", "")
    if not within:
        return Sale(price_minor, 0, 2**63)
    since, slash, until = (part.strip() for part in within.partition("/"))
    if not slash:
        raise InvalidItem(f"sale_price_effective_date is {within!r}; write two times with / between")
    name = "sale_price_effective_date"
    begins = since if "T" in since else f"{since}T00:00"  # a date alone, here, is its beginning
    return Sale(price_minor, time_ms(name, begins), time_ms(name, until))


def _xml_records(data: bytes) -> list[Record]:
    reader = _Entries()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _no_doctype  # no entities of its own, hence none that grow or name files
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: an encoding that expat has not
        raise UnreadableFeed(f"the feed is no XML in UTF-8: {error}") from error
    if not reader.records:
        raise UnreadableFeed("the feed has no <item> (RSS) or <entry> (Atom)")
    return reader.records


def _no_doctype(*_: object) -> NoReturn:
    raise UnreadableFeed("the feed has a DOCTYPE, which a product feed needs not; entities of its own are refused")


@dataclass
class _Entries:
    """Collects the direct children of each entry: what lies deeper (a price of shipping) is another thing's.

    The line of a record is its number, for a whole feed may be one line.
    """

    records: list[Record] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    entry: dict[str, str] | None = None
    entry_depth: int = 0
    said: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > _DEEPEST:
            raise UnreadableFeed(f"the feed's XML lies more than {_DEEPEST} deep")
        if self.entry is None and name in _ENTRIES:
            self.entry, self.entry_depth = {}, len(self.path)
        elif self._is_field():
            self.said = [attributes["href"]] if name == f"{_ATOM} link" and "href" in attributes else []

    def text(self, text: str) -> None:
        if self._is_field():
            self.said.append(text)

    def end(self, name: str) -> None:
        if self.entry is not None and self._is_field():
            key = name.rpartition(" ")[2]
            ours = name == f"{NAMESPACE} {key}"
            told = "".join(self.said).strip()
            if key == "additional_image_link" and self.entry.get(key):
                told = f"{self.entry[key]},{told}"
            if told and (ours or key not in self.entry):
                self.entry[key] = told
        elif self.entry is not None and len(self.path) == self.entry_depth:
            self.records.append((len(self.records) + 1, self.entry))
            self.entry = None
        self.path.pop()

    def _is_field(self) -> bool:
        return self.entry is not None and len(self.path) == self.entry_depth + 1
