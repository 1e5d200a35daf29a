"""How a process begins and ends: signals set one event, threads that fail stop the process, loudly."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event
from typing import TypeVar

from nungil.runtime.errors import DependencyAway, Misconfigured
from nungil.runtime.logs import configure_logs
from nungil.runtime.metrics import serving_metrics
from nungil.runtime.settings import ServiceSettings, read_settings

logger = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 10.0


def serve(name: str, settings_of: type[S], run: Callable[[S, Event], None]) -> None:
    """The main of a service: reads its settings, runs it until SIGTERM or SIGINT, exits 0; 2 where misconfigured, 1 where it failed.

    What it needs and does not answer yet at the start is waited for; what is wrong there is told in one sentence.
    """
    try:
        settings = read_settings(settings_of)
    except Misconfigured as error:
        print(f"nungil {name}: {error}", file=sys.stderr)
        sys.exit(2)
    configure_logs(name, level=settings.log_level, format_=settings.log_format)
    stop, asked = Event(), Event()

    def end() -> None:
        asked.set()
        stop.set()

    on_signals((signal.SIGTERM, signal.SIGINT), end)
    try:
        with serving_metrics(settings.metrics_listen):
            _run_patiently(name, settings, run, stop, asked)
    except Misconfigured as error:
        logger.critical("%s cannot start: %s", name, error)
        sys.exit(2)
    except Exception:
        logger.exception("%s failed and stops", name)
        sys.exit(1)
    logger.info("%s stopped", name)


def _run_patiently(name: str, settings: S, run: Callable[[S, Event], None], stop: Event, asked: Event) -> None:
    """Runs; begins again where a dependency was away at the start. asked: to stop; a worker that fails sets `stop` alone."""
    wait_s = FIRST_WAIT_S
    while not asked.is_set():
        try:
            run(settings, stop)
            return
        except DependencyAway as error:
            if asked.is_set():
                return
            if stop.is_set():
                raise
            logger.warning("%s cannot start yet, and tries again in %.0f s: %s", name, wait_s, error)
        stop.wait(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def on_signals(numbers: Sequence[signal.Signals], act: Callable[[], None]) -> None:
    """Calls `act` for each of these signals that arrives, in a thread of its own.

    A handler runs in the middle of whatever the main thread does. Setting an Event there, while that thread waits for the
    same Event, can wait for ever for the Event's own lock; putting into a SimpleQueue is safe at any moment.
    """
    arrived: SimpleQueue[int] = SimpleQueue()

    def listen() -> None:
        while True:
            arrived.get()
            act()

    threading.Thread(target=listen, name="signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, lambda number, _frame: arrived.put(number))


@contextmanager
def worker(name: str, work: Callable[[], None], stop: Event) -> Iterator[None]:
    """Runs `work` in a thread of its own until `stop`. Where it fails, `stop` is set and the failure is raised when the block ends."""
    failure: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as error:
            failure.append(error)
            logger.exception("worker %s failed", name)
        finally:
            stop.set()  # a worker that ends takes its process along; the supervisor starts it again

    thread = threading.Thread(target=body, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failure:
        raise failure[0]
