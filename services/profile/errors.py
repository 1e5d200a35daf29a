"""What profile answers where it cannot do what was asked."""

from nungil.runtime.errors import NotFound, NotReady, Outdated, Rejected


class UnknownPerson(NotFound):
    """Nobody of this tenant has this person_id."""


class UnidentifiedPerson(Rejected):
    """Identify needs a tenant and a subject, each of 1 to 256 characters."""


class UnknownPurpose(Rejected):
    """There is no such consent; the purposes are in profile.proto."""


class InvalidActivity(Rejected):
    """An event that names nobody, no picture, nothing done, or a time that has not come."""


class NoSuchInterest(NotFound):
    """There is no such interest: GET /v1/interests lists those there are."""


class InvalidName(Rejected):
    """An own name of an interest has 1 to 60 visible characters; none at all gives the usual name back."""


class InterestChanged(Outdated):
    """This interest was corrected since it was read: read it again, and decide again."""


class InvalidAbout(Rejected):
    """What is stated about oneself takes only the words that the contract lists."""


class InvalidQuestion(Rejected):
    """A question that cannot be: the message says which part of it."""


class InvalidMediaEvent(Rejected):
    """An event about a picture that cannot be read."""


class UnreadableFeatures(Rejected):
    """The feature object of a picture is damaged."""


class NoSuchPicture(NotFound):
    """No such picture, or not the caller's to see: the answer is the same."""


class PictureNotKept(NotReady):
    """The picture is only searched with: what waits needs one that stays. Keep it first."""


class InvalidWatch(Rejected):
    """A watch, or a question about watches, that cannot be: the message says which part of it."""


class TooManyWatches(NotReady):
    """The person has as many watches as are kept: delete one first."""


class NoSuchWatch(NotFound):
    """No such watch, or not the caller's: the answer is the same."""


class InvalidMatch(Rejected):
    """A record of watch.matched that is none."""


class OutOfOrder(Exception):
    """An entry that is not later than what is folded already: fold again from the start."""


class InvalidBoard(Rejected):
    """A name, note, place, limit or cursor of boards that cannot be: the message says which."""


class InvalidTried(Rejected):
    """A note, limit or cursor of what was tried that cannot be: the message says which."""


class NoSuchBoard(NotFound):
    """No such board, or not the caller's: the answer is the same."""


class NoSuchPin(NotFound):
    """No such pin of this board, or not the caller's: the answer is the same."""


class NoSuchLink(NotFound):
    """This link leads nowhere: it was never given, or its board is shared no more."""


class TooManyBoards(NotReady):
    """The person has as many boards as are kept: delete one first."""


class BoardShowsNothing(NotReady):
    """The board has no picture that could be compared yet: save something to it first."""


class BoardFull(NotReady):
    """The board has as many pins as it takes: remove one, or use another board."""
