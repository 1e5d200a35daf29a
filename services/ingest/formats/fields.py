"""What the formats share: tables of text with the lines of their rows, prices with their currency, times."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time

from nungil.commerce import MINOR_DIGITS, InvalidPrice, check_currency, parse_price
from nungil.runtime.errors import Rejected
from services.ingest.catalogue import LATEST_MS
from services.ingest.errors import InvalidItem, UnreadableFeed
from services.ingest.feed import Refused, Row

Fields = Mapping[str, str]
Record = tuple[int, Fields | None]
"""The line where a row begins, and its fields by name; None where it does not fit the header."""

_HANGUL = re.compile("[\uac00-\ud7a3\u3131-\u318e]")


def text_of(data: bytes) -> str:
    """Raises UnreadableFeed where it is no UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFeed(f"the feed is not UTF-8: byte {error.start} cannot be read") from error


def table(
    text: str, *, needed: Sequence[str], name_of: Callable[[str], str], delimiter: str = ",", quoted: bool = True
) -> Iterator[Record]:
    """The rows under the header. Raises UnreadableFeed where there is no table, or a needed column is missing."""
    lines = io.StringIO(text, newline="")
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=quoted)  # type: ignore[arg-type]  # an int
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableFeed(
                f"the feed is no {'CSV' if delimiter == ',' else 'table'} at line {line}: {error}"
            ) from error
        if cells is None:
            break
        if not cells:  # an empty line
            continue
        if header is None:
            header = _header([name_of(cell.strip()) for cell in cells], needed)
        else:
            stripped = [cell.strip() for cell in cells]
            yield line, dict(zip(header, stripped, strict=True)) if len(cells) == len(header) else None
    if header is None:
        raise UnreadableFeed(f"the feed is empty; its first line must name its columns: {', '.join(needed)}")


def _header(header: list[str], needed: Sequence[str]) -> list[str]:
    missing = [column for column in needed if column not in header]
    if missing:
        raise UnreadableFeed(
            f"the feed lacks the column {', '.join(missing)}; its first line must name at least {','.join(needed)}"
        )
    if len(set(header)) < len(header):
        raise UnreadableFeed("the feed has two columns of the same name")
    return header


def rows_of(records: Iterable[Record], row: Callable[[int, Fields], Row]) -> Iterator[Row | Refused]:
    """Each record as a row, or why it cannot be one."""
    for line, fields in records:
        if fields is None:
            yield Refused(line, "the row has more or fewer fields than the header")
            continue
        try:
            read: Row | Refused = row(line, fields)
        except Rejected as error:
            read = Refused(line, str(error), fields.get("id", ""))
        yield read


def price_of(text: str) -> tuple[int, str]:
    """'12900 KRW' or '12.90 USD' as minor units and currency. Raises InvalidPrice or UnknownCurrency."""
    found = re.fullmatch(r"(\S+)\s+([A-Za-z]{3})", text.strip())
    if found is None:
        raise InvalidPrice(f"the price {text!r} is none; write a number and its currency, as 12900 KRW or 12.90 USD")
    number, currency = found[1], found[2].upper()
    check_currency(currency)
    return parse_price(without_idle_zeros(number, MINOR_DIGITS[currency]), currency), currency


def without_idle_zeros(number: str, digits: int) -> str:
    """'12900.00' without what says nothing, where a currency has no such digits."""
    whole, point, fraction = number.partition(".")
    kept = fraction[:digits]
    return (f"{whole}.{kept}" if kept else whole) if point and fraction and not fraction[digits:].strip("0") else number


def time_ms(name: str, text: str) -> int:
    """An ISO 8601 time as milliseconds of UTC; a date alone is over when its day is, in UTC. Raises InvalidItem."""
    try:
        at = datetime.fromisoformat(text)
        if len(text) <= len("2026-01-31"):
            at = datetime.combine(at.date(), time.max)
        ms = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise InvalidItem(
            f"{name} is {text!r}; write a time as 2026-01-31T18:00+09:00, or a date as 2026-01-31"
        ) from error
    return min(ms, LATEST_MS)


def has_hangul(text: str) -> bool:
    """Whether any of it is written in Korean letters."""
    return _HANGUL.search(text) is not None
