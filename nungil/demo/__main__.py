"""A tour of a running system: pictures go in, a part of one is pointed at, similar things come back, interests follow.

`nungil up --demo` runs it. Exit code 1 where a step did not give what it should; the reason is said.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import click
from rich.console import Console

from nungil.cli import show
from nungil.cli.api import Api, Json, open_api
from nungil.cli.importing import Importer, Report
from nungil.demo.catalogue import write_catalogue
from nungil.demo.photographs import photographs

POINTED_AT = "coffee.png"
BOX = {"x": 0.12, "y": 0.0, "width": 0.68, "height": 0.97}  # the cup and its saucer
EXPECTED_CATEGORY = "kitchen/cup"
MARKET = "KR"
EXPECTED_INTERESTS = {"cats": "chelsea.png", "coffee": "coffee.png"}
PROFILE_LIMIT_S = 60.0


class StepFailed(Exception):
    """A step of the demo did not give what it should."""


def check(true: Any, otherwise: str) -> None:
    """Raises StepFailed."""
    if not true:
        raise StepFailed(otherwise)


def import_all(api: Api) -> tuple[dict[str, str], bool]:
    """Photographs as the owner's own, products as the catalogue.

    Returns the file name of each photograph by its id, and whether any of it was new.
    """
    files = photographs()
    with show.progress() as progress:
        progress.note(f"[bold]Your pictures[/bold]: {len(files)} photographs that came with installed packages")
        own = Importer(api, progress, Event()).pictures(files, root=Path("/"), purpose="personal")
        check_report(own, "photographs", pictures=len(files))
    with show.progress() as progress, tempfile.TemporaryDirectory() as folder:
        progress.note("[bold]A shop's catalogue[/bold]: products drawn here, with offers")
        feed, rows = write_catalogue(Path(folder), progress)
        catalogue = Importer(api, progress, Event()).feed(feed, root=Path(folder))
        check_report(catalogue, "products", pictures=len(list(Path(folder).glob("*.jpg"))))
        check(catalogue.accepted == rows, f"{catalogue.accepted} of {rows} rows of the feed were applied")
    new = own.duplicate < len(files)
    if not new:
        click.echo("all of them known from before: nothing was added", err=True)
    return {media_id: file.name for file, media_id in own.ids.items()}, new


def check_report(report: Report, what: str, *, pictures: int) -> None:
    """Raises StepFailed unless every picture was taken and can be found."""
    check(not report.rejected, f"{what} were rejected: {report.rejected}")
    check(report.searchable == pictures, f"{report.searchable} of {pictures} {what} are searchable")


def search_the_cup(api: Api, names: dict[str, str], console: Console, *, record: bool) -> None:
    """Points at the cup in one photograph: cups come back; then only what is in stock in Korea.

    record: the owner means it. A demo that runs again must not make them fonder of coffee.
    """
    [media_id] = [media_id for media_id, name in names.items() if name == POINTED_AT]
    query = {"media_id": media_id, "box": BOX, "limit": 5, "record": False}
    until(lambda: api.search(query), lambda found: len(found["hits"]) == 5, "five hits for the cup")
    found = api.search({**query, "record": record})
    console.print(f"\n[bold]Pointing at the cup in {POINTED_AT}[/bold]: the five best")
    show.hits(found, console)
    hits = found["hits"]
    check(found["matched"], "the cup is said to match nothing")
    check(media_id not in {hit["media_id"] for hit in hits}, "the picture found itself")
    categories = [hit["item"] and hit["item"]["category"] for hit in hits]
    check(categories == [EXPECTED_CATEGORY] * 5, f"the five best should be cups; they are {categories}")
    buyable = api.search({**query, "filters": {"market": MARKET, "in_stock": True}, "limit": 10})
    offers = [offer for hit in buyable["hits"] for offer in hit["item"]["offers"]]
    wrong = [offer for offer in offers if not sells_here(offer)]
    check(offers and not wrong, f"asked for what is in stock in {MARKET}, got {wrong or 'nothing'}")
    sold_here = {hit["item"]["id"] for hit in hits if any(map(sells_here, hit["item"]["offers"]))}
    buyable_ids = {hit["item"]["id"] for hit in buyable["hits"]}
    check(
        sold_here == buyable_ids & {hit["item"]["id"] for hit in hits}, f"{sold_here} can be bought, not {buyable_ids}"
    )
    console.print(f"Asked for what is in stock in Korea, {len(sold_here)} of these five remain.")


def sells_here(offer: Json) -> bool:
    """Whether an offer is in stock in the market that the demo asks for."""
    return bool(offer["market"] == MARKET and offer["in_stock"])


def show_interests(api: Api, names: dict[str, str], console: Console) -> None:
    """The interests that follow, with the pictures behind them."""

    def complete(answer: Json) -> bool:
        found = {interest["id"]: reasons(interest, names) for interest in answer["interests"]}
        return all(name in found.get(interest, ()) for interest, name in EXPECTED_INTERESTS.items())

    expected = " and ".join(f"{interest} because of {name}" for interest, name in EXPECTED_INTERESTS.items())
    answer = until(api.interests, complete, f"the interests {expected}")
    console.print("\n[bold]The interests that follow, and the pictures behind them[/bold]")
    parents = {interest["parent"] for interest in answer["interests"]}
    leaves = [interest for interest in answer["interests"] if interest["id"] not in parents]
    show.interests({**answer, "interests": leaves}, console, files=names, limit=12)
    for interest in answer["interests"]:
        check(reasons(interest, names), f"no picture stands behind the interest {interest['id']}")


def reasons(interest: Json, names: dict[str, str]) -> list[str]:
    """The file names of the pictures behind an interest."""
    return [names[evidence["media_id"]] for evidence in interest["evidence"] if evidence["media_id"] in names]


def until(ask: Callable[[], Json], complete: Callable[[Json], bool], what: str) -> Json:
    """The first complete answer. Events take a moment to arrive everywhere. Raises StepFailed after a minute."""
    deadline_s, pause = time.monotonic() + PROFILE_LIMIT_S, Event()
    while not complete(answer := ask()):
        check(time.monotonic() < deadline_s, f"waited {PROFILE_LIMIT_S:g} s for {what}; got {answer}")
        pause.wait(0.3)
    return answer


def main() -> int:
    """The exit code."""
    console = show.screen()
    try:
        with open_api(url=None, key=None, data=None) as api:
            names, new = import_all(api)
            search_the_cup(api, names, console, record=new)
            show_interests(api, names, console)
    except (StepFailed, click.ClickException) as error:
        click.echo(f"the demo failed: {error}", err=True)
        return 1
    console.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
