"""Feeds as the command reads them: which files their rows name, and the feed with ids in their place. The API reads the rest."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nungil.cli.errors import CommandFailed

FORMATS = ("csv", "jsonl", "google", "naver")
_OF_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xml": "google"}
_NO_FILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|https?://.*", re.DOTALL)
_OWN = ("csv", "jsonl")


@dataclass(frozen=True)
class Terms:
    """How a feed is to be taken, as POST /v1/imports has it."""

    format: str = "csv"
    full: bool = False
    force: bool = False
    shop: str | None = None
    market: str | None = None

    def as_parameters(self) -> dict[str, str]:
        """Those that are said."""
        said = {"format": self.format, "shop": self.shop, "market": self.market}
        said |= {"mode": "full" if self.full else None, "force": "true" if self.force else None}
        return {name: value for name, value in said.items() if value is not None}


OWN_CSV = Terms()


class Feed(Protocol):
    """A feed of any format. Lines keep their numbers."""

    def files(self) -> list[str]:
        """The files that rows name as pictures, each once: neither ids nor addresses."""

    def image_by_line(self) -> list[tuple[int, str]]:
        """(line, picture) of each row that names one."""

    def with_ids(self, ids: Mapping[str, str]) -> bytes:
        """The feed with ids in place of files; empty where there is none."""

    def count(self) -> int:
        """About how many rows there are."""


@dataclass(frozen=True)
class CsvFeed:
    """lines: (line of the file where the row begins, its cells), the header left out; blank lines are kept."""

    header: list[str]
    lines: list[tuple[int, list[str]]]

    def files(self) -> list[str]:
        return _files(self.image_by_line())

    def image_by_line(self) -> list[tuple[int, str]]:
        at = self.header.index("image")
        return [(line, cells[at].strip()) for line, cells in self.lines if len(cells) > at and cells[at].strip()]

    def with_ids(self, ids: Mapping[str, str]) -> bytes:
        at = self.header.index("image")
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.header)
        for _, cells in self.lines:
            if len(cells) > at:
                cells = [*cells[:at], _id_of(cells[at].strip(), ids), *cells[at + 1 :]]
            writer.writerow(cells)
        return out.getvalue().encode()

    def count(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class JsonLinesFeed:
    """lines: as they stand; parsed where they are objects. What is none goes on as it is, for the API to refuse."""

    lines: list[tuple[str, dict[str, Any] | None]]

    def files(self) -> list[str]:
        return _files(self.image_by_line())

    def image_by_line(self) -> list[tuple[int, str]]:
        return [
            (number, image.strip())
            for number, (_, said) in enumerate(self.lines, start=1)
            for image in _images(said)
            if image.strip()
        ]

    def with_ids(self, ids: Mapping[str, str]) -> bytes:
        return "\n".join(self._line(line, said, ids) for line, said in self.lines).encode()

    def _line(self, line: str, said: dict[str, Any] | None, ids: Mapping[str, str]) -> str:
        images = _images(said)
        if said is None or all(_NO_FILE.fullmatch(image) for image in images):
            return line
        given = [_id_of(image.strip(), ids) for image in images]
        return json.dumps({**said, "image": given if isinstance(said["image"], list) else given[0]}, ensure_ascii=False)

    def count(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class OthersFeed:
    """A feed of another's format, which names pictures by their addresses on the web. It goes as it is."""

    data: bytes

    def files(self) -> list[str]:
        return []

    def image_by_line(self) -> list[tuple[int, str]]:
        return []

    def with_ids(self, ids: Mapping[str, str]) -> bytes:
        return self.data

    def count(self) -> int:
        return self.data.count(b"\n")


def format_of(path: Path, said: str | None) -> str:
    """What is said, else what the name's end says. Raises CommandFailed where neither does."""
    found = said or _OF_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise CommandFailed(f"{path.name} may be of several formats: say which with --format {', '.join(FORMATS)}")
    return found


def read_feed(path: Path, format_: str = "csv") -> Feed:
    """Raises CommandFailed where one of our own formats is not in UTF-8, or a CSV has no column `image`."""
    if format_ not in _OWN:
        return OthersFeed(path.read_bytes())
    try:
        text = path.read_text("utf-8-sig") if format_ == "csv" else path.read_bytes().decode("utf-8-sig")
        return (
            _csv_feed(path, text)
            if format_ == "csv"
            else JsonLinesFeed([(line, _object(line)) for line in text.split("\n")])
        )
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandFailed(f"{path} is no {'CSV' if format_ == 'csv' else 'JSON'} in UTF-8: {error}") from error


def read_addresses(path: Path) -> dict[Path, list[str]]:
    """Files and the addresses on the web by which a feed names them, of a CSV with the columns `url` and `file`.

    Files lie beside it. Raises CommandFailed where it is none, or a file is missing.
    """
    found: dict[Path, list[str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"url", "file"} <= set(rows.fieldnames or ()):
                raise CommandFailed(f"{path} must begin with the line url,file")
            for row in rows:
                if not (row["url"] and row["file"]):
                    raise CommandFailed(f"{path}:{rows.line_num} names no url or no file")
                found.setdefault(path.parent / row["file"], []).append(row["url"])
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandFailed(f"{path} is no CSV in UTF-8: {error}") from error
    missing = [file for file in found if not file.is_file()]
    if missing:
        raise CommandFailed(f"{path} names {len(missing)} files that are not there, the first {missing[0]}")
    return found


def _csv_feed(path: Path, text: str) -> CsvFeed:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip().lower() for cell in next(reader, [])]
    lines, begins_at = [], reader.line_num + 1
    for cells in reader:
        lines.append((begins_at, cells))
        begins_at = reader.line_num + 1
    if "image" not in header:
        raise CommandFailed(f"{path} has no column `image`; its first line says: {', '.join(header) or 'nothing'}")
    return CsvFeed(header, lines)


def _object(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line, parse_float=str, parse_int=str)  # prices keep their digits
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _images(said: dict[str, Any] | None) -> list[str]:
    image = (said or {}).get("image")
    images = image if isinstance(image, list) else [image]
    return list(map(str, images)) if all(isinstance(one, str) for one in images) else []


def _files(images: list[tuple[int, str]]) -> list[str]:
    return list(dict.fromkeys(name for _, name in images if not _NO_FILE.fullmatch(name)))


def _id_of(name: str, ids: Mapping[str, str]) -> str:
    return ids.get(name, name if _NO_FILE.fullmatch(name) else "")
