"""CIE L*a*b*, where a distance is about a difference that people see. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


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
