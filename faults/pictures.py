"""The pictures of a run: the same seed gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from bench.running import PHOTOS
from nungil.encoder.tiny import LABELS

_CELLS, _PX = 4, 128


@dataclass(frozen=True)
class Picture:
    """One to give. name: what its owner calls it, by which runs are compared."""

    name: str
    data: bytes


def painted(count: int, *, seed: int) -> list[Picture]:
    """Pictures of 4 x 4 coloured fields, of which no two are alike; the tiny encoder has a name for each colour."""
    random = np.random.default_rng(seed)
    colours = np.array([colour for colour, _ in LABELS], np.int16)
    pictures = []
    for n in range(count):
        cells = colours[random.choice(len(colours), (_CELLS, _CELLS), p=_favouring(n % len(colours)))]
        cells = cells + random.integers(-10, 11, cells.shape, dtype=np.int16)
        pixels = cells.clip(0, 255).astype(np.uint8).repeat(_PX // _CELLS, 0).repeat(_PX // _CELLS, 1)
        file = BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        pictures.append(Picture(f"{n:04d}.png", file.getvalue()))
    return pictures


def photographs(count: int) -> list[Picture]:
    """The first photographs of the data folder. Raises FileNotFoundError where there are not so many."""
    files = sorted((PHOTOS / "clothing").glob("*/*.*"))[:count]
    if len(files) < count:
        raise FileNotFoundError(f"{PHOTOS} has {len(files)} photographs of clothing, not {count}: set NUNGIL_PHOTOS")
    return [Picture(f"{n:04d}{file.suffix}", file.read_bytes()) for n, file in enumerate(files)]


def _favouring(colour: int) -> list[float]:
    """Half of a picture's fields are of one colour."""
    weights = np.full(len(LABELS), 0.5 / (len(LABELS) - 1))
    weights[colour] = 0.5
    return list(weights / weights.sum())
