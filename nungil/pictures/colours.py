"""The dominant colours of a picture, in basic colour terms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nungil.pictures.features import FoundColour
from nungil.taxonomy.taxonomy import ColourEntry

THUMBNAIL_PX = 64
COLOURS_KEPT = 5
SMALLEST_SHARE = 0.05
_WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def dominant_colours(picture: NDArray[np.uint8], terms: Mapping[str, ColourEntry]) -> tuple[FoundColour, ...]:
    """At most five colours that cover 5 % of the picture or more, the largest share first.

    picture: uint8 [height, width, 3], sRGB. Each pixel of a thumbnail goes to the nearest of `terms` in CIELAB; a colour's
    rgb is the mean of its pixels.
    """
    small = Image.fromarray(picture).resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    pixels = np.asarray(small).reshape(-1, 3)
    ids = tuple(terms)
    centres = _centres(tuple(entry.rgb for entry in terms.values()))
    # |p - c|^2 = |p|^2 - 2 p c + |c|^2, and |p|^2 is the same for all: a tenth of the time of the differences
    nearest = ((centres**2).sum(axis=1) - 2 * (to_lab(pixels) @ centres.T)).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(ids)) / len(pixels)
    order = [i for i in np.argsort(-shares, kind="stable")[:COLOURS_KEPT] if shares[i] >= SMALLEST_SHARE]
    return tuple(FoundColour(ids[i], _packed(pixels[nearest == i].mean(axis=0)), float(shares[i])) for i in order)


def to_lab(rgb: NDArray[np.generic]) -> NDArray[np.float64]:
    """sRGB 0 to 255 -> CIELAB under D65 (IEC 61966-2-1; CIE 15:2004), along the last axis of size 3."""
    given = np.asarray(rgb)
    linear = _LINEAR[given] if given.dtype == np.uint8 else _linear(given)
    xyz = linear @ _TO_XYZ.T / _WHITE_D65
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _linear(rgb: NDArray[np.generic]) -> NDArray[np.float64]:
    encoded = np.asarray(rgb, dtype=np.float64) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


_LINEAR = _linear(np.arange(256))


@cache
def _centres(terms: tuple[int, ...]) -> NDArray[np.float64]:
    """float64 [terms, 3], CIELAB. terms: 0xRRGGBB each."""
    return to_lab(np.array([[rgb >> 16, rgb >> 8 & 255, rgb & 255] for rgb in terms]))


def _packed(rgb: NDArray[np.float64]) -> int:
    red, green, blue = (int(value) for value in rgb.round())
    return red << 16 | green << 8 | blue
