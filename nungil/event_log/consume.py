"""The consumer loop: poll, handle, put away what is wrong, commit. What becomes of a record that fails is decided here."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nungil.event_log.dead_letters import ONLY_GROUP, DeadLetters
from nungil.event_log.errors import PartitionLost
from nungil.event_log.port import Record, Subscription
from nungil.runtime import metrics
from nungil.runtime.clock import now_ms
from nungil.runtime.errors import DependencyAway, NungilError, Rejected

logger = logging.getLogger(__name__)

Handler = Callable[[Sequence[Record]], Iterable[tuple[Record, Rejected]]]
"""Takes a batch, and returns the records that are wrong and will stay wrong. Delivered at least once: it must be idempotent."""

POLL_S = 0.5
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
KEEP_ALIVE_EVERY_S = 0.5
BUGS_IN_A_ROW = 5
BUG = "bug: "

T = TypeVar("T")


class ConsumerStopped(NungilError):
    """Several records in a row failed in a way that nobody foresaw: the fault is ours, not theirs."""


class _Stop(Exception):
    pass


def consume(
    subscription: Subscription,
    handle: Handler,
    dead: DeadLetters,
    stop: threading.Event,
    *,
    max_records: int = 64,
) -> None:
    """Runs `handle` over the subscription until `stop`; the batch in hand is finished and committed.

    Records that `handle` returns, or of which it raises Rejected when it has them alone: dead letter. DependencyAway: the
    batch again, after 0.1 s to 5 s, for as long as it takes. Anything else: the batch's records one at a time once more; one
    that fails again becomes a dead letter with the reason 'bug: …'. Raises ConsumerStopped at the fifth such in a row; that
    batch is neither committed nor put away, so nothing is lost. What was brought back for another group is passed over.
    """
    loop = _Loop(subscription, handle, dead, stop)
    metrics.CONSUMER_AGE.ask(loop.age_s, group=dead.group)
    while not stop.is_set():
        try:
            batch = loop.patiently(lambda: subscription.poll(max_records=max_records, timeout_s=POLL_S))
            if batch:
                loop.watched(batch)
        except _Stop:
            return


@dataclass
class _Loop:
    subscription: Subscription
    handle: Handler
    dead: DeadLetters
    stop: threading.Event
    bugs_in_a_row: int = 0
    in_hand: Sequence[Record] = ()

    def age_s(self) -> float:
        """Of the oldest record in hand; it grows while a dependency is away."""
        appended_at_ms = [record.appended_at_ms for record in self.in_hand]
        return max(0, now_ms() - min(appended_at_ms)) / 1000 if appended_at_ms else 0.0

    def watched(self, batch: Sequence[Record]) -> None:
        """As settle, seen from outside."""
        group = self.dead.group
        self.in_hand = batch
        oldest_ms = int(1000 * self.age_s())
        began_s = time.perf_counter()
        try:
            self.settle(batch)
        finally:
            self.in_hand = ()
        took_s = time.perf_counter() - began_s
        metrics.CONSUMER_SECONDS.observe(took_s, group=group)
        for topic, records in Counter(record.topic for record in batch).items():
            metrics.CONSUMER_RECORDS.add(records, topic=topic, group=group)
            fields = {
                "topic": topic,
                "group": group,
                "records": records,
                "oldest_ms": oldest_ms,
                "ms": round(1000 * took_s),
            }
            logger.info("%d records of %s for %s in %.0f ms", records, topic, group, 1000 * took_s, extra=fields)

    def settle(self, batch: Sequence[Record]) -> None:
        """Brings a batch to its end. Raises _Stop where a dependency was away until the end came."""
        mine = [record for record in batch if record.headers.get(ONLY_GROUP, self.dead.group) == self.dead.group]
        for record, reason in self._failed(mine) if mine else ():
            logger.error("dead letter %s[%d] at %d: %s", record.topic, record.partition, record.offset, reason)
            self.patiently(lambda record=record, reason=reason: self.dead.put(record, reason=reason))  # type: ignore[misc]
            kind = "bug" if reason.startswith(BUG) else "rejected"
            metrics.CONSUMER_DEAD_LETTERS.add(topic=record.topic, group=self.dead.group, reason=kind)
        try:
            self.patiently(self.subscription.commit)
        except PartitionLost as error:
            logger.warning("%s; its records are handled again there", error)

    def patiently(self, action: Callable[[], T]) -> T:
        """Tries until what it depends on is there. Raises _Stop instead of trying again once `stop` is set."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return action()
            except DependencyAway as error:
                logger.warning("waiting %.1f s: %s", wait_s, error)
                metrics.CONSUMER_RETRIES.add(group=self.dead.group, dependency=error.slug)
            self._wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _wait(self, wait_s: float) -> None:
        """Waits as a live member of the group."""
        while wait_s > 0:
            try:
                self.subscription.keep_alive()
            except DependencyAway as error:
                logger.debug("not kept alive: %s", error)
            if self.stop.wait(min(wait_s, KEEP_ALIVE_EVERY_S)):
                raise _Stop
            wait_s -= KEEP_ALIVE_EVERY_S

    def _failed(self, batch: Sequence[Record]) -> list[tuple[Record, str]]:
        try:
            failed = self.patiently(lambda: [(record, str(error)) for record, error in self.handle(batch)])
        except _Stop:
            raise
        except Exception:
            logger.exception("a batch of %d failed; its records one at a time", len(batch))
        else:
            self.bugs_in_a_row = 0
            return failed
        return [(record, reason) for record in batch for reason in self._failed_alone(record)]

    def _failed_alone(self, record: Record) -> list[str]:
        self._keep_alive()
        try:
            reasons = self.patiently(lambda: [str(error) for _, error in self.handle([record])])
        except Rejected as error:
            reasons = [str(error)]
        except _Stop:
            raise
        except Exception as error:
            self.bugs_in_a_row += 1
            if self.bugs_in_a_row >= BUGS_IN_A_ROW:
                raise ConsumerStopped(
                    f"{self.bugs_in_a_row} records in a row failed, the last {record.topic}[{record.partition}] "
                    f"at {record.offset}: {type(error).__name__}: {error}"
                ) from error
            logger.exception("a record failed alone")
            return [f"{BUG}{type(error).__name__}: {error}"]
        self.bugs_in_a_row = 0
        return reasons

    def _keep_alive(self) -> None:
        self.patiently(self.subscription.keep_alive)
