"""What profile answers where it cannot do what was asked."""

from nungil.runtime.errors import NotFound, Rejected


class UnknownPerson(NotFound):
    """Nobody of this tenant has this person_id."""


class UnidentifiedPerson(Rejected):
    """Identify needs a tenant and a subject, each of 1 to 256 characters."""


class UnknownPurpose(Rejected):
    """There is no such consent; the purposes are in profile.proto."""


class InvalidActivity(Rejected):
    """An event that names nobody, no picture, nothing done, or a time that has not come."""


class InvalidMediaEvent(Rejected):
    """An event about a picture that cannot be read."""


class UnreadableFeatures(Rejected):
    """The feature object of a picture is damaged."""


class OutOfOrder(Exception):
    """An entry that is not later than what is folded already: fold again from the start."""
