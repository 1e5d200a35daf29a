"""An encoder made of a forward pass: what the adapters with weights share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nungil.encoder.port import Encoded, EncoderSpace, Pixels, TextEncoder
from nungil.encoder.stretch import stretch


class ForwardPass(Protocol):
    """A network on its device."""

    def __call__(self, batch: Pixels) -> Encoded:
        """uint8 [n, px, px, 3] -> maps. n >= 1."""

    def close(self) -> None: ...


class NetworkEncoder:
    """See port.Encoder. Runs one blank picture when made: the first pass is slow, and it is nobody's."""

    def __init__(
        self, space: EncoderSpace, labels: Sequence[str], forward: ForwardPass, text: TextEncoder | None = None
    ) -> None:
        self._space = space
        self._labels = tuple(labels)
        self._forward = forward
        self._text = text
        forward(np.zeros((1, space.input_px, space.input_px, 3), dtype=np.uint8))

    @property
    def space(self) -> EncoderSpace:
        return self._space

    @property
    def labels(self) -> Sequence[str]:
        return self._labels

    @property
    def text(self) -> TextEncoder | None:
        return self._text

    def prepare(self, picture: Pixels) -> Pixels:
        return stretch(picture, self._space.input_px)

    def forward(self, batch: Pixels) -> Encoded:
        return self._forward(batch)

    def close(self) -> None:
        """Ends its threads, gives memory back."""
        self._forward.close()
