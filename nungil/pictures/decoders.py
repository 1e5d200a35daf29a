"""Decoding strangers' pictures in processes of their own: what breaks a decoder costs that picture, not the service (decision 12).

A process that died is replaced, and the picture is tried once more, since anybody may kill a process; a second death is the
picture's doing. One that takes too long or needs too much memory is not tried again. Limits: see decoder_process.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nungil.pictures import decoder_process, errors
from nungil.pictures.cleaning import Cleaned, Wanted
from nungil.pictures.decoder_jobs import AT_LEAST, CLEAN, UPRIGHT
from nungil.pictures.decoder_messages import Head, receive, send
from nungil.pictures.errors import DecoderAway, DecoderBug, UndecodablePicture
from nungil.pictures.render import Stored
from nungil.runtime.errors import Rejected

logger = logging.getLogger(__name__)

JOBS = "nungil.pictures.decoder_jobs:JOBS"
TICK_S = 1.0
SEND_BUFFER_BYTES = 1024 * 1024
START_PATIENCE_S = 60.0

T = TypeVar("T")
Answer = tuple[Head, list[bytearray]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one picture. wall_s: counted only while this process runs, so that pausing a service rejects nothing."""

    memory_bytes: int = 1_600_000_000
    cpu_s: int = 30
    wall_s: float = 90.0


class Decoders:
    """At most `count` decoder processes, started when needed and kept. Safe for use by many threads.

    jobs: 'module:name' of what a process can be asked for; another one only in tests.
    """

    def __init__(self, count: int, limits: Limits = Limits(), *, jobs: str = JOBS) -> None:
        self._limits = limits
        self._jobs = jobs
        self._places = threading.BoundedSemaphore(count)
        self._lock = threading.Lock()
        self._idle = [DecoderProcess(limits, jobs)]
        self._closed = False

    def clean(self, data: bytes, wanted: Wanted) -> Cleaned:
        """See cleaning.clean. Raises what it raises, UndecodablePicture for what breaks the decoder, DecoderAway, DecoderBug."""
        head, [original, rendition] = self.ask(CLEAN, data, asdict(wanted))
        return Cleaned(
            original=Stored(bytes(original), head["content_type"]) if wanted.original else None,
            rendition=bytes(rendition),
            width_px=head["width_px"],
            height_px=head["height_px"],
            taken_on=head["taken_on"],
        )

    def upright(self, data: bytes) -> NDArray[np.uint8]:
        """See decode.decode_upright: uint8 [height, width, 3]. Raises as `clean`."""
        head, [pixels] = self.ask(UPRIGHT, data, {})
        return np.frombuffer(pixels, np.uint8).reshape(head["shape"])

    def at_least(self, data: bytes, least_px: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """See decode.decode_at_least: uint8 [height, width, 3], and the picture's own width and height. Raises as `clean`."""
        head, [pixels] = self.ask(AT_LEAST, data, {"least_px": least_px})
        width_px, height_px = head["size"]
        return np.frombuffer(pixels, np.uint8).reshape(head["shape"]), (width_px, height_px)

    def ask(self, job: str, data: bytes, order: Mapping[str, Any]) -> Answer:
        """Waits for a process, and for its answer. Raises as `clean`."""
        with self._places:
            try:
                return self._ask_once(job, data, order)
            except _Died as death:
                logger.warning("a decoder %s; its picture is tried once more", death)
            try:
                return self._ask_once(job, data, order)
            except _Died as death:
                raise UndecodablePicture(f"this picture killed the decoder: it {death}") from death

    def close(self) -> None:
        """Ends every process, at once."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for process in idle:
            process.kill()

    def _ask_once(self, job: str, data: bytes, order: Mapping[str, Any]) -> Answer:
        process = self._take()
        try:
            return process.ask(job, data, order)
        finally:
            with self._lock:
                keep = process.alive and not self._closed
                if keep:
                    self._idle.append(process)
            if not keep:
                process.kill()

    def _take(self) -> DecoderProcess:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return DecoderProcess(self._limits, self._jobs)
            if process.alive:
                return process
            process.kill()


@contextmanager
def open_decoders(count: int, limits: Limits = Limits()) -> Iterator[Decoders]:
    """Begins to start the first process and does not wait for it."""
    with closing(Decoders(count, limits)) as decoders:
        yield decoders


class _Died(Exception):
    """The message says of what, as in 'died of SIGSEGV'."""


class DecoderProcess:
    """One process. Belongs to one thread at a time."""

    def __init__(self, limits: Limits, jobs: str) -> None:
        """Does not wait until it is ready; the first `ask` does. Raises DecoderAway where no process can be made."""
        self._limits = limits
        self._ready = False
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(TICK_S)
        for end in (self._channel, theirs):  # of 10 MB each way, 4 ms instead of 7
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        command = [sys.executable, "-P", "-m", decoder_process.__name__]
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    [*command, jobs, str(limits.memory_bytes), str(limits.cpu_s)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                )
            except OSError as error:
                self._channel.close()
                raise DecoderAway(f"no decoder process can be started: {error}") from error

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._channel.fileno() >= 0 and self._popen.poll() is None

    def kill(self) -> int:
        """Ends it at once, whatever it does. Its exit code, negative for a signal."""
        self._channel.close()
        self._popen.kill()
        return self._popen.wait()

    def at_least(self, data: bytes, least_px: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """See decode.decode_at_least: uint8 [height, width, 3], and the picture's own width and height. Raises as `clean`."""
        head, [pixels] = self.ask(AT_LEAST, data, {"least_px": least_px})
        width_px, height_px = head["size"]
        return np.frombuffer(pixels, np.uint8).reshape(head["shape"]), (width_px, height_px)

    def ask(self, job: str, data: bytes, order: Mapping[str, Any]) -> Answer:
        """Raises as Decoders.clean, and _Died. Where it did not answer in order, it is killed."""
        self._await_ready()
        patience = _Patience(self._limits.wall_s)
        try:
            send(lambda some: patience(lambda: self._channel.send(some)), {"job": job, "order": dict(order)}, [data])
            head, parts = receive(lambda into: patience(lambda: self._channel.recv_into(into)))
        except TimeoutError:
            self.kill()
            raise UndecodablePicture(
                f"this picture killed the decoder: it took more than {self._limits.wall_s:g} s"
            ) from None
        except (EOFError, OSError, ValueError) as error:
            raise self._death() from error
        return self._result(head, parts)

    def _await_ready(self) -> None:
        if self._ready:
            return
        patience = _Patience(START_PATIENCE_S)
        try:
            receive(lambda into: patience(lambda: self._channel.recv_into(into)))
        except (EOFError, OSError, ValueError) as error:
            code = self.kill()
            raise DecoderAway(f"the decoder process did not start (exit code {code})") from error
        self._ready = True

    def _death(self) -> Exception:
        self._channel.close()  # it ends by itself, so that its own exit code is seen
        try:
            code = self._popen.wait(TICK_S)
        except subprocess.TimeoutExpired:
            code = self.kill()
        if code == -signal.SIGXCPU:
            return UndecodablePicture(
                f"this picture killed the decoder: it took more than {self._limits.cpu_s} s of processor time"
            )
        return _Died(f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}")

    def _result(self, head: Head, parts: list[bytearray]) -> Answer:
        match head["kind"]:
            case decoder_process.DONE:
                return head["result"], parts
            case decoder_process.REJECTED:
                raise _rejection(head["error"])(head["message"])
            case decoder_process.OUT_OF_MEMORY:
                self.kill()
                raise UndecodablePicture(
                    "this picture killed the decoder: it needs more than"
                    f" {self._limits.memory_bytes // 1_000_000:,} MB of memory"
                )
        raise DecoderBug(f"the decoder failed: {head['message']}")


class _Patience:
    """Repeats a step that times out after TICK_S, for so long. A pause of this very process counts as one tick."""

    def __init__(self, limit_s: float) -> None:
        self._left_s = limit_s

    def __call__(self, step: Callable[[], T]) -> T:
        while self._left_s > 0:
            began_s = time.monotonic()
            try:
                return step()
            except TimeoutError:
                continue
            finally:
                self._left_s -= min(time.monotonic() - began_s, 2 * TICK_S)
        raise TimeoutError


def _rejection(name: str) -> type[Rejected]:
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, Rejected) else UndecodablePicture


def _environment() -> dict[str, str]:
    """No secret of the service's; one arena and one thread, so that the memory limit counts pictures.

    glibc keeps up to 128 MB for the next picture, for to give it back and take it again costs 60 ms of 12 megapixels.
    """
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    single: Sequence[str] = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX")
    kept |= {"MALLOC_TRIM_THRESHOLD_": str(128 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20)}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, **dict.fromkeys(single, "1"), "PYTHONPATH": path}
