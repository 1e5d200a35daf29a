"""What every adapter takes as a key, or as the beginning of one."""

from __future__ import annotations

import re

from nungil.object_store.errors import InvalidKey

_KEY = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_PREFIX = re.compile(r"(?:[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*/?)?")
_MAX_KEY_BYTES = 1024  # as S3
_MAX_SEGMENT_BYTES = 255  # as every file system that we run on, and MinIO's


def checked_key(key: str) -> str:
    """`key`. Raises InvalidKey where it is none."""
    if not _KEY.fullmatch(key) or not _sane(key):
        raise InvalidKey(
            f"{key!r} is no key: segments of letters, digits, '.', '_' and '-' joined by '/', without '..'"
        )
    return key


def checked_prefix(prefix: str) -> str:
    """`prefix`. Raises InvalidKey where no key can begin so."""
    if not _PREFIX.fullmatch(prefix) or not _sane(prefix):
        raise InvalidKey(f"{prefix!r} cannot begin a key")
    return prefix


def _sane(key: str) -> bool:
    segments = key.split("/")
    return (
        ".." not in key
        and "." not in segments
        and len(key) <= _MAX_KEY_BYTES
        and all(len(segment) <= _MAX_SEGMENT_BYTES for segment in segments)
    )
