"""For whoever runs the system: `python -m services.embed.encoders compare OLD NEW`, and `drop URL` of an encoder that is not served.

It reads embed's own settings. One JSON document goes to stdout. Exit codes: 0 done, 1 failed, 2 wrong arguments or settings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from nungil.encoder.open import space_of
from nungil.object_store.open import open_object_store
from nungil.runtime.errors import Misconfigured, NungilError
from nungil.runtime.settings import read_settings
from nungil.vector_index.open import open_vector_index
from services.embed.config import EmbedSettings
from services.embed.spaces import Space, compare_spaces, drop_space


def compare(settings: EmbedSettings, old_url: str, new_url: str, *, sample: int, best: int) -> dict[str, Any]:
    """What is printed."""
    with (
        open_object_store(settings.object_store_url, read_only=True) as objects,
        _space(settings, old_url) as old,
        _space(settings, new_url) as new,
    ):
        agreement = compare_spaces(objects, old, new, sample=sample, best=best)
        return {"old": old.name, "new": new.name, "best": best, **asdict(agreement)}


def drop(settings: EmbedSettings, url: str) -> dict[str, Any]:
    """What is printed. Raises Misconfigured for the space that is served."""
    if space_of(url) == space_of(settings.encoder_url):
        raise Misconfigured(f"{url} is the encoder that is served: switch to another first")
    with open_object_store(settings.object_store_url) as objects, _space(settings, url) as space:
        return {"space": space.name, "pictures": drop_space(objects, space)}


@contextmanager
def _space(settings: EmbedSettings, url: str) -> Iterator[Space]:
    space = space_of(url)
    with open_vector_index(settings.vector_index_url, space) as index:
        yield Space(space.name, index)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(EmbedSettings)
        if options.command == "compare":
            done = compare(settings, options.old, options.new, sample=options.sample, best=options.best)
        else:
            done = drop(settings, options.url)
    except NungilError as error:
        print(f"nungil encoder {options.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, Misconfigured) else 1
    print(json.dumps(done))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.embed.encoders", description="Encoder spaces")
    commands = parser.add_subparsers(dest="command", required=True)
    compare = commands.add_parser("compare", help="how far the best pictures of two spaces agree")
    compare.add_argument("old")
    compare.add_argument("new")
    compare.add_argument("--sample", type=int, default=100, help="pictures to search with")
    compare.add_argument("--best", type=int, default=20, help="pictures of each answer to look at")
    drop = commands.add_parser("drop", help="remove rows and features of a space that is not served")
    drop.add_argument("url")
    return parser


if __name__ == "__main__":
    sys.exit(main())
