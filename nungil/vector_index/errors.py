"""What can go wrong with a vector index."""

from nungil.runtime.errors import DependencyAway, Rejected


class VectorIndexAway(DependencyAway):
    """The vector index cannot be reached. Retry."""


class InvalidRow(Rejected):
    """A row that this index cannot hold."""
