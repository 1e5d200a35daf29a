"""Words as vectors among those of pictures. Search loads no encoder: embed, which has one, is asked."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.embed.v1.embed_pb2 import EncodeTextRequest
from nungil.api.embed.v1.embed_pb2_grpc import EmbedServiceStub
from nungil.encoder.open import has_text_tower, space_of
from nungil.encoder.port import EncoderSpace
from nungil.runtime.errors import DependencyAway, NungilError
from nungil.runtime.rpc import calling, metadata, open_channel

logger = logging.getLogger(__name__)

WAIT_S = 2.0  # a search is then answered by titles alone
MOST_LETTERS = 500  # that embed takes of a text
HELD = 1_000  # texts: about 3 MB

Vector = NDArray[np.float32]


class TextTower:
    """Vectors of texts, the recent ones held. Safe for many threads. Blocking.

    encode: tenant and text -> float32 [dim], unit length. Raises DependencyAway.
    """

    def __init__(self, encode: Callable[[str, str], Vector], held: int = HELD) -> None:
        self._encode = encode
        self._most = held
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Vector] = OrderedDict()

    def __call__(self, tenant: str, text: str) -> Vector:
        """float32 [dim], unit length. Raises DependencyAway."""
        asked = text[:MOST_LETTERS]
        with self._lock:
            if asked in self._held:
                self._held.move_to_end(asked)
                return self._held[asked]
        vector = self._encode(tenant, asked)
        with self._lock:
            self._held[asked] = vector
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return vector


@contextmanager
def open_text_tower(encoder_url: str, embed_address: str) -> Iterator[TextTower | None]:
    """The tower of the encoder that is served; None where it has none, or where nobody says who would run it."""
    if not has_text_tower(encoder_url):
        yield None
        return
    if not embed_address:
        logger.warning("words are looked for in titles alone: NUNGIL_EMBED_ADDRESS says not where embed is")
        yield None
        return
    space = space_of(encoder_url)
    with open_channel(embed_address) as channel:
        stub = EmbedServiceStub(channel)
        yield TextTower(lambda tenant, text: _encoded(stub, space, tenant, text))


def _encoded(stub: EmbedServiceStub, space: EncoderSpace, tenant: str, text: str) -> Vector:
    """Raises DependencyAway for whatever goes wrong: while encoders are being changed, embed may be before or behind us."""
    request = EncodeTextRequest(caller=Caller(tenant=tenant), texts=[text])
    try:
        with calling():
            answer = stub.EncodeText(request, timeout=WAIT_S, metadata=metadata())
    except NungilError as error:
        raise DependencyAway(f"embed made no vector of words: {error}") from error
    if answer.encoder_space != space.name or len(answer.vectors) != 1:
        raise DependencyAway(f"embed serves {answer.encoder_space}, and pictures are searched in {space.name}")
    return np.frombuffer(answer.vectors[0], dtype="<f4").astype(np.float32)
