"""How a command fails: one line on stderr, and the exit code that `nungil --help` documents."""

from __future__ import annotations

from typing import ClassVar

import click


class CommandFailed(click.ClickException):
    """Something was refused or failed."""

    exit_code: ClassVar[int] = 1


class WrongSettings(CommandFailed):
    """The settings or the usage are wrong."""

    exit_code: ClassVar[int] = 2


class NotRunning(CommandFailed):
    """The system does not answer."""

    exit_code: ClassVar[int] = 3
