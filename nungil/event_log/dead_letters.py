"""Where a group puts the records that it cannot handle: an operator reads why, and can replay them."""

from __future__ import annotations

from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.topics import dead_topic

DEAD_TOPIC = "dead-topic"
DEAD_PARTITION = "dead-partition"
DEAD_OFFSET = "dead-offset"
DEAD_REASON = "dead-reason"
ONLY_GROUP = "only-group"
"""The one group for which a record was brought back; `consume` passes over it in every other (decision 13)."""


class DeadLetters:
    """The dead letters of one group: `<topic>.dead.<group>`."""

    def __init__(self, log: EventLog, *, group: str) -> None:
        self._log = log
        self.group = group

    def put(self, record: Record, *, reason: str) -> None:
        """Keeps key, value and headers as they were, and adds where the record stood and why it is here.

        Raises UnknownTopic where topics.READERS has no such reader, and EventLogAway.
        """
        where = {
            DEAD_TOPIC: record.topic,
            DEAD_PARTITION: str(record.partition),
            DEAD_OFFSET: str(record.offset),
            DEAD_REASON: reason,
        }
        topic = dead_topic(record.topic, self.group)
        self._log.append([NewRecord(topic, record.key, record.value, {**record.headers, **where})])
