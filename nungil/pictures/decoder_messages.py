"""What a service and its decoder process say to each other: a JSON head, then bytes. Nothing that a decoder says is ever run."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Part = bytes | bytearray | memoryview
Head = dict[str, Any]

MAX_HEAD_BYTES = 64 * 1024
MAX_PARTS_BYTES = 1_000_000_000  # over the pixels of four times the largest picture that we take
_LENGTH = struct.Struct(">I")


def send(write: Callable[[memoryview], int], head: Mapping[str, Any], parts: Sequence[Part] = ()) -> None:
    """`write` takes some of what it is given and says how much."""
    text = json.dumps({**head, "sizes": [len(part) for part in parts]}).encode()
    for piece in (_LENGTH.pack(len(text)) + text, *parts):
        rest = memoryview(piece)
        while rest:
            rest = rest[write(rest) :]


def receive(read_into: Callable[[memoryview], int]) -> tuple[Head, list[bytearray]]:
    """`read_into` fills some of what it is given and says how much; 0 at the end. Raises EOFError, and ValueError for what is no message."""
    (length,) = _LENGTH.unpack(_exactly(read_into, _LENGTH.size))
    if length > MAX_HEAD_BYTES:
        raise ValueError(f"a head of {length} bytes")
    head = json.loads(_exactly(read_into, length))
    sizes = head.pop("sizes")
    if not all(isinstance(size, int) and size >= 0 for size in sizes) or sum(sizes) > MAX_PARTS_BYTES:
        raise ValueError("parts of an impossible size")
    return head, [_exactly(read_into, size) for size in sizes]


def _exactly(read_into: Callable[[memoryview], int], size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        got = read_into(rest)
        if not got:
            raise EOFError
        rest = rest[got:]
    return data
