"""The one way in which every encoder brings a picture to its size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nungil.encoder.port import Pixels


def stretch(picture: Pixels, size_px: int) -> Pixels:
    """uint8 [height, width, 3] -> uint8 [size_px, size_px, 3]. Pillow's bilinear filter averages what it makes smaller."""
    resized = Image.fromarray(picture).resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.uint8)  # a copy: torch takes no read-only memory
