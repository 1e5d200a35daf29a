"""What a person sees: progress on stderr, tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from nungil.cli.api import Json
from nungil.cli.importing import Report
from nungil.commerce import MINOR_DIGITS

_SHOWN_REASONS = 20
_WIDTH = 140


@dataclass(frozen=True)
class Bars:
    """One progress bar a stage."""

    bars: Progress
    _tasks: dict[str, TaskID] = field(default_factory=dict)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Moves the bar of a stage."""
        if total and stage not in self._tasks:
            self._tasks[stage] = self.bars.add_task(stage, total=total)
        if stage in self._tasks:
            self.bars.update(self._tasks[stage], completed=done, total=total)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self.bars.console.print(text)


def screen() -> Console:
    """Stdout: as wide as the terminal, or wide enough for our tables where it is none."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH)


@contextmanager
def progress() -> Iterator[Bars]:
    """Bars on stderr; where that is no terminal, their last state only."""
    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, auto_refresh=console.is_terminal, refresh_per_second=4) as bars:
        yield Bars(bars)


def report(report: Report, *, rows: bool) -> None:
    """What became of an import."""
    console = screen()
    what = "rows" if rows else "pictures"
    console.print(
        f"{report.accepted} {what} accepted, {report.duplicate} pictures known before, {len(report.rejected)} rejected, "
        f"{report.searchable} pictures searchable, {report.seconds:.1f} s",
        soft_wrap=True,
    )
    for file, reason in report.rejected[:_SHOWN_REASONS]:
        console.print(f"  {file}: {reason}", markup=False, soft_wrap=True)
    if len(report.rejected) > _SHOWN_REASONS:
        console.print(f"  … and {len(report.rejected) - _SHOWN_REASONS} more; --json lists all")


def hits(found: Json, console: Console | None = None) -> None:
    """A table of hits."""
    console = console or screen()
    if not found["hits"]:
        console.print("nothing found")
        return
    if not found["matched"]:
        console.print("nothing here matches well; the nearest:")
    table = Table("", "score", "what", "offers", box=None, pad_edge=False)
    table.add_column("media id", no_wrap=True)
    for place, hit in enumerate(found["hits"], start=1):
        item = hit["item"]
        what = name(item["title"]) if item else hit["file_name"] or "a picture"
        offers = "\n".join(_offer(offer) for offer in item["offers"][:3]) if item else ""
        table.add_row(str(place), f"{hit['score']:.3f}", what, offers, hit["media_id"])
    console.print(table)
    console.print(f"{found['took_ms']:.0f} ms" + (", the box was clipped to the picture" if found["clipped"] else ""))


def interests(
    answer: Json, console: Console | None = None, *, files: Mapping[str, str] | None = None, limit: int = 20
) -> None:
    """A table of interests, each with its strongest reasons. files: names of pictures by id, where known."""
    console = console or screen()
    if not answer["learning"]:
        why = "you paused it" if answer.get("paused") else "the consent image_interest is not given"
        console.print(f"learning interests from pictures is off: {why}")
    if not answer["interests"]:
        console.print("no interests yet")
        return
    table = Table("interest", "weight", "pictures", "because", box=None, pad_edge=False)
    for interest in answer["interests"][:limit]:
        evidence = interest["evidence"]
        pictures = dict.fromkeys((files or {}).get(e["media_id"], e["media_id"][-8:]) for e in evidence)
        reasons = dict.fromkeys(e["why"]["en"] for e in evidence)
        called = interest["own_name"] or name(interest["name"])
        said = [word for word in ("pinned", "followed", "muted") if interest[word]]
        called += f" ({', '.join(said)})" if said else ""
        table.add_row(called, f"{interest['weight']:.2f} {interest['trend']}", _some(pictures, 3), _some(reasons, 1))
    console.print(table)


def status(answer: Json) -> None:
    """Services, what waits for them, and the index."""
    waiting: dict[str, int] = {}
    for lag in answer["lag"]:
        waiting[lag["group"]] = waiting.get(lag["group"], 0) + lag["records"]
    table = Table("service", "health", "records waiting", box=None, pad_edge=False)
    for name, service in answer["services"].items():
        table.add_row(name, "up" if service["healthy"] else "away", str(waiting.get(name, "")))
    console = screen()
    console.print(table)
    if index := answer["index"]:
        console.print(f"index: {index['rows']} rows, {index['items']} items, {index['encoder_space']}")


def name(title: Json) -> str:
    """In both languages, each once."""
    return " · ".join(dict.fromkeys(text for text in (title["en"], title["ko"]) if text))


def _offer(offer: Json) -> str:
    stock = "" if offer["in_stock"] else " (sold out)"
    return f"{offer['market']} {money(offer['price_minor'], offer['currency'])}, {offer['shop']}{stock}"


def money(minor: int, currency: str) -> str:
    """An amount in its major unit: 12900 KRW, 12.90 USD."""
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{minor / 10**digits:,.{digits}f} {currency}"


def _some(texts: Iterable[str], limit: int) -> str:
    listed = list(texts)
    more = len(listed) - limit
    return "; ".join(listed[:limit]) + (f"; and {more} more" if more > 0 else "")
