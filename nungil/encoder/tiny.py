"""tiny://64: no weights, no torch, a millisecond a picture. Similar colours in similar places give similar vectors.

A cell is named by its colour (LABELS), so that a test can paint a dog on a mountain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nungil.encoder.port import Encoded, EncoderSpace, Pixels
from nungil.encoder.stretch import stretch
from nungil.taxonomy.taxonomy import load_taxonomy

# sRGB of a cell -> the ImageNet class that it stands for.
LABELS: tuple[tuple[tuple[int, int, int], int], ...] = (
    ((205, 133, 63), 207),  # orange-brown: golden retriever
    ((60, 140, 70), 970),  # green: alp
    ((50, 110, 200), 978),  # blue: seashore
    ((210, 40, 40), 817),  # red: sports car
    ((240, 220, 60), 954),  # yellow: banana
    ((235, 130, 180), 770),  # pink: running shoe
    ((120, 60, 160), 578),  # purple: gown
    ((30, 40, 80), 608),  # navy: jean
    ((250, 250, 250), 504),  # white: coffee mug
    ((128, 128, 128), 508),  # grey: computer keyboard
    ((10, 10, 10), 620),  # black: laptop
)
LABEL_WIDTH = 25.0  # in sRGB steps: how far a colour still speaks for a label
COLOUR_WIDTH = 90.0  # in sRGB steps: how far two colours are still alike in the vector
SEED = 20251101


class TinyEncoder:
    """Random Fourier features of each cell's colour and texture (Rahimi and Recht, NIPS 2007), from a fixed seed.

    Raises Misconfigured where the taxonomy contradicts itself.
    """

    def __init__(self, space: EncoderSpace) -> None:
        imagenet = load_taxonomy().imagenet
        random = np.random.default_rng(SEED)
        self._space = space
        self._labels = tuple(imagenet[label] for _, label in LABELS)
        self._colours = np.array([colour for colour, _ in LABELS], dtype=np.float32)
        self._weights = random.standard_normal((6, space.dim)).astype(np.float32)
        self._phases = random.uniform(0, 2 * np.pi, space.dim).astype(np.float32)

    @property
    def space(self) -> EncoderSpace:
        return self._space

    @property
    def labels(self) -> Sequence[str]:
        return self._labels

    @property
    def text(self) -> None:
        return None

    def prepare(self, picture: Pixels) -> Pixels:
        return stretch(picture, self._space.input_px)

    def forward(self, batch: Pixels) -> Encoded:
        colour, texture = self._cells(batch)
        numbers = np.concatenate([colour, 2 * texture], axis=-1) / COLOUR_WIDTH
        maps = np.cos(numbers @ self._weights + self._phases) * np.sqrt(2 / self._space.dim, dtype=np.float32)
        return Encoded(maps.astype(np.float32), self._name(colour))

    def _cells(self, batch: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation of sRGB in each cell, float32 [n, rows, columns, 3] each."""
        rows, columns = self._space.rows, self._space.columns
        size = self._space.input_px // rows
        cells = batch.astype(np.float32).reshape(len(batch), rows, size, columns, size, 3)
        return cells.mean(axis=(2, 4)), cells.std(axis=(2, 4))

    def _name(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of each label by distance of colour: softmax of a Gaussian's logarithm, [n, rows, columns, labels]."""
        distance = np.linalg.norm(colour[..., None, :] - self._colours, axis=-1) / LABEL_WIDTH
        logits = -0.5 * distance**2
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probabilities: NDArray[np.float32] = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
        return probabilities
