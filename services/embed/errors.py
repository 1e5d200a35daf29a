"""What embed refuses."""

from nungil.runtime.errors import DependencyAway, NotFound, NotReady, Rejected


class UnreadableEvent(Rejected):
    """A record of media.changed that is no such event, or names no picture. Event: dead letter."""


class RenditionMissing(Rejected):
    """There is nothing under the event's object key, and the picture was not deleted. Event: dead letter, and media.embedded."""


class UnknownPicture(NotFound):
    """No such picture among those that are only searched with, or not of this tenant: the answer is the same."""


class NoTextTower(NotReady):
    """The encoder that is served knows no words: switch to an hf:// encoder."""


class InvalidTexts(Rejected):
    """Too many texts, or one that is empty or too long."""


class TowerBusy(DependencyAway):
    """Others wait for the text tower already: try again."""
