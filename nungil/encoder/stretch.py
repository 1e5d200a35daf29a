"""The one way in which every encoder brings a picture to its size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nungil.encoder.port import Pixels


def enough_px(size_px: int) -> int:
    """The shorter side that a picture needs before it is stretched to `size_px`; a decoder may leave out what is finer.

    Half as much again as is seen: vectors of sharp pictures of 1000 to 1600 pixels stayed within a cosine of 0.99, 0.999 in
    the mean, and decoding and stretching took half the time. With just as much, 0.998 in the mean.
    """
    return size_px + size_px // 2


def stretch(picture: Pixels, size_px: int) -> Pixels:
    """uint8 [height, width, 3] -> uint8 [size_px, size_px, 3]. Pillow's bilinear filter averages what it makes smaller."""
    resized = Image.fromarray(picture).resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.uint8)  # a copy: torch takes no read-only memory
