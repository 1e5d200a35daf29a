"""What is answered where a segment cannot be what was asked."""

from nungil.runtime.errors import NotFound, NotReady, Rejected


class InvalidSegment(Rejected):
    """A segment's definition that cannot be: the message gives every fault and its place."""


class RefusedSegment(Rejected):
    """A segment that asks for what is never inferred of people, or for a proxy of it: the message says which words or labels."""


class NoSuchSegment(NotFound):
    """No segment of this id in this tenant."""


class NothingToPublish(NotReady):
    """The segment has no draft: put a definition first."""


class TooManySegments(NotReady):
    """The tenant has as many segments as are kept: delete one first."""
