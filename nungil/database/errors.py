"""What can go wrong with a database."""

from nungil.runtime.errors import DependencyAway


class DatabaseAway(DependencyAway):
    """The database cannot be reached, or did not answer in time. Retry."""
