"""Dead letters as an operator meets them: what lies there, and bringing one back to the group that put it away (decision 13)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nungil.event_log.dead_letters import DEAD_OFFSET, DEAD_PARTITION, DEAD_REASON, DEAD_TOPIC, ONLY_GROUP
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.topics import READERS, by_name, dead_topic
from nungil.runtime.errors import Misconfigured

OUTCOME = "dead-outcome"  # of a marker: what an operator did with the letter of the same place
MARKER_HEADERS = (DEAD_TOPIC, DEAD_PARTITION, DEAD_OFFSET)
PATIENCE_S = 5.0
_NOBODY = "dead-letters-reader"  # a group that never commits: what lies behind it is all there is

Outcome = Literal["replayed", "superseded"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """record: as it lies in the dead topic. outcome: None until it was replayed; then settled_at_ms says when."""

    topic: str
    group: str
    partition: int
    offset: int
    record: Record
    outcome: Outcome | None = None
    settled_at_ms: int | None = None

    @property
    def id(self) -> str:
        """Where the record stood, and whose letter it is: 'media.changed/embed/3/17'."""
        return f"{self.topic}/{self.group}/{self.partition}/{self.offset}"

    @property
    def reason(self) -> str:
        """Why the group put it away."""
        return self.record.headers[DEAD_REASON]


def read_dead_letters(log: EventLog, *, topic: str | None = None, group: str | None = None) -> list[DeadLetter]:
    """Of that topic and group, or of all; oldest first, each place once. Raises Misconfigured where no such group reads it."""
    readers = [(t, g) for t, g in READERS if topic in (None, t) and group in (None, g)]
    if not readers:
        known = ", ".join(f"{t} by {g}" for t, g in READERS)
        raise Misconfigured(f"no such reader, and so no dead letters; there are: {known}")
    groups = {dead_topic(t, g): g for t, g in readers}
    letters: dict[str, DeadLetter] = {}
    for record in _all_of(log, list(groups)):
        place = (record.headers[DEAD_TOPIC], groups[record.topic])
        letter = DeadLetter(*place, int(record.headers[DEAD_PARTITION]), int(record.headers[DEAD_OFFSET]), record)
        if OUTCOME not in record.headers:
            letters[letter.id] = letter
        elif letter.id in letters:  # retention may have taken the letter and left its marker
            outcome: Outcome = "superseded" if record.headers[OUTCOME] == "superseded" else "replayed"
            letters[letter.id] = replace(letters[letter.id], outcome=outcome, settled_at_ms=record.appended_at_ms)
    return sorted(letters.values(), key=lambda letter: (letter.record.appended_at_ms, letter.record.offset))


def replay(log: EventLog, letter: DeadLetter) -> Outcome:
    """Appends the record to its own topic again, as it was, for its group alone, and notes that in the dead topic.

    In a compacted topic a record is the state of its key: there it is appended for everyone, and only where no later record of
    the key came, for else it would put the old state over the new ('superseded'). A crash in between leaves the letter
    unmarked; replaying it again is harmless, as every redelivery is. Raises EventLogAway.
    """
    outcome: Outcome = "replayed"
    headers = {name: value for name, value in letter.record.headers.items() if not name.startswith("dead-")}
    if by_name()[letter.topic].compacted:
        headers.pop(ONLY_GROUP, None)
        if _later(log, letter):
            outcome = "superseded"
    else:
        headers[ONLY_GROUP] = letter.group
    if outcome == "replayed":
        log.append([NewRecord(letter.topic, letter.record.key, letter.record.value, headers)])
    place = {name: letter.record.headers[name] for name in MARKER_HEADERS}
    log.append([NewRecord(letter.record.topic, letter.record.key, None, {**place, OUTCOME: outcome})])
    return outcome


def _later(log: EventLog, letter: DeadLetter) -> bool:
    here = (letter.partition, letter.record.key)
    return any((r.partition, r.key) == here and r.offset > letter.offset for r in _all_of(log, [letter.topic]))


def _all_of(log: EventLog, topics: Sequence[str]) -> Iterable[Record]:
    """Every record that is there now."""
    expected = sum(log.lag(topics, group=_NOBODY).values())
    with log.tail(topics, since="start") as tail:
        waiting_since_s = time.monotonic()
        while expected > 0 and time.monotonic() - waiting_since_s < PATIENCE_S:
            for record in tail.poll(max_records=500, timeout_s=0.5):
                yield record
                expected -= 1  # compacted topics may hold fewer than they count: then patience ends it
                waiting_since_s = time.monotonic()
