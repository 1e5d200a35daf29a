"""The commands of who leaves: export, erase, receipt verify."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from nungil.cli import show
from nungil.cli.api import Api, Json
from nungil.cli.commands import Target, print_json, speaks_with_a_system
from nungil.cli.errors import CommandFailed

_LOOK_S = 0.3


@click.command()
@click.option("--user", help="Whose; for a key that speaks for whomever it names.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("nungil-export.zip"), show_default=True
)
@speaks_with_a_system
def export(user: str | None, out: Path, data: Path | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Write everything that is kept of a person to a zip: interests, what they did and said, their pictures."""
    with Target(data, url, key).open() as (api, _):
        size_bytes = api.export(out, user)
    if as_json:
        print_json({"file": str(out), "bytes": size_bytes})
    else:
        click.echo(f"{out}: {size_bytes:,} bytes", err=True)


@click.command()
@click.option("--user", help="Whom; for a key that speaks for whomever it names.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds for all stores."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep the receipt in this file too.")
@speaks_with_a_system
def erase(
    user: str | None,
    yes: bool,
    wait_s: float,
    out: Path | None,
    data: Path | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Erase a person for good, everywhere, and print the receipt. Exit code 1 where a store has not answered in time."""
    if not yes:
        click.confirm(f"Erase {user or 'the person of this key'} with all pictures, for good?", abort=True, err=True)
    with Target(data, url, key).open() as (api, stop):
        receipt_id = api.erase(user)
        click.echo(f"receipt {receipt_id}: a secret, it opens {api.url}/v1/erasures/{receipt_id}", err=True)
        receipt, waited_s = api.receipt(receipt_id), 0.0
        while receipt["missing"] and waited_s < wait_s and not stop.wait(_LOOK_S):
            waited_s += _LOOK_S
            receipt = api.receipt(receipt_id)
    if out is not None:
        out.write_text(json.dumps(receipt, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(receipt)
    else:
        _show(receipt)
    sys.exit(1 if receipt["missing"] else 0)


@click.group()
def receipt() -> None:
    """Receipts of erasures."""


@receipt.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", help="The key that you kept [else that of --url].")
@click.option("--url", help="Ask this system for its key.")
def verify(file: Path, public_key: str | None, url: str | None) -> None:
    """Check that a receipt was signed by the key it should be, and not changed since. Exit code 1 where it was.

    Without --public-key and --url it is checked with the key that it names itself, which shows only that nobody changed it.
    """
    from nungil.receipts import FalseReceipt
    from nungil.receipts import verify as verified

    try:
        document: Any = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CommandFailed(f"{file} is no receipt: {error}") from error
    if not isinstance(document, dict):
        raise CommandFailed(f"{file} is no receipt")
    if public_key is None and url is not None:
        public_key = Api.receipt_key_at(url)
    try:
        signed_by = verified(document, public_key)
    except FalseReceipt as error:
        raise CommandFailed(str(error)) from error
    whose = "the key that was given" if public_key else "the key that it names: compare it with the one that you kept"
    click.echo(f"signed by {signed_by}, {whose}")


def _show(receipt: Json) -> None:
    table = Table("service", "store", "removed", "unreachable since", "bytes gone by")
    for one in receipt["stores"]:
        gone = "gone" if one["gone_by"] == one["at"] else one["gone_by"]
        table.add_row(one["service"], one["store"], str(one["count"]), one["at"], gone)
    for one in receipt["missing"]:
        table.add_row(one["service"], one["store"], "not answered yet", "", "")
    show.screen().print(table)
