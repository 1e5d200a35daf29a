"""The object store port: bytes under keys, as S3 gives it, or a folder on one machine.

A key is one or more segments of letters, digits, '.', '_' and '-' joined by '/'; it never begins with '/' or holds '..'.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class ObjectStore(Protocol):
    """Safe for use by many threads. Every call may raise ObjectStoreAway, and InvalidKey for a key that is none."""

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Stores or replaces. Returns once the object is durable; a reader sees the old bytes or the new, never a part."""

    def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectNotFound."""

    def exists(self, key: str) -> bool:
        """Whether `get` would find it."""

    def delete(self, key: str) -> None:
        """Removes it; removing what is not there is no error."""

    def list(self, prefix: str) -> Iterator[str]:
        """All keys that begin with `prefix`, in ascending order of their UTF-8 bytes.

        Read as they are asked for, so that memory does not grow with their number. What is put or deleted meanwhile may be
        among them or not.
        """
