"""What search refuses."""

from nungil.runtime.errors import NotFound, Rejected


class NoSuchPicture(NotFound):
    """No such picture, or not the caller's to see: the answer is the same."""


class InvalidQuery(Rejected):
    """A search that cannot be: the message says which part of it."""


class InvalidItem(Rejected):
    """A record of item.changed that is none."""


class InvalidPicture(Rejected):
    """A record of media.embedded that is none."""
