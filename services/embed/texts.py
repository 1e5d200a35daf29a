"""Words through the encoder's text tower."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from nungil.encoder.port import Encoder, Vectors
from nungil.runtime import tracing
from services.embed.errors import InvalidTexts, NoTextTower, TowerBusy

MOST_TEXTS = 16
MOST_LETTERS = 500
WAIT_S = 1.0  # for those before: whoever searches then does without


@dataclass(frozen=True)
class EncodeTexts:
    """The tower is another network than that of pictures, so words have a turn of their own and never wait for a batch of pictures."""

    encoder: Encoder
    wait_s: float = WAIT_S
    _turn: threading.Lock = field(default_factory=threading.Lock)  # a tower belongs to one thread at a time

    def __call__(self, texts: Sequence[str]) -> tuple[str, Vectors]:
        """The encoder space, and float32 [n, dim] of unit length. Raises NoTextTower, InvalidTexts and TowerBusy."""
        tower = self.encoder.text
        if tower is None:
            raise NoTextTower(f"the encoder of {self.encoder.space.name} has no text tower")
        if len(texts) > MOST_TEXTS:
            raise InvalidTexts(f"{len(texts)} texts at once; at most {MOST_TEXTS} are taken")
        for text in texts:
            if not text.strip() or len(text) > MOST_LETTERS:
                raise InvalidTexts(
                    f"a text has {len(text)} letters; it must have 1 to {MOST_LETTERS}, and not spaces alone"
                )
        if not self._turn.acquire(timeout=self.wait_s):
            raise TowerBusy
        try:
            vectors = tower.encode_text(texts)
        finally:
            self._turn.release()
        tracing.note(texts=len(texts))
        return self.encoder.space.name, vectors
