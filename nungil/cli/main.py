"""The `nungil` command."""

from __future__ import annotations

from typing import Any

import click

from nungil.cli.commands import import_, profile, search, status
from nungil.cli.errors import CommandFailed, WrongSettings
from nungil.cli.operate import config, migrate, serve, topics
from nungil.cli.up import up
from nungil.runtime.errors import Misconfigured, NungilError


class _Commands(click.Group):
    """Tells our errors as one line, with the documented exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except NungilError as error:
            failure = WrongSettings if isinstance(error, Misconfigured) else CommandFailed
            raise failure(str(error)) from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 something was refused or failed; 2 wrong usage or settings; 3 the system does not "
    "answer. With --json one document goes to stdout; progress and messages always go to stderr.",
)
@click.version_option(package_name="nungil", prog_name="nungil")
def main() -> None:
    """Nungil: point at a part of a picture, find what looks like it, and own the profile that follows."""


for command in (up, import_, search, profile, status, serve, migrate, config, topics):
    main.add_command(command)

if __name__ == "__main__":
    main()
