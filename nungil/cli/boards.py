"""`nungil boards`: what a person keeps."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from nungil.cli import show
from nungil.cli.api import Json
from nungil.cli.commands import Target, print_json, speaks_with_a_system


@click.group()
def boards() -> None:
    """Show a person's boards, and what is on them."""


@boards.command("list")
@click.option("--user", help="The tenant's own id of the person [the key's person].")
@speaks_with_a_system
def list_(user: str | None, data: Path | None, url: str | None, key: str | None, as_json: bool) -> None:
    """List a person's boards, and those of others that they keep."""
    with Target(data, url, key).open() as (api, _):
        answer = api.boards(user)
    if as_json:
        print_json(answer)
    else:
        show_boards(answer)


@boards.command("show")
@click.argument("board_id")
@click.option("--user", help="The tenant's own id of the person [the key's person].")
@speaks_with_a_system
def show_(board_id: str, user: str | None, data: Path | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Show every pin of a board, in its order."""
    with Target(data, url, key).open() as (api, _):
        board = api.board(board_id, user)
    if as_json:
        print_json(board)
    else:
        show_pins(board)


def show_boards(answer: Json) -> None:
    """A table of boards."""
    console = show.screen()
    if not answer["boards"] and not answer["kept"]:
        console.print("no boards yet")
        return
    table = Table("board", "pins", "", box=None, pad_edge=False)
    table.add_column("board id", no_wrap=True)
    for board in (*answer["boards"], *answer["kept"]):
        whose = "shared" if board["own"] and board["shared"] else "" if board["own"] else "another's"
        table.add_row(board["name"], str(board["size"]), whose, board["id"])
    console.print(table)


def show_pins(board: Json) -> None:
    """A table of pins."""
    console = show.screen()
    console.print(f"{board['name']}: {board['size']} pins", markup=False)
    table = Table("item", "part", "note", box=None, pad_edge=False)
    table.add_column("media id", no_wrap=True)
    for pin in board["pins"]:
        item, box = pin["item"], pin["box"]
        part = "the whole" if box is None else ",".join(f"{box[side]:.2f}" for side in ("x", "y", "width", "height"))
        table.add_row(show.name(item["title"]) if item else "", part, pin["note"], pin["media_id"] or "another's")
    if board["pins"]:
        console.print(table)
