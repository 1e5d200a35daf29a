"""What ingest refuses."""

from nungil.runtime.errors import DependencyAway, NotFound, Rejected, TooLarge


class PictureTooLarge(TooLarge):
    """More bytes than we take for one picture."""


class FeedTooLarge(TooLarge):
    """More bytes than we take for one feed."""


class UploadStoodStill(DependencyAway):
    """The upload stood still for so long that what it stored may have been swept. Send the picture again."""


class NobodyAsks(Rejected):
    """A request that needs a tenant or a person and names none."""


class InvalidUpload(Rejected):
    """What comes with a picture cannot be: its address on the web, its purpose, the order of its parts."""


class InvalidQuery(Rejected):
    """A limit, width or cursor that cannot be."""


class InvalidItem(Rejected):
    """An item or an offer that cannot be."""


class UnreadableFeed(Rejected):
    """A feed that cannot be read as a whole."""


class UnfitTerms(Rejected):
    """Terms that a feed of this format needs and lacks, or that cannot be."""


class SuspiciousFeed(Rejected):
    """A full feed that would retire most of what its shop offers here."""


class NoSuchPicture(NotFound):
    """No such picture, or not the caller's to see."""

    def __init__(self, media_id: str, **rest: str | None) -> None:
        super().__init__(f"no picture {media_id}", **rest)


class NoSuchItem(NotFound):
    """No such item in this tenant."""

    def __init__(self, item_id: str, **rest: str | None) -> None:
        super().__init__(f"no item {item_id}", **rest)


class NoSuchImport(NotFound):
    """No such import in this tenant."""

    def __init__(self, import_id: str, **rest: str | None) -> None:
        super().__init__(f"no import {import_id}", **rest)


class OwnerErased(NotFound):
    """The person was erased: who comes again is another person."""
