"""A feed of any format, read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from services.ingest.feed import CSV, GOOGLE, JSON_LINES, NAVER, OWN, Feed, Refused, Row, Terms, gathered
from services.ingest.formats.google import read_google
from services.ingest.formats.naver import read_naver
from services.ingest.formats.own import read_csv, read_json_lines

_READERS: Mapping[int, Callable[[bytes, Terms], Iterator[Row | Refused]]] = {
    CSV: read_csv,
    JSON_LINES: read_json_lines,
    GOOGLE: read_google,
    NAVER: read_naver,
}


def read_feed(data: bytes, terms: Terms = OWN) -> Feed:
    """Raises UnreadableFeed where no row can be trusted: no UTF-8, no table, a column missing, no XML."""
    return gathered(_READERS[terms.format](data, terms), terms)
