"""Jobs that do to a decoder process what a hostile picture might."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nungil.pictures.decoder_messages import Head, Part

Answered = tuple[Head, Sequence[Part]]


def _pid(data: bytes, order: Mapping[str, Any]) -> Answered:
    threading.Event().wait(order.get("after_s", 0))
    return {"pid": os.getpid(), "environment": sorted(os.environ)}, [data]


def _die(data: bytes, order: Mapping[str, Any]) -> Answered:
    os.kill(os.getpid(), signal.Signals[order["of"]])
    return {}, []


def _leave(data: bytes, order: Mapping[str, Any]) -> Answered:
    os._exit(3)


def _loop(data: bytes, order: Mapping[str, Any]) -> Answered:
    while True:
        pass


def _wait(data: bytes, order: Mapping[str, Any]) -> Answered:
    threading.Event().wait()
    return {}, []


def _hoard(data: bytes, order: Mapping[str, Any]) -> Answered:
    return {}, [bytearray(order["bytes"])]


def _babble(data: bytes, order: Mapping[str, Any]) -> Answered:
    os.write(0, b"\xff" * 100)
    return {}, []


def _bug(data: bytes, order: Mapping[str, Any]) -> Answered:
    raise ZeroDivisionError("division by zero")


def _reach_out(data: bytes, order: Mapping[str, Any]) -> Answered:
    return {
        "read": _refusal(lambda: Path(__file__).read_bytes()),
        "write": _refusal(lambda: Path("written-by-a-decoder").write_bytes(b"x")),
        "connect": _refusal(lambda: socket.create_connection(("127.0.0.1", 9))),
        "pipe": _refusal(os.pipe),
        "files": sum(_is_open(number) for number in range(1000)),
    }, []


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


JOBS = {
    "pid": _pid,
    "die": _die,
    "leave": _leave,
    "loop": _loop,
    "wait": _wait,
    "hoard": _hoard,
    "babble": _babble,
    "bug": _bug,
    "reach out": _reach_out,
}
