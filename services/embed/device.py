"""The one thread that runs the network, and who goes first."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import PriorityQueue

from nungil.encoder.port import Encoded, Encoder, Pixels
from nungil.runtime import metrics

_URGENT, _ORDINARY, _LAST = 0, 1, 2


@dataclass(order=True)
class _Job:
    priority: int
    number: int  # first come, first served within a priority
    batch: Pixels | None = field(compare=False)
    answer: Future[Encoded] = field(compare=False, default_factory=Future)


class Device:
    """`Encoder.forward` belongs to one thread; this is its queue. Safe for use by many threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        self._numbers = itertools.count()
        metrics.EMBED_QUEUE.ask(self._jobs.qsize)

    def submit(self, batch: Pixels, *, urgent: bool = False) -> Future[Encoded]:
        """Encodes a batch, uint8 [n, input_px, input_px, 3]. urgent: someone waits, so it goes before what does not."""
        job = _Job(_URGENT if urgent else _ORDINARY, next(self._numbers), batch)
        self._jobs.put(job)
        return job.answer

    def work(self) -> None:
        """Runs what is submitted until `close`. A pass that fails fails its caller alone."""
        while (job := self._jobs.get()).batch is not None:
            try:
                with metrics.EMBED_SECONDS.timed(step="forward"):
                    encoded = self._encoder.forward(job.batch)
                job.answer.set_result(encoded)
            except Exception as error:
                job.answer.set_exception(error)

    def close(self) -> None:
        """Lets `work` end after everything that was submitted."""
        self._jobs.put(_Job(_LAST, next(self._numbers), None))


@contextmanager
def open_device(encoder: Encoder) -> Iterator[Device]:
    """The device with its thread. Close everything that submits first: the batch in hand is then finished."""
    device = Device(encoder)
    thread = threading.Thread(target=device.work, name="device")
    thread.start()
    try:
        yield device
    finally:
        device.close()
        thread.join()
