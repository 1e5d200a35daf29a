"""Importing pictures and feeds: several uploads in flight, then waiting until what was accepted can be found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event

from nungil.cli.api import LARGEST_PAGE, Api, Json, Refused
from nungil.cli.errors import CommandFailed
from nungil.cli.feeds import OWN_CSV, Terms, read_feed

IN_FLIGHT = 6
PICTURE_NAMES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".svg"}
)
STALLED_S = 300.0
_POLL_S = 0.3
_SHORTEST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0
_ASIDE = 20  # pictures given by others meanwhile, or found before older ones
NO_ADDRESSES: Mapping[Path, Sequence[str]] = {}

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass
class Report:
    """What became of an import. rejected: (file, or feed:line; reason). ids: the picture's id, by file."""

    accepted: int = 0
    duplicate: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    searchable: int = 0
    seconds: float = 0.0
    ids: dict[Path, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        """The document that --json prints."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "rejected": [{"file": file, "reason": reason} for file, reason in self.rejected],
            "searchable": self.searchable,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class Importer:
    """Imports through the public API; `stop` ends it between two uploads."""

    api: Api
    progress: Progress
    stop: Event

    def pictures(
        self,
        files: Sequence[Path],
        *,
        root: Path,
        purpose: str,
        addresses: Mapping[Path, Sequence[str]] = NO_ADDRESSES,
    ) -> Report:
        """Uploads every file and waits until each that was accepted is searchable or rejected.

        addresses: where on the web a file came from, given with it. Files are reported relative to `root`. Raises
        CommandFailed where nothing moves for five minutes.
        """
        began_s = time.monotonic()
        report = Report()
        pending: dict[str, Path] = {}
        found: set[str] = set()
        given = [(file, address) for file in files for address in addresses.get(file, ("",))]
        for done, (file, answer) in enumerate(self._uploads(given, purpose), start=1):
            self.progress("uploading", done, len(given))
            if isinstance(answer, str):
                report.rejected.append((_shown(file, root), answer))
                continue
            report.ids[file] = answer["media_id"]
            if answer["duplicate"] or answer["media_id"] in pending:
                report.duplicate += 1
            else:
                report.accepted += 1
            if answer["state"] == "searchable":
                found.add(answer["media_id"])
            else:
                pending[answer["media_id"]] = file
        found |= self._await_searchable(pending, purpose, report, root)
        report.searchable = len(found)
        report.seconds = time.monotonic() - began_s
        return report

    def feed(
        self,
        feed: Path,
        *,
        root: Path,
        terms: Terms = OWN_CSV,
        addresses: Mapping[Path, Sequence[str]] = NO_ADDRESSES,
    ) -> Report:
        """Uploads the pictures that the feed's rows name, relative to `root`, then the feed with their ids in their place.

        addresses: files beside the addresses by which the feed names them; nothing is fetched. accepted counts rows,
        duplicate and searchable count pictures.
        """
        began_s = time.monotonic()
        rows = read_feed(feed, terms.format)
        wanted = {name: root / name for name in rows.files()}
        present = [path for path in dict.fromkeys((*wanted.values(), *addresses)) if path.is_file()]
        report = self.pictures(present, root=root, purpose="catalogue", addresses=addresses)
        reasons = dict(report.rejected)
        report.rejected, report.accepted = [], 0
        ids = {name: report.ids[path] for name, path in wanted.items() if path in report.ids}
        gone = {name: reasons.get(_shown(path, root), "there is no such file") for name, path in wanted.items()}
        for name in [name for name in ids if gone[name] != "there is no such file"]:
            del ids[name]  # accepted at first, rejected when it was embedded
        started = self.api.put_feed(rows.with_ids(ids), feed.name, terms.as_parameters())
        answer = self._await_import(started, rows.count())
        own_reasons = {
            line: f"{name}: {gone[name]}" for line, name in rows.image_by_line() if name in gone.keys() - ids
        }
        report.accepted = answer["accepted"]
        report.rejected = [
            (f"{feed.name}:{row['line']}", own_reasons.get(row["line"], row["reason"])) for row in answer["rejected"]
        ]
        report.seconds = time.monotonic() - began_s
        return report

    def _uploads(self, given: Iterable[tuple[Path, str]], purpose: str) -> Iterable[tuple[Path, Json | str]]:
        """Each file with the answer, or with the reason why there is none; as they complete. given: file and address."""
        left = iter(given)
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="upload") as pool:
            flying: dict[Future[Json | str], Path] = {}
            while True:
                if not self.stop.is_set():
                    for file, address in islice(left, IN_FLIGHT - len(flying)):
                        flying[pool.submit(self._upload, file, purpose, address)] = file
                if not flying:
                    break
                for done in wait(flying, return_when=FIRST_COMPLETED).done:
                    yield flying.pop(done), done.result()
        if self.stop.is_set():
            raise CommandFailed("interrupted; what was uploaded stays, and importing again continues")

    def _upload(self, file: Path, purpose: str, address: str) -> Json | str:
        try:
            return self.api.put_picture(file, purpose=purpose, source_url=address)
        except Refused as error:
            if error.status in (401, 403):
                raise
            return error.reason
        except OSError as error:
            return error.strerror or str(error)

    def _await_searchable(self, pending: dict[str, Path], purpose: str, report: Report, root: Path) -> set[str]:
        found: set[str] = set()
        total, moved_s = len(pending), time.monotonic()
        first: tuple[int, float] | None = None  # how many were left after the first look, and when that was
        while pending:
            self.progress("embedding", total - len(pending), total)
            before = len(pending)
            for media in self._states(pending, purpose):
                file = pending.pop(media["media_id"])
                if media["state"] == "searchable":
                    found.add(media["media_id"])
                else:
                    report.accepted -= 1
                    report.rejected.append((_shown(file, root), media["reason"] or media["state"]))
            if len(pending) < before:
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > STALLED_S:
                raise CommandFailed(f"{len(pending)} pictures are still not searchable; `nungil status` may say why")
            first = first or (len(pending), time.monotonic())
            wait_s = until_next_look_s(first[0] - len(pending), len(pending), time.monotonic() - first[1])
            if pending and self.stop.wait(wait_s):
                raise CommandFailed("interrupted; what was uploaded becomes searchable all the same")
        self.progress("embedding", total, total)
        return found

    def _states(self, pending: dict[str, Path], purpose: str) -> list[Json]:
        """Those of the pending that have come to their end. Pages back no further than the oldest of them."""
        settled, unseen = [], set(pending)
        for media in self.api.each_media(purpose=purpose, page=min(LARGEST_PAGE, len(pending) + _ASIDE)):
            if media["media_id"] in unseen:
                unseen.discard(media["media_id"])
                if media["state"] != "accepted":
                    settled.append(media)
            if not unseen:
                break
        return settled + [{"media_id": gone, "state": "deleted", "reason": "deleted meanwhile"} for gone in unseen]

    def _await_import(self, answer: Json, rows: int) -> Json:
        while not answer["done"]:
            self.progress("applying rows", answer["rows"], rows)
            if self.stop.wait(_POLL_S):
                raise CommandFailed("interrupted; the import goes on all the same")
            answer = self.api.feed(answer["import_id"])
        self.progress("applying rows", rows, rows)
        return answer


def pictures_in(path: Path) -> tuple[list[Path], int]:
    """The files under `path` that are pictures by their name, sorted, and how many others were left out. Hidden ones do not count."""
    if path.is_file():
        return [path], 0
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    pictures = [file for file in files if file.suffix.lower() in PICTURE_NAMES]
    return pictures, len(files) - len(pictures)


def until_next_look_s(settled: int, pending: int, within_s: float) -> float:
    """Seconds until it is worth asking again: a quarter of what the pending take where `settled` took `within_s`, for
    asking costs the very processors that it waits for."""
    if not settled:
        return _POLL_S
    return min(max(within_s * pending / settled / 4, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
