"""The `nungil` command."""

from __future__ import annotations

import importlib
from typing import Any

import click

# Where each command lives. It is imported when it is called: `search` needs no database, `up` no progress bar.
_COMMANDS = {
    "up": "nungil.cli.up:up",
    "import": "nungil.cli.commands:import_",
    "search": "nungil.cli.commands:search",
    "profile": "nungil.cli.profile:profile",
    "export": "nungil.cli.leaving:export",
    "erase": "nungil.cli.leaving:erase",
    "receipt": "nungil.cli.leaving:receipt",
    "boards": "nungil.cli.boards:boards",
    "status": "nungil.cli.commands:status",
    "serve": "nungil.cli.operate:serve",
    "migrate": "nungil.cli.operate:migrate",
    "config": "nungil.cli.configuration:config",
    "topics": "nungil.cli.operate:topics",
    "buckets": "nungil.cli.stores:buckets",
    "databases": "nungil.cli.stores:databases",
    "dead": "nungil.cli.dead:dead",
    "rebuild": "nungil.cli.rebuild:rebuild",
    "encoder": "nungil.cli.rebuild:encoder",
    "taxonomy": "nungil.cli.taxonomy:taxonomy",
}


class _Commands(click.Group):
    """Imports a command when it is needed, and tells our errors as one line with the documented exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        from nungil.cli.errors import CommandFailed, WrongSettings
        from nungil.runtime.errors import Misconfigured, NungilError

        try:
            return super().invoke(ctx)
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


if __name__ == "__main__":
    main()
