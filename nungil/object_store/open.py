"""URL -> object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nungil.object_store.file import FileObjectStore
from nungil.object_store.port import ObjectStore
from nungil.object_store.s3 import bucket_of, open_s3
from nungil.runtime.errors import Misconfigured
from nungil.runtime.urls import without_secrets


@contextmanager
def open_object_store(url: str, *, read_only: bool = False) -> Iterator[ObjectStore]:
    """`file:///absolute/path`, `s3+https://host/bucket` or `s3+http://host:port/bucket`; read_only: what only reads needs fewer rights.

    Raises Misconfigured for a URL that names no object store or a bucket that cannot be used, ObjectStoreAway where it
    cannot be reached.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if not parts.netloc and len(parts.path) > 1:
            yield FileObjectStore(Path(unquote(parts.path)))
        case "s3+http" | "s3+https":
            with open_s3(url, read_only=read_only) as store:
                yield store
        case _:
            check_object_store_url(url)


def check_object_store_url(url: str) -> None:
    """Raises Misconfigured for a URL that names no object store, and where the keys of a bucket are missing. Connects to nothing."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if not parts.netloc and len(parts.path) > 1:
            return
        case "s3+http" | "s3+https":
            bucket_of(url)
        case _:
            raise Misconfigured(
                f"{without_secrets(url)!r} names no object store; use file:///absolute/path, or s3+https://host/bucket"
            )
