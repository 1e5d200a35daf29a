"""What can go wrong with an event log."""

from nungil.runtime.errors import DependencyAway, NungilError


class EventLogAway(DependencyAway):
    """The event log cannot be reached. Retry."""


class UnknownTopic(NungilError):
    """No such topic: topics are declared in nungil/event_log/topics.py and created by `nungil topics apply`."""


class PartitionLost(NungilError):
    """A partition was handed to another member of the group before this commit. Its records will be delivered again there."""
