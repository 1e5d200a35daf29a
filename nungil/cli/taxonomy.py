"""`nungil taxonomy check`: whether what a tenant lays over the taxonomy can be laid over it."""

from __future__ import annotations

from pathlib import Path

import click

from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.overlay import faults_of, read_overlay
from nungil.taxonomy.taxonomy import load_taxonomy

_COUNTED = (
    ("interests", "own interest", "own interests"),
    ("names", "name", "names"),
    ("labels", "label", "labels"),
    ("hidden", "hidden", "hidden"),
    ("weights", "weight", "weights"),
)


@click.group()
def taxonomy() -> None:
    """What things are called, and what they say of a person."""


@taxonomy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Tell everything that is wrong with FILE, a tenant's overlay, before a service reads it.

    Nothing is started. docs/guide/taxonomy.md describes the file; NUNGIL_TAXONOMY_OVERLAYS names the folder that holds one
    <tenant>.yaml for each tenant. Exit code 2 where anything is wrong.
    """
    document = read_overlay(file)
    if faults := faults_of(load_taxonomy(), document):
        how_many = "1 thing is wrong" if len(faults) == 1 else f"{len(faults)} things are wrong"
        raise Misconfigured(f"{file}: {how_many}" + "".join(f"\n  {fault}" for fault in faults))
    counted = ((len(document.get(section) or ()), one, several) for section, one, several in _COUNTED)
    click.echo(f"{file}: {', '.join(f'{n} {one if n == 1 else several}' for n, one, several in counted)}")
