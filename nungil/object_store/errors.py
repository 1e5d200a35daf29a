"""What can go wrong with an object store."""

from nungil.runtime.errors import DependencyAway, NotFound, Rejected


class ObjectStoreAway(DependencyAway):
    """The object store cannot be reached. Retry."""


class ObjectNotFound(NotFound):
    """No object under this key."""


class InvalidKey(Rejected):
    """A key that the port does not allow."""
