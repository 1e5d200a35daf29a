"""What search refuses."""

from nungil.runtime.errors import DependencyAway, NotFound, NungilError, Rejected


class NoSuchPicture(NotFound):
    """No such picture, or not the caller's to see: the answer is the same."""


class InvalidQuery(Rejected):
    """A search that cannot be: the message says which part of it."""


class InvalidItem(Rejected):
    """A record of item.changed that is none."""


class InvalidPicture(Rejected):
    """A record of media.embedded that is none."""


class InvalidWatch(Rejected):
    """A record of watch.changed that is none."""


class TooManySessions(DependencyAway):
    """This process holds as many lens sessions as it may: try again, which may lead to another."""


class LensIdle(NungilError):
    """Nothing was asked for too long: open the picture again."""


class LensMoved(DependencyAway):
    """The process that held the session ends: open the picture again."""
