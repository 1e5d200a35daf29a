"""The one rule that cuts a set of photographs in two: what is fitted sees one half, what is measured uses the other.

Sorted by path, the photographs with an even index (0, 2, 4, …) may be fitted on; those with an odd one are held out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def fitted(photographs: Iterable[Path]) -> list[Path]:
    """The half that may be fitted on. Give one set at a time, all of it."""
    return sorted(photographs)[0::2]


def held_out(photographs: Iterable[Path]) -> list[Path]:
    """The half that figures are taken from."""
    return sorted(photographs)[1::2]
