"""`python -m nungil.local_servers`: start, stop, list, and run a command beside them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from nungil.cli.processes import die_with_parent
from nungil.local_servers import namespace
from nungil.local_servers.milvus import ACCEPT
from nungil.local_servers.running import LocalServers, local_servers
from nungil.runtime.errors import Misconfigured

_only = click.option("--only", default="", metavar="NAMES", help="Some of them: kafka,minio,milvus,postgres,proxy.")


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.group()
def main() -> None:
    """Kafka, MinIO, Milvus, PostgreSQL and a fault proxy, on 127.0.0.1."""


@main.command()
@_only
def fetch(only: str) -> None:
    """Get their programs, without starting any."""
    local_servers(only).fetch()


@main.command()
@_only
def start(only: str) -> None:
    """Fetch, start and wait for them. They run until `stop`."""
    servers = local_servers(only)
    servers.fetch()
    servers.start()
    _show(servers)


@main.command()
def stop() -> None:
    """Stop those that `start` started. What they hold stays."""
    stopped = local_servers().stop()
    _say(f"stopped: {', '.join(stopped)}" if stopped else "none was running")


@main.command()
def env() -> None:
    """Print what tests want in their environment, for `eval`."""
    _show(local_servers())


@main.command()
@_only
@click.argument("command", nargs=-1, required=True)
def exec(only: str, command: Sequence[str]) -> None:
    """Run COMMAND beside servers of its own, with nothing in sight but loopback; stop and forget them afterwards."""
    outside = local_servers(only)
    outside.fetch()
    if os.environ.get(ACCEPT) != "1":
        namespace.enter()
    with tempfile.TemporaryDirectory(prefix="nungil-servers-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL's own user goes through it
        servers = local_servers(only, Path(folder))
        try:
            servers.start(die_with_us=die_with_parent())
            code = subprocess.run(command, env={**os.environ, **servers.variables()}).returncode
        finally:
            servers.stop()
    sys.exit(code if code >= 0 else 128 - code)


def _show(servers: LocalServers) -> None:
    for name, value in servers.variables().items():
        click.echo(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    try:
        main()
    except Misconfigured as error:
        _say(str(error))
        sys.exit(2)
