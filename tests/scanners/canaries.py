"""What must not be found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

Blob = tuple[str, bytes]
"""Where it lies, and bytes of it."""


@dataclass(frozen=True)
class Canaries:
    """Bytes by name."""

    of: dict[str, bytes]

    def only(self, *names: str) -> Canaries:
        """Some of them."""
        return Canaries({name: self.of[name] for name in names})

    def found(self, blobs: Iterable[Blob]) -> dict[str, list[str]]:
        """Name -> where it was found."""
        found: dict[str, list[str]] = {}
        for where, data in blobs:
            for name, canary in self.of.items():
                if canary in data:
                    found.setdefault(name, []).append(where)
        return found


def raw(folder: Path, pattern: str = "*") -> Iterator[Blob]:
    """Names and bytes of the files whose path within `folder` matches, as they lie there.

    SQLite's pages, free ones too, and its WAL; objects; segments of a log.
    """
    for path in below(folder):
        where = str(path.relative_to(folder))
        if not fnmatchcase(where, pattern):  # whose * matches / too
            continue
        yield f"name {where}", where.encode()
        try:
            if path.is_file() and not path.is_symlink():
                yield where, path.read_bytes()
        except FileNotFoundError:  # removed while we look
            continue


def below(folder: Path) -> list[Path]:
    """Its files and folders, at any depth. A server may remove some while we walk, at which `Path.glob` fails."""

    def is_worse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    walk = os.walk(folder, onerror=is_worse)
    return sorted(Path(where, name) for where, folders, files in walk for name in (*folders, *files))
