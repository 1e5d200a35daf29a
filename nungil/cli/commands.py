"""The commands that speak with a running system: import, search, status."""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import click

from nungil.cli import show
from nungil.cli.api import Api, Json, open_api
from nungil.cli.feeds import FORMATS, OWN_CSV, Terms, format_of, read_addresses
from nungil.cli.importing import Importer, pictures_in

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Target:
    """Which system is meant."""

    data: Path | None
    url: str | None
    key: str | None

    @contextmanager
    def open(self) -> Iterator[tuple[Api, Event]]:
        """Its API, and the event that the first Ctrl-C sets; a second one ends the command at once."""
        stop = Event()
        before = signal.getsignal(signal.SIGINT)

        def interrupted(*_: object) -> None:
            signal.signal(signal.SIGINT, before)
            Thread(target=stop.set).start()  # not here: the main thread may hold the Event's own lock just now

        signal.signal(signal.SIGINT, interrupted)
        try:
            with open_api(url=self.url, key=self.key, data=self.data, stop=stop) as api:
                yield api, stop
        finally:
            signal.signal(signal.SIGINT, before)


def speaks_with_a_system(command: F) -> F:
    """Adds --data, --url, --key and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option("--key", help="The key [NUNGIL_KEY, else of the data folder]."),
        click.option("--url", help="The address [NUNGIL_URL, else of what runs on the data folder]."),
        click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="[./nungil-data]"),
    ):
        command = option(command)
    return command


def print_json(document: Json) -> None:
    """The one document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@click.command("import")
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--items", "feed", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A feed of items.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Of the feed [.csv, .jsonl and .xml say it].")
@click.option("--full", is_flag=True, help="The feed names all that --shop offers: what it leaves out is retired.")
@click.option("--force", is_flag=True, help="Even where a full feed retires most of what the shop has here.")
@click.option("--shop", help="Whose feed it is: for google and naver, and with --full.")
@click.option("--market", help="Where its offers can be delivered: for google [naver: KR].")
@click.option(
    "--images",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV url,file: files beside the addresses by which the feed names its pictures. Nothing is fetched.",
)
@click.option("--purpose", type=click.Choice(["personal", "catalogue"]), help="[a folder: personal; a feed: catalogue]")
@speaks_with_a_system
def import_(
    path: Path | None,
    feed: Path | None,
    format_: str | None,
    full: bool,
    force: bool,
    shop: str | None,
    market: str | None,
    images: Path | None,
    purpose: str | None,
    data: Path | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Import the pictures under PATH, or the items of a feed, and wait until they can be found.

    A feed has one row an offer: id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock, as CSV or
    as JSON lines; or it is Google Merchant's or Naver Shopping's. Its pictures are files beside it, or under PATH, or
    addresses on the web that pictures of the catalogue came from: those of --images, or given before. Importing again
    adds nothing: known pictures are counted as duplicates.

    Of a feed, `accepted` counts rows, and a rejected row is named feed.csv:LINE. Exit code 1 where anything was rejected.
    """
    if path is None and feed is None:
        raise click.UsageError("name a folder of pictures, or a feed with --items")
    if feed is not None and purpose == "personal":
        raise click.UsageError("the pictures of a feed are the catalogue's: leave --purpose away")
    if feed is None and (format_ or full or force or shop or market or images):
        raise click.UsageError(
            "--format, --full, --force, --shop, --market and --images speak of a feed: name it with --items"
        )
    terms = Terms(format_of(feed, format_), full, force, shop, market) if feed is not None else OWN_CSV
    addresses = read_addresses(images) if images is not None else {}
    with Target(data, url, key).open() as (api, stop), show.progress() as progress:
        importer = Importer(api, progress, stop)
        if feed is not None:
            report = importer.feed(feed, root=path or feed.parent, terms=terms, addresses=addresses)
        else:
            assert path is not None  # noqa: S101  # by the check above
            files, others = pictures_in(path)
            if others:
                progress.note(f"{others} files are no pictures by their name, and are left out")
            root = path if path.is_dir() else path.parent
            report = importer.pictures(files, root=root, purpose=purpose or "personal")
    if as_json:
        print_json(report.as_json())
    else:
        show.report(report, rows=feed is not None)
    sys.exit(1 if report.rejected else 0)


def read_box(context: click.Context, parameter: click.Parameter, value: str | None) -> Json | None:
    """'x,y,w,h' as the API takes it. Whether it lies in the picture, the API says."""
    if value is None:
        return None
    try:
        x, y, width, height = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no box; write four fractions, as 0.25,0.1,0.5,0.4") from None
    if not all(map(math.isfinite, (x, y, width, height))):
        raise click.BadParameter(f"{value!r} is no box: its numbers must be finite")
    return {"x": x, "y": y, "width": width, "height": height}


@click.command()
@click.argument("photo_or_id", required=False)
@click.option("--text", default="", help="Words in Korean or English, alone or beside a picture.")
@click.option(
    "--box",
    metavar="X,Y,W,H",
    callback=read_box,
    help="The part to search with, in fractions of the picture [the whole].",
)
@click.option("--market", help="Only what can be delivered there: KR, US, …")
@click.option("--in-stock", is_flag=True, help="Only what is in stock.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@speaks_with_a_system
def search(
    photo_or_id: str | None,
    text: str,
    box: Json | None,
    market: str | None,
    in_stock: bool,
    limit: int,
    data: Path | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Find what looks like a part of a picture (a file, or a media id), is what words say, or both. A file is only searched with, and forgotten."""
    if not photo_or_id and not text:
        raise click.UsageError("name a photo or a media id, give --text, or both")
    with Target(data, url, key).open() as (api, _):
        filters = {"in_stock": in_stock} | ({"market": market} if market else {})
        query: Json = {"filters": filters, "limit": limit, "text": text}
        if photo_or_id:
            photo = Path(photo_or_id)
            query["media_id"] = api.put_picture(photo, purpose="search")["media_id"] if photo.is_file() else photo_or_id
        found = api.search(query | ({"box": box} if box else {}))
    if as_json:
        print_json(hits_document(found))
    else:
        show.hits(found)


def hits_document(found: Json) -> Json:
    """What `nungil search --json` prints."""
    return {
        "matched": found["matched"],
        "took_ms": found["took_ms"],
        "hits": [
            {
                "media_id": hit["media_id"],
                "file": hit["file_name"],
                "score": hit["score"],
                "box": hit["box"],
                "item": hit["item"] and {name: hit["item"][name] for name in ("id", "title", "offers")},
            }
            for hit in found["hits"]
        ],
    }


@click.command()
@speaks_with_a_system
def status(data: Path | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Show the health of every service, the records that wait, and the rows of the index. Exit code 1 where one is away."""
    with Target(data, url, key).open() as (api, _):
        answer = api.status()
    if as_json:
        print_json(answer)
    else:
        show.status(answer)
    sys.exit(0 if answer["healthy"] else 1)
