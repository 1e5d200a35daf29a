"""Why a picture is not taken. Each message names the reason and what would be taken."""

from nungil.runtime.errors import DependencyAway, NungilError, Rejected


class UnsupportedPicture(Rejected):
    """The bytes are of a kind that we do not take: by their content, whatever their name says."""


class UndecodablePicture(Rejected):
    """The bytes are no picture that we can decode: broken, or cut short."""


class TooManyPixels(Rejected):
    """More pixels than we decode."""


class TooManyFrames(Rejected):
    """An animation or a sequence; we take single pictures."""


class MisnamedPicture(Rejected):
    """The file's name says another type than its content has."""


class DecoderAway(DependencyAway):
    """No decoder process can be started now. Nothing is said about the picture."""


class DecoderBug(NungilError):
    """A decoder process met a mistake of ours."""
