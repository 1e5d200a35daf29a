"""A bounded cache: the least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Knows how much memory it takes."""

    @property
    def size_bytes(self) -> int: ...


V = TypeVar("V", bound=Sized)


class BoundedCache(Generic[V]):
    """Safe for many threads. Holds at most `max_bytes`, as its values count themselves."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, V] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return self._bytes

    def get(self, key: str) -> V | None:
        with self._lock:
            value = self._held.get(key)
            if value is not None:
                self._held.move_to_end(key)
            return value

    def get_all(self, keys: Sequence[str]) -> list[V | None]:
        """As `get`, for many keys."""
        with self._lock:
            values = [self._held.get(key) for key in keys]
            for key, value in zip(keys, values, strict=True):
                if value is not None:
                    self._held.move_to_end(key)
            return values

    def put(self, key: str, value: V) -> None:
        with self._lock:
            self._remove(key)
            if value.size_bytes > self._max_bytes:
                return
            self._held[key] = value
            self._bytes += value.size_bytes
            while self._bytes > self._max_bytes:
                self._remove(next(iter(self._held)))

    def drop(self, key: str) -> None:
        with self._lock:
            self._remove(key)

    def drop_where(self, unwanted: Callable[[str, V], bool]) -> None:
        """Drops what `unwanted(key, value)` says."""
        with self._lock:
            for key in [key for key, value in self._held.items() if unwanted(key, value)]:
                self._remove(key)

    def _remove(self, key: str) -> None:
        value = self._held.pop(key, None)
        if value is not None:
            self._bytes -= value.size_bytes
