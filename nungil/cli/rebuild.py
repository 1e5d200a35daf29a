"""`nungil rebuild` and `nungil encoder`: what follows from log and objects made again, in the space of any encoder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nungil.cli.api import Json
from nungil.cli.commands import print_json
from nungil.cli.data_folder import data_folder
from nungil.cli.errors import CommandFailed, NotRunning
from nungil.encoder.open import space_of

F = TypeVar("F", bound=Callable[..., Any])


def of_a_system(command: F) -> F:
    """Adds --data and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="[./nungil-data]"),
    ):
        command = option(command)
    return command


@click.group()
def rebuild() -> None:
    """Make again what follows from log and objects, while everything runs. In a cluster: docs/guide/change-of-encoder.md."""


@rebuild.command()
@click.option("--encoder", metavar="URL", help="Fill the space of this encoder, beside the one that is served.")
@of_a_system
def index(encoder: str | None, data: Path | None, as_json: bool) -> None:
    """Give the index the rows that the feature objects give. Rows that are right are not touched.

    A picture that has no features in the space is embedded again. Exit code 1 where a picture could not be.
    """
    if encoder:
        space_of(encoder)
    environment = _settings("embed", data) | ({"NUNGIL_ENCODER_URL": encoder} if encoder else {})
    code, done = _run(environment, "services.embed.rebuild")
    _tell(
        done,
        as_json,
        "{rows} rows of {pictures} pictures in {space}; {changed} pictures changed, {encoded} embedded again, "
        "{removed} removed, {failed} failed\ndigest {digest}, before {digest_before}",
    )
    sys.exit(code)


@rebuild.command()
@of_a_system
def labels(data: Path | None, as_json: bool) -> None:
    """Read what every picture shows again, for search to narrow by: after a change of encoder, or from before search kept it."""
    code, done = _run(_settings("search", data), "services.search.rebuild")
    _tell(done, as_json, "labels and colours of {pictures} pictures in {space}; {forgotten} forgotten")
    sys.exit(code)


@rebuild.command()
@of_a_system
def profiles(data: Path | None, as_json: bool) -> None:
    """Fold every person's journal again, and compare with what was kept."""
    code, done = _run(_settings("profile", data), "services.profile.rebuild")
    _tell(
        done,
        as_json,
        "{persons} persons, {entries} entries; {changed} changed, {of_other_rules} were of other rules\n"
        "digest {digest}, before {digest_before}",
    )
    sys.exit(code)


@click.group()
def encoder() -> None:
    """Change the encoder. See docs/guide/change-of-encoder.md."""


@encoder.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--sample", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Pictures to search with."
)
@click.option("--best", type=click.IntRange(1, 100), default=20, show_default=True, help="Pictures of each answer.")
@of_a_system
def compare(old: str, new: str, sample: int, best: int, data: Path | None, as_json: bool) -> None:
    """Search the spaces of two encoders with the same pictures: which share of their best do both name?"""
    options = ("--sample", str(sample), "--best", str(best))
    code, done = _run(_settings("embed", data), "services.embed.encoders", "compare", *options, old, new)
    _tell(
        done,
        as_json,
        "{overlap:.3f} of the best {best} are the same, of {sampled} pictures searched with\n"
        "{in_old} pictures in {old}, {in_new} in {new}, {in_both} in both",
    )
    sys.exit(code)


@encoder.command()
@click.argument("url")
@of_a_system
def drop(url: str, data: Path | None, as_json: bool) -> None:
    """Remove all rows and features of an encoder that is not served."""
    folder = data_folder(data)
    if space_of(url) == space_of(folder.encoders().url) and folder.root.is_dir():
        raise CommandFailed(
            f"{folder.root} is served with {url}, or will be from the next start on: switch to another first"
        )
    code, done = _run(_settings("embed", data), "services.embed.encoders", "drop", url)
    _tell(done, as_json, "{pictures} pictures were removed from {space}")
    if code == 0:
        folder.keep_no_encoder(url)
    sys.exit(code)


@encoder.command()
@click.argument("url")
@of_a_system
def switch(url: str, data: Path | None, as_json: bool) -> None:
    """Let the data folder be served in the space of another encoder, from the next `nungil up` on.

    The space before it is kept and deletions reach it, so that the same command switches back. In a cluster the encoder is
    NUNGIL_ENCODER_URL of ingest, embed, search and profile.
    """
    folder = data_folder(data)
    if not folder.root.is_dir():
        raise CommandFailed(f"there is no data folder {folder.root}")
    now = folder.serve_with(url)
    done = {"encoder": now.url, "before": now.before}
    words = "served from the next `nungil up` on: {encoder}"
    if now.before:
        words += (
            "\nstop and start it now; what was uploaded since the fill is then taken over by itself"
            "\n{before} is kept: `nungil encoder switch {before}` switches back, `nungil encoder drop {before}` removes it"
        )
    _tell(done, as_json, words)


def _settings(service: str, data: Path | None) -> dict[str, str]:
    """The environment of a service that runs on the folder."""
    folder = data_folder(data)
    settings = folder.runtime().settings.get(service)
    if settings is None:
        raise NotRunning(f"what runs on {folder.root} does not tell its settings: start it again")
    return {**os.environ, "NUNGIL_LOG_FORMAT": "text", **settings}


def _run(environment: dict[str, str], module: str, *arguments: str) -> tuple[int, Json | None]:
    """The exit code, and the document where there is one. What it says on stderr is said."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    document: Json | None = json.loads(done.stdout) if done.stdout.strip() else None
    return done.returncode, document


def _tell(done: Json | None, as_json: bool, words: str) -> None:
    if done is None:
        return
    if as_json:
        print_json(done)
    else:
        click.echo(words.format(**done))
