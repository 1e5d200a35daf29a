"""What the colours of a picture say of interests. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from nungil.pictures.features import FoundColour
from nungil.pictures.lab import to_lab
from nungil.taxonomy.taxonomy import Palette


def palettes_shown(colours: Sequence[FoundColour], palettes: Iterable[Palette]) -> list[tuple[str, float]]:
    """The interests whose colours cover enough of the picture, and how strongly each is spoken for, 0 to 1: strongest first.

    colours: as `dominant_colours` finds them. What they leave out of the picture counts for nothing.
    """
    if not colours:
        return []
    lab = to_lab(np.array([[c.rgb >> 16, c.rgb >> 8 & 255, c.rgb & 255] for c in colours], dtype=np.uint8))
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    shares = np.array([colour.share for colour in colours])
    shown = []
    for palette in palettes:
        within = np.ones(len(colours), dtype=bool)
        for value, (low, high) in ((lightness, palette.lightness), (chroma, palette.chroma), (hue, palette.hue)):
            within &= (low <= value) & (value <= high)
        covered = float(shares[within].sum())
        if covered >= palette.share:
            shown.append((palette.interest, round(palette.weight * covered, 4)))
    return sorted(shown, key=lambda found: (-found[1], found[0]))
