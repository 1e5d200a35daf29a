"""Products, drawn: simple shapes with light and shadow, the same pixels every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIZE_PX = 400
_FINE = 2  # drawn at twice the size, then made smaller: smooth edges
_SIDE = SIZE_PX * _FINE
Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
Light = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


class Scene:
    """A table top with things on it. Coordinates are fractions of the picture, origin top left."""

    def __init__(self, background: Colour) -> None:
        rows = np.linspace(1.06, 0.88, _SIDE)[:, None, None]
        self._pixels = np.clip(np.array(background) * rows * np.ones((_SIDE, _SIDE, 1)), 0, 255)

    def ellipse(
        self, x: float, y: float, width: float, height: float, colour: Colour, light: Light | None = None
    ) -> None:
        """Around (x, y), `width` and `height` wide and high."""
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        self._fill(lambda draw: draw.ellipse([value * _SIDE for value in box], fill=255), colour, light)

    def ring(self, x: float, y: float, width: float, height: float, thick: float, colour: Colour) -> None:
        """The outline of an ellipse, `thick` wide."""
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        pen = int(thick * _SIDE)
        self._fill(
            lambda draw: draw.ellipse([value * _SIDE for value in box], outline=255, width=pen), colour, round_light
        )

    def polygon(self, points: Points, colour: Colour, light: Light | None = None) -> None:
        """The shape between `points`."""
        corners = [(x * _SIDE, y * _SIDE) for x, y in points]
        self._fill(lambda draw: draw.polygon(corners, fill=255), colour, light)

    def rounded(self, left: float, top: float, right: float, bottom: float, radius: float, colour: Colour) -> None:
        """A rectangle with round corners."""
        box = [value * _SIDE for value in (left, top, right, bottom)]
        self._fill(lambda draw: draw.rounded_rectangle(box, radius * _SIDE, fill=255), colour, round_light)

    def line(self, points: Points, thick: float, colour: Colour) -> None:
        """A stroke through `points`."""
        corners = [(x * _SIDE, y * _SIDE) for x, y in points]
        self._fill(lambda draw: draw.line(corners, fill=255, width=int(thick * _SIDE), joint="curve"), colour, None)

    def shadow(self, x: float, y: float, width: float, height: float) -> None:
        """A soft dark ellipse on the table."""
        mask = Image.new("L", (_SIDE, _SIDE))
        box = [value * _SIDE for value in (x - width / 2, y - height / 2, x + width / 2, y + height / 2)]
        ImageDraw.Draw(mask).ellipse(box, fill=130)
        soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(_SIDE // 40)), np.float64)[:, :, None] / 255
        self._pixels *= 1 - soft

    def picture(self) -> Image.Image:
        """What was drawn, 400 x 400."""
        whole = Image.fromarray(self._pixels.astype(np.uint8))
        return whole.resize((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS)

    def _fill(self, shape: Callable[[ImageDraw.ImageDraw], None], colour: Colour, light: Light | None) -> None:
        mask = Image.new("L", (_SIDE, _SIDE))
        shape(ImageDraw.Draw(mask))
        box = mask.getbbox()
        if box is None:
            return
        left, top, right, bottom = box
        covered = np.asarray(mask.crop(box)) > 0
        across, down = np.meshgrid(np.linspace(0, 1, right - left), np.linspace(0, 1, bottom - top))
        shade = light(across, down) if light else np.ones_like(across)
        lit = np.clip(shade[:, :, None] * np.array(colour), 0, 255)
        part = self._pixels[top:bottom, left:right]
        part[covered] = lit[covered]


def round_light(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """A cylinder lit from the left: bright at a third, dark at the right edge."""
    return np.asarray(1.12 - 1.1 * (across - 0.32) ** 2 - 0.08 * down)


def ball_light(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """A sphere lit from the upper left."""
    return np.asarray(1.25 - 1.15 * np.hypot(across - 0.33, down - 0.3) ** 1.4)


def flat_light(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """A surface that lies flat, a little darker to the lower right."""
    return np.asarray(1.06 - 0.12 * across - 0.1 * down)
