"""`nungil buckets apply`, `nungil databases apply`: what the services stand in, made once by whoever runs the system."""

from __future__ import annotations

import click

from nungil.database import postgres
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets


@click.group()
def buckets() -> None:
    """The bucket of the object store."""


@buckets.command("apply")
@click.option("--object-store-url", envvar="NUNGIL_OBJECT_STORE_URL", required=True, help="[NUNGIL_OBJECT_STORE_URL]")
def apply_bucket(object_store_url: str) -> None:
    """Make the bucket where it is missing, private. A folder is made by who writes to it, so there is nothing to do for one."""
    if object_store_url.startswith("file://"):
        click.echo("nothing to do: the services make the folder themselves", err=True)
        return
    from nungil.object_store.s3 import make_bucket  # its client takes a while to import

    click.echo("the bucket was made" if make_bucket(object_store_url) else "the bucket is there", err=True)


@click.group()
def databases() -> None:
    """The databases of the services."""


@databases.command("apply")
@click.option("--database-url", envvar="NUNGIL_DATABASE_URL", required=True, help="[NUNGIL_DATABASE_URL]")
def apply_database(database_url: str) -> None:
    """Make the database where it is missing, with text in the order of its bytes; its role must be allowed to make one.

    A SQLite file is made by who opens it, so there is nothing to do for one. Then: nungil migrate SERVICE.
    """
    if database_url.startswith("sqlite://"):
        click.echo("nothing to do: the file is made by who opens it", err=True)
        return
    if not database_url.startswith(postgres.SCHEMES):
        raise Misconfigured(f"{without_secrets(database_url)!r} names no database: write postgresql://user@host/x")
    click.echo("the database was made" if postgres.make_database(database_url) else "the database is there", err=True)
