"""What recommendations and campaigns refuse."""

from nungil.runtime.errors import DependencyAway, NotFound, Rejected


class InvalidRecommendation(Rejected):
    """A question for recommendations that cannot be: the message says which part of it."""


class SearchUnknown(DependencyAway):
    """Recommendations are found by search, and nobody said where it is: set NUNGIL_SEARCH_ADDRESS."""


class InvalidCampaign(Rejected):
    """A campaign that cannot be: the message says which part of it."""


class NoSuchCampaign(NotFound):
    """No such campaign of this tenant."""
