"""URL -> object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nungil.object_store.file import FileObjectStore
from nungil.object_store.port import ObjectStore
from nungil.runtime.errors import Misconfigured


@contextmanager
def open_object_store(url: str) -> Iterator[ObjectStore]:
    """`file:///absolute/path`. Raises Misconfigured for a URL that names no object store, ObjectStoreAway where it cannot be used."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if not parts.netloc and len(parts.path) > 1:
            yield FileObjectStore(Path(unquote(parts.path)))
        case _:
            raise Misconfigured(f"{url!r} names no object store; use file:///absolute/path")
