"""`nungil dead`: the records that a service put away, and bringing them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from nungil.cli.api import Json
from nungil.cli.commands import print_json
from nungil.cli.data_folder import DataFolder, data_folder
from nungil.cli.errors import CommandFailed, NotRunning
from nungil.cli.show import screen
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog
from nungil.event_log.replay import DeadLetter, read_dead_letters, replay

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def dead() -> None:
    """Records that a service could not handle, and why. See docs/guide/dead-letters.md."""


def reads_the_log(command: F) -> F:
    """Adds --topic, --group, --json, --event-log-url and --data."""
    for option in (
        click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="[./nungil-data]"),
        click.option("--event-log-url", "url", envvar="NUNGIL_EVENT_LOG_URL", help="[that of the data folder]"),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option("--group", help="Only of this group: embed, search, …"),
        click.option("--topic", help="Only of this topic: media.changed, item.changed, …"),
    ):
        command = option(command)
    return command


@dead.command("list")
@reads_the_log
def list_(topic: str | None, group: str | None, as_json: bool, url: str | None, data: Path | None) -> None:
    """List them, oldest first: where each stood, its key, why it is here. Never its content."""
    with _open_log(url, data) as log:
        letters = read_dead_letters(log, topic=topic, group=group)
    if as_json:
        print_json({"dead": [letter_document(letter) for letter in letters]})
    elif letters:
        _show(letters)
    else:
        click.echo("no dead letters")


@dead.command("replay")
@click.option("--id", "ids", multiple=True, help="As `nungil dead list` shows it; may be given several times.")
@click.option("--all", "every", is_flag=True, help="All that were not replayed yet, of --topic and --group if given.")
@reads_the_log
def replay_(
    ids: Sequence[str],
    every: bool,
    topic: str | None,
    group: str | None,
    as_json: bool,
    url: str | None,
    data: Path | None,
) -> None:
    """Bring them back to the group that put them away, in their order, once what was wrong is mended.

    What fails again becomes a dead letter again. A record of a compacted topic of which a later one came is left: superseded.
    """
    if bool(ids) == every:
        raise click.UsageError("say which: --id ID (see `nungil dead list`), or --all")
    with _open_log(url, data) as log:
        letters = read_dead_letters(log, topic=topic, group=group)
        if missing := set(ids) - {letter.id for letter in letters}:
            raise CommandFailed(f"no dead letter {', '.join(sorted(missing))}: see `nungil dead list`")
        meant = [letter for letter in letters if letter.id in ids or (every and letter.outcome is None)]
        outcomes = {letter.id: replay(log, letter) for letter in meant}
    done: Json = {
        name: [id_ for id_, outcome in outcomes.items() if outcome == name] for name in ("replayed", "superseded")
    }
    if as_json:
        print_json(done)
    else:
        click.echo(f"{len(done['replayed'])} replayed, {len(done['superseded'])} superseded")


def letter_document(letter: DeadLetter) -> Json:
    """What `nungil dead list --json` prints of each."""
    record = letter.record
    return {
        "id": letter.id,
        "topic": letter.topic,
        "group": letter.group,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": record.key,
        "event": record.headers.get("event"),
        "reason": letter.reason,
        "bytes": len(record.value or b""),
        "at": _time(record.appended_at_ms),
        "outcome": letter.outcome,
        "settled_at": _time(letter.settled_at_ms) if letter.settled_at_ms is not None else None,
    }


def _show(letters: Sequence[DeadLetter]) -> None:
    table = Table("at", "event", "bytes", "reason", "outcome", box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    for letter in letters:
        shown = letter_document(letter)
        reason = "".join(c if c.isprintable() else " " for c in letter.reason)[:300]
        table.add_row(shown["at"], shown["event"] or "?", str(shown["bytes"]), reason, letter.outcome or "", letter.id)
    console = screen()
    console.print(table, markup=False)
    console.print(f"{sum(letter.outcome is None for letter in letters)} of {len(letters)} wait for an operator")


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextmanager
def _open_log(url: str | None, data: Path | None) -> Iterator[EventLog]:
    folder = data_folder(data)
    with open_event_log(url or _log_of(folder)) as log:
        yield log


def _log_of(folder: DataFolder) -> str:
    """That of what runs there, else the one in the folder itself."""
    try:
        return folder.runtime().event_log_url
    except NotRunning:
        if folder.event_log_path.exists():
            return folder.event_log_url
    raise NotRunning(f"{folder.root} holds no event log: name it with --data, or with NUNGIL_EVENT_LOG_URL")
