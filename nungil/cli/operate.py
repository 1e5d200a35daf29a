"""The commands of whoever runs the system: serve, migrate, config check and explain, topics apply."""

from __future__ import annotations

import os
import sys

import click

from nungil.cli.data_folder import SERVICES, WITH_DATABASE
from nungil.database.migrations import upgrade
from nungil.event_log.open import KAFKA
from nungil.event_log.topics import TOPICS


@click.command()
@click.argument("service", type=click.Choice(SERVICES))
def serve(service: str) -> None:
    """Run one service in this process, with the settings of the environment; what a container calls."""
    os.execv(sys.executable, [sys.executable, "-m", f"services.{service}"])  # noqa: S606  # the service is the process


@click.command()
@click.argument("service", type=click.Choice(WITH_DATABASE))
@click.option("--database-url", envvar="NUNGIL_DATABASE_URL", required=True, help="[NUNGIL_DATABASE_URL]")
def migrate(service: str, database_url: str) -> None:
    """Bring the database of a service to the newest schema. `nungil up` does this by itself."""
    upgrade(service, database_url)
    click.echo(f"the database of {service} is at the newest schema", err=True)


@click.group()
def topics() -> None:
    """The topics of the event log."""


@topics.command()
@click.option("--event-log-url", envvar="NUNGIL_EVENT_LOG_URL", required=True, help="[NUNGIL_EVENT_LOG_URL]")
@click.option(
    "--replication-factor",
    type=click.IntRange(1, 10),
    envvar="NUNGIL_REPLICATION_FACTOR",
    help="Brokers that keep each record of a topic created now; default: the cluster's own. [NUNGIL_REPLICATION_FACTOR]",
)
def apply(event_log_url: str, replication_factor: int | None) -> None:
    """Create the topics that are missing, and set retention and compaction of all. Running it again changes nothing.

    The SQLite log makes its own, so there is nothing to do for it.
    """
    if event_log_url.startswith("sqlite://"):
        click.echo(f"nothing to do: the SQLite log makes its {len(TOPICS)} topics itself", err=True)
        return
    if not event_log_url.startswith(KAFKA):
        raise click.UsageError(
            f"no event log adapter for {event_log_url.partition('://')[0]!r}: use kafka://host:9092 or sqlite:///…/log.db"
        )
    from nungil.event_log.kafka_cluster import Cluster
    from nungil.event_log.topics_apply import BROKERS_DEFAULT, apply_topics

    created = apply_topics(Cluster.of_url(event_log_url), replication_factor=replication_factor or BROKERS_DEFAULT)
    click.echo(f"{len(TOPICS)} topics are as declared; created: {', '.join(created) or 'none'}", err=True)
