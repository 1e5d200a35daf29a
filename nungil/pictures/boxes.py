"""Boxes: fractions of the upright picture, origin top left."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nungil.runtime.errors import Rejected

ACCEPTED = (
    "x, y, width and height are fractions of the picture: width and height above 0, and some of the box between 0 and 1"
)


class InvalidBox(Rejected):
    """A box that covers nothing of the picture, or is not made of numbers."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box, not necessarily within the picture; `clip` makes it so."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def clip(box: Box) -> tuple[Box, bool]:
    """The part of `box` within the picture, and whether any was cut off.

    Raises InvalidBox where a number is not finite, a size is not above zero, or nothing of it lies within.
    """
    numbers = (box.x, box.y, box.width, box.height)
    if not all(math.isfinite(number) for number in numbers) or box.width <= 0 or box.height <= 0:
        raise InvalidBox(f"the box {_show(box)} is empty or not made of numbers; {ACCEPTED}")
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, 1.0), min(box.y + box.height, 1.0)
    if right - left <= 1e-9 or bottom - top <= 1e-9:
        raise InvalidBox(f"the box {_show(box)} lies outside the picture; {ACCEPTED}")
    clipped = Box(left, top, right - left, bottom - top)
    cut = max(abs(a - b) for a, b in zip(numbers, (left, top, right - left, bottom - top), strict=True)) > 1e-6
    return (clipped, True) if cut else (clipped, False)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a.area + b.area - shared)


def _show(box: Box) -> str:
    return f"({box.x}, {box.y}, {box.width}, {box.height})"
