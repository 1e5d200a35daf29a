"""Keys, for whoever runs the system: `python -m services.gateway.keys new` prints one, `add` stores the hash of one.

The database is the gateway's, NUNGIL_DATABASE_URL; its schema is brought up to date first. The key itself is read from
a file that only its owner can read, so that it stands in no process list.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from nungil.database.migrations import upgrade
from nungil.database.open import open_database
from nungil.runtime.clock import now_ms
from nungil.runtime.errors import Misconfigured, NungilError
from services.gateway.core import KEY_PREFIX, SCOPES, Grant, hash_key, new_key
from services.gateway.store import put_key


def add_key(database_url: str, key: str, grant: Grant, *, label: str, created_at_ms: int) -> bool:
    """Lets `key` in; false where it was let in before, which changes nothing. Raises Misconfigured for a key that is none."""
    if not key.startswith(KEY_PREFIX) or len(key) < len(KEY_PREFIX) + 32 or not key.isascii():
        raise Misconfigured(f"a key begins with {KEY_PREFIX} and has 32 characters more; make one with `keys new`")
    upgrade("gateway", database_url)
    with open_database(database_url) as engine, engine.begin() as connection:
        return put_key(connection, hash_key(key), grant, label=label, created_at_ms=created_at_ms)


def read_key_file(path: Path) -> str:
    """The key in a file. Raises Misconfigured where others can read it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise Misconfigured(f"{path} can be read by others (mode {mode:o}): chmod 600 it")
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read a key from {path}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 2 wrong arguments or configuration."""
    options = _parser().parse_args(arguments)
    if options.command == "new":
        print(new_key())
        return 0
    scopes = frozenset(options.scopes.split(","))
    try:
        url = os.environ.get("NUNGIL_DATABASE_URL", "")
        if not url:
            raise Misconfigured("set NUNGIL_DATABASE_URL to the gateway's database")
        if not scopes <= set(SCOPES):
            raise Misconfigured(f"scopes are {', '.join(SCOPES)}, not {options.scopes}")
        grant = Grant(options.tenant, options.subject, scopes)
        added = add_key(url, read_key_file(options.key_file), grant, label=options.label, created_at_ms=now_ms())
    except NungilError as error:
        print(f"nungil gateway keys: {error}", file=sys.stderr)
        return 2
    print("added" if added else "known already", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.gateway.keys", description="API keys of the gateway")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("new", help="print a new key, which is kept nowhere")
    add = commands.add_parser("add", help="let a key in; harmless where it is let in already")
    add.add_argument("--tenant", required=True)
    add.add_argument("--subject", help="the one person that the key speaks for; absent: whom each request names")
    add.add_argument("--scopes", default=",".join(SCOPES), help="of: %(default)s")
    add.add_argument("--label", default="", help="what a person calls this key")
    add.add_argument("--key-file", required=True, type=Path, help="a file of mode 600 that holds the key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
