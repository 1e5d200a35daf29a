"""Events a second, and processor time an event, through our consumer on Kafka: against kafka-python's own loop with JSON and a commit each.

Both read the same activity of people from 12 partitions, parse it, and count it by person. Ours takes what comes together,
commits once for all of it, and can put away, retry and hand over; the plain loop commits each event, so that a crash repeats one
at most.

    python -m nungil.local_servers exec --only kafka -- python -m bench.consumer [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafka import KafkaConsumer

from bench.report import write_section
from nungil.api.profile.v1 import events_pb2, profile_pb2
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord, Record
from nungil.event_log.topics import USER_ACTIVITY
from nungil.event_log.topics_apply import apply_topics, delete_topics
from nungil.runtime.errors import Rejected
from nungil.runtime.ids import new_event_id, new_media_id

EVENTS = 20_000
PEER_EVENTS = 4_000  # it is slower; a rate needs no more
PEOPLE = 500
BATCH = 500
GROUP = "profile"


@dataclass(frozen=True)
class Measured:
    """What a loop did, from its first event in hand to its last commit."""

    events: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor an event, all threads."""
        return 1e6 * self.cpu_s / self.events


class Watch:
    """Starts at the first event, so that joining the group is left out."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None

    def start(self) -> None:
        """At every event; the first counts."""
        self._began = self._began or (time.perf_counter(), time.process_time())

    def stop(self, events: int) -> Measured:
        """After the last commit."""
        wall, cpu = self._began or (0.0, 0.0)
        return Measured(events, time.perf_counter() - wall, time.process_time() - cpu)


def ours(url: str) -> Measured:
    """`consume`, as a service uses it."""
    watch, stop, by_person = Watch(), threading.Event(), Counter[str]()

    def handle(batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        watch.start()
        for record in batch:
            by_person[events_pb2.UserActivity.FromString(record.value or b"").person_id] += 1
        if by_person.total() >= EVENTS:
            stop.set()
        return []

    with open_event_log(url) as log:
        with log.subscribe([USER_ACTIVITY], group=GROUP) as subscription:
            consume(subscription, handle, DeadLetters(log, group=GROUP), stop)
            return watch.stop(by_person.total())


def plain_loop(cluster: Cluster) -> Measured:
    """What one writes first."""
    watch, by_person = Watch(), Counter[str]()
    consumer = KafkaConsumer(
        cluster.prefix + USER_ACTIVITY,
        bootstrap_servers=list(cluster.servers),
        group_id="plain",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        for message in consumer:
            watch.start()
            by_person[json.loads(message.value)["person_id"]] += 1
            consumer.commit()
            if by_person.total() >= PEER_EVENTS:
                break
        return watch.stop(by_person.total())
    finally:
        consumer.close(autocommit=False)


def fill(url: str, events: int, encode: Callable[[events_pb2.UserActivity], bytes]) -> None:
    """Topics, and `events` activities of 500 people in them."""
    apply_topics(Cluster.of_url(url))
    with open_event_log(url) as log:
        for start in range(0, events, BATCH):
            log.append([an_event(number, encode) for number in range(start, start + BATCH)])


def an_event(number: int, encode: Callable[[events_pb2.UserActivity], bytes]) -> NewRecord:
    """A save."""
    activity = events_pb2.UserActivity(
        event_id=new_event_id(),
        tenant="local",
        person_id=f"person-{number % PEOPLE}",
        kind=profile_pb2.ACTIVITY_KIND_SAVED,
        media_id=new_media_id(),
        occurred_at_ms=1_750_000_000_000 + number,
    )
    return NewRecord(USER_ACTIVITY, activity.person_id, encode(activity), {"event": "UserActivity"})


def as_json(activity: events_pb2.UserActivity) -> bytes:
    """The same event as a service without a schema would write it."""
    fields = ("event_id", "tenant", "person_id", "kind", "media_id", "occurred_at_ms")
    return json.dumps({name: getattr(activity, name) for name in fields}).encode()


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    server = os.environ.get("NUNGIL_TEST_KAFKA")
    if not server:
        parser.error("NUNGIL_TEST_KAFKA names no broker: run it as shown above")
    urls = [f"{server}/bench-{new_media_id()}" for _ in range(2)]
    try:
        fill(urls[0], EVENTS, events_pb2.UserActivity.SerializeToString)
        fill(urls[1], PEER_EVENTS, as_json)
        us, peer = ours(urls[0]), plain_loop(Cluster.of_url(urls[1]))
    finally:
        for url in urls:
            delete_topics(Cluster.of_url(url))
    table = (
        f"{EVENTS:,} activities from one Kafka broker on this machine ({PEER_EVENTS:,} for the plain loop), 12 partitions, one process; "
        "parsed and counted by person\n\n"
        "| | events a second | processor time an event |\n|---|---|---|\n"
        f"| `consume`: protobuf, up to 64 an effect and a commit | {us.rate:,.0f} | {us.cpu_us:,.0f} µs |\n"
        f"| kafka-python's loop: JSON, a commit each | {peer.rate:,.0f} | {peer.cpu_us:,.0f} µs |\n"
        f"| ratio | {us.rate / peer.rate:.1f} times as many | {us.cpu_us / peer.cpu_us:.2f} of the time |"
    )
    print(table)
    if options.write:
        write_section("consumer", table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
