"""The encoder port: pictures in, maps of vectors and of label probabilities out.

Work is cut in three, so that a worker can keep its device busy: `prepare` (CPU, one picture), `forward` (device, a
batch), and what embed makes of the answer (CPU). An encoder sees the upright picture stretched to `input_px` squared,
so that fractions of the picture are fractions of the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Maps = NDArray[np.float32]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderSpace:
    """What makes vectors comparable. `name` changes whenever the same picture would give other vectors."""

    name: str  # letters, digits and '-': it is part of object keys and collection names
    dim: int
    rows: int
    columns: int
    input_px: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """One forward pass over n pictures.

    maps: float32 [n, rows, columns, dim], projected, not normalised. label_maps: float32 [n, rows, columns, labels],
    the probability of each label in each cell, in the order of `Encoder.labels`. Of things they sum to 1; of materials and of
    styles (taxonomy.Prompted), where an encoder tells them, to 1 at most.
    """

    maps: Maps
    label_maps: Maps


class TextEncoder(Protocol):
    """The text tower of an encoder that was trained with one: words and pictures in one space. Belongs to one thread at a time."""

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, dim], unit length: their cosine with a pooled vector of a map is what the encoder was trained for.

        n = 0 gives [0, dim]. A text longer than the tower reads is cut. Any language is taken; which are understood is the
        checkpoint's.
        """


class Encoder(Protocol):
    """Deterministic: the same pixels give the same maps. `forward` belongs to one thread, `prepare` to any."""

    @property
    def space(self) -> EncoderSpace: ...

    @property
    def labels(self) -> Sequence[str]:
        """Taxonomy label ids, in the order of the last axis of `label_maps`. May be empty: then pictures get no labels."""

    @property
    def text(self) -> TextEncoder | None:
        """None where the encoder knows no words."""

    def prepare(self, picture: Pixels) -> Pixels:
        """uint8 [height, width, 3], upright RGB -> uint8 [input_px, input_px, 3]."""

    def forward(self, batch: Pixels) -> Encoded:
        """uint8 [n, input_px, input_px, 3] -> maps. n >= 1."""
