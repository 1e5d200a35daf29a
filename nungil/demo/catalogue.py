"""The demo's catalogue as a shop would send it: pictures, and a feed of offers in Korea, the United States and Japan."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nungil.cli.importing import Progress
from nungil.demo.products import COLOURS, KINDS, SOLD_IN, Kind, picture_of

FEED = "items.csv"
_COLUMNS = [
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
]


@dataclass(frozen=True)
class _Shop:
    """won: how many won one unit of the currency is. every: carries each product whose number it divides."""

    name: str
    market: str
    currency: str
    won: float
    digits: int
    every: int


_SHOPS = (
    _Shop("Maru Living", "KR", "KRW", 1, 0, every=1),
    _Shop("Hanok Home", "KR", "KRW", 1.08, 0, every=3),
    _Shop("Bay & Cedar", "US", "USD", 1400, 2, every=2),
    _Shop("Kumo Zakka", "JP", "JPY", 9, 0, every=2),
)
_SOLD_OUT_EVERY = 5


def write_catalogue(folder: Path, progress: Progress) -> tuple[Path, int]:
    """Draws every product into `folder` and writes the feed there: its path, and its rows."""
    rows = 0
    with (folder / FEED).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        products = [(kind, colour) for kind in KINDS for colour in SOLD_IN]
        for number, (kind, colour) in enumerate(products, start=1):
            progress("drawing", number, len(products))
            name = f"{kind.id}-{colour}.jpg"
            picture_of(kind, colour).save(folder / name, quality=92)
            for row in _offers(kind, colour, name, number):
                writer.writerow(row)
                rows += 1
    return folder / FEED, rows


def _offers(kind: Kind, colour: str, picture: str, number: int) -> Iterator[dict[str, str]]:
    won = kind.price_won + 1000 * SOLD_IN.index(colour)
    for place, shop in enumerate(_SHOPS):
        if number % shop.every:
            continue
        yield {
            "id": f"demo-{kind.id}-{colour}",
            "image": picture,
            "title_en": f"{colour.capitalize()} {kind.word_en}",
            "title_ko": f"{COLOURS[colour][1]} {kind.word_ko}",
            "brand": kind.brand,
            "category": kind.category,
            "shop": shop.name,
            "url": f"https://shop.example/{kind.id}-{colour}",
            "market": shop.market,
            "currency": shop.currency,
            "price": f"{won / shop.won:.{shop.digits}f}"
            if shop.currency != "KRW"
            else f"{round(won * shop.won, -2):.0f}",
            "in_stock": "no" if (number + place) % _SOLD_OUT_EVERY == 0 else "yes",
        }
