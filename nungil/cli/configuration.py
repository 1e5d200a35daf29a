"""`nungil config check`, `nungil config explain`: what can be set, and what is wrong with what was set."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from inspect import isclass
from pathlib import Path

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nungil.cli.data_folder import SERVICES
from nungil.cli.errors import WrongSettings
from nungil.runtime.configuration import KEYS, disagreements, faults_of, settings_given
from nungil.runtime.settings import PREFIX, ServiceSettings


@click.group()
def config() -> None:
    """What can be set, and what is wrong with what was set."""


@config.command()
@click.argument("services", nargs=-1, metavar="[SERVICE[=FILE]]...")
def check(services: tuple[str, ...]) -> None:
    """Tell everything that is wrong with the settings of SERVICE, or of every service, before it is started.

    They are read from the environment; with =FILE from lines NAME=VALUE of that file instead. Where there are several
    services it also tells in what they disagree. Nothing is started, made, or asked over a network: whether a server is there
    and is the right one, the start itself tells. Exit code 2 where anything is wrong.
    """
    asked = [_parted(each) for each in services or _here()]
    given, faulty = {}, 0
    for service, file in asked:
        with _environment(file):
            settings = settings_of(service)
            faults = faults_of(settings)
            given[service] = settings_given(settings)
        faulty += len(faults)
        _tell(service, faults)
    if len(asked) > 1:
        faults = disagreements(given)
        faulty += len(faults)
        _tell("together", faults)
    sys.exit(WrongSettings.exit_code if faulty else 0)


@config.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
def explain(services: tuple[str, ...]) -> None:
    """Print every setting of SERVICE, or of every service: its name in the environment, its default, what it is."""
    for number, service in enumerate(services or _here()):
        settings = settings_of(service)
        if len(services) != 1:
            click.echo(("\n" if number else "") + f"# {service}")
        for name, field in settings.model_fields.items():
            click.echo(f"{PREFIX}{name.upper()} ({_default_of(field)})")
            click.echo(f"    {'; '.join(filter(None, (field.description, *_limits_of(field))))}")
        if "object_store_url" in settings.model_fields:
            for name, what in KEYS.items():
                click.echo(f"{name} (required for s3+https:// and s3+http://)\n    {what}")


def settings_of(service: str) -> type[ServiceSettings]:
    """The settings that the service reads at its start."""
    if service not in SERVICES:
        raise click.BadParameter(f"{service!r} is no service; it is one of {', '.join(SERVICES)}")
    if service not in _here():
        raise WrongSettings(f"this image holds {', '.join(_here())} and not {service}: ask in the image of {service}")
    module = importlib.import_module(f"services.{service}.config")
    found: list[type[ServiceSettings]] = [
        value
        for value in vars(module).values()
        if isclass(value) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    [settings] = found
    return settings


def _here() -> list[str]:
    """The services whose code is installed: in an image it is one."""
    return [service for service in SERVICES if find_spec(f"services.{service}") is not None]


def _parted(word: str) -> tuple[str, Path | None]:
    service, _, file = word.partition("=")
    return service, Path(file) if file else None


@contextmanager
def _environment(file: Path | None) -> Iterator[None]:
    """That of the file in place of this process's NUNGIL_ variables."""
    if file is None:
        yield
        return
    before = dict(os.environ)
    read = _read(file)
    for name in before:
        if name.upper().startswith(PREFIX):
            del os.environ[name]
    os.environ.update(read)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _read(file: Path) -> dict[str, str]:
    """Lines NAME=VALUE, as Docker reads them: nothing is unquoted. Empty lines and those that begin with '#' do not count."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read: {error}") from error
    read = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{file}:{number} is no line NAME=VALUE")
        read[name.strip()] = value
    return read


def _tell(whose: str, faults: list[str]) -> None:
    click.echo(f"{whose}: {'nothing is wrong' if not faults else f'{len(faults)} wrong'}")
    for fault in faults:
        click.echo(f"  {fault}")


def _default_of(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    return "default empty" if default == "" else f"default {default}"


def _limits_of(field: FieldInfo) -> Iterator[str]:
    for each in field.metadata:
        for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
            if (limit := getattr(each, name, None)) is not None:
                yield f"{words} {limit}"
