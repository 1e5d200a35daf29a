"""EncodeText on a socket, with a CLIP of random weights."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from encoder_weights import clip_folder

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import embed_pb2
from nungil.api.embed.v1.embed_pb2_grpc import EmbedServiceStub, add_EmbedServiceServicer_to_server
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder, Vectors
from nungil.runtime.errors import DependencyAway, NotReady, Rejected
from nungil.runtime.rpc import calling, grpc_server, open_channel
from nungil.taxonomy.taxonomy import load_taxonomy
from services.embed.errors import TowerBusy
from services.embed.handlers import EncodePicture
from services.embed.rpc import EmbedServicer
from services.embed.texts import MOST_LETTERS, MOST_TEXTS, EncodeTexts
from services.search.text_tower import open_text_tower

NO_PICTURES = cast(EncodePicture, None)  # nobody asks for one


@contextmanager
def serving(encoder: Encoder) -> Iterator[str]:
    """The address."""
    servicer = EmbedServicer(NO_PICTURES, EncodeTexts(encoder), load_taxonomy())
    with tempfile.TemporaryDirectory(prefix="nungil-") as folder:
        address = f"unix:{folder}/embed.sock"

        def register(server: Any) -> None:
            add_EmbedServiceServicer_to_server(servicer, server)

        with grpc_server(register, listen=address, grace_s=1):
            yield address


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"hf://{clip_folder(tmp_path_factory.mktemp('clip'))}?labels=none"


@pytest.fixture(scope="module")
def clip(url: str) -> Iterator[Encoder]:
    with open_encoder(url, device="cpu") as encoder:
        yield encoder


@pytest.fixture(scope="module")
def address(clip: Encoder) -> Iterator[str]:
    with serving(clip) as address:
        yield address


@pytest.fixture(scope="module")
def stub(address: str) -> Iterator[EmbedServiceStub]:
    with open_channel(address) as channel:
        yield EmbedServiceStub(channel)


def ask(stub: EmbedServiceStub, texts: Sequence[str]) -> embed_pb2.EncodeTextResponse:
    request = embed_pb2.EncodeTextRequest(caller=common_pb2.Caller(tenant="t"), texts=texts)
    with calling():
        return stub.EncodeText(request, timeout=10)


def test_texts_come_back_as_unit_vectors_of_the_encoders_space_in_their_order(
    clip: Encoder, stub: EmbedServiceStub
) -> None:
    answer = ask(stub, ["a red shoe", "a dog"])
    assert answer.encoder_space == clip.space.name
    vectors = np.stack([np.frombuffer(vector, "<f4") for vector in answer.vectors])
    assert vectors.shape == (2, clip.space.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert clip.text is not None
    assert np.allclose(vectors, clip.text.encode_text(["a red shoe", "a dog"]), atol=1e-6)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_no_texts_are_no_vectors(stub: EmbedServiceStub) -> None:
    assert list(ask(stub, []).vectors) == []


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["a"] * (MOST_TEXTS + 1), f"at most {MOST_TEXTS}"),
        (["a" * (MOST_LETTERS + 1)], f"1 to {MOST_LETTERS}"),
        (["a dog", " "], "spaces alone"),
    ],
)
def test_too_many_texts_or_one_that_is_empty_or_too_long_are_refused(
    stub: EmbedServiceStub, texts: list[str], why: str
) -> None:
    with pytest.raises(Rejected, match=why):
        ask(stub, texts)


def test_an_encoder_without_a_text_tower_says_so() -> None:
    with open_encoder("tiny://64") as encoder, serving(encoder) as address, open_channel(address) as channel:
        with pytest.raises(NotReady, match="no text tower"):
            ask(EmbedServiceStub(channel), ["a dog"])


def test_search_gets_the_vector_of_words_from_embed(url: str, clip: Encoder, address: str) -> None:
    with open_text_tower(url, address) as tower:
        assert tower is not None
        assert clip.text is not None
        assert np.allclose(tower("t", "red shoe"), clip.text.encode_text(["red shoe"])[0], atol=1e-6)


def test_what_search_cannot_use_counts_as_away(url: str, address: str, tmp_path: Path) -> None:
    with open_text_tower(url, f"unix:{tmp_path}/nobody.sock") as tower, pytest.raises(DependencyAway):
        assert tower is not None
        tower("t", "a dog")
    other = f"hf://{clip_folder(tmp_path, seed=1)}"
    with open_text_tower(other, address) as tower, pytest.raises(DependencyAway, match="pictures are searched in"):
        assert tower is not None
        tower("t", "a dog")
    with open_encoder("tiny://64") as tiny, serving(tiny) as without, open_text_tower(url, without) as tower:
        assert tower is not None
        with pytest.raises(DependencyAway, match="no text tower"):
            tower("t", "a dog")


class SlowTower:
    """Holds whoever comes until it is let go."""

    def __init__(self, dim: int) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()
        self._dim = dim

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        self.entered.set()
        assert self.let_go.wait(20)
        return np.full((len(texts), self._dim), self._dim**-0.5, dtype=np.float32)


class WithTower:
    """An encoder with this text tower."""

    def __init__(self, encoder: Encoder, text: SlowTower) -> None:
        self.space, self.text = encoder.space, text


def test_who_waits_for_the_tower_too_long_is_told_to_try_again(clip: Encoder) -> None:
    tower = SlowTower(clip.space.dim)
    encode = EncodeTexts(cast(Encoder, WithTower(clip, tower)), wait_s=0.01)
    first: list[Vectors] = []
    thread = threading.Thread(target=lambda: first.append(encode(["a dog"])[1]))
    thread.start()
    try:
        assert tower.entered.wait(20)
        with pytest.raises(TowerBusy):
            encode(["a cat"])
    finally:
        tower.let_go.set()
        thread.join(20)
    assert len(first) == 1
    assert len(encode(["a cat"])[1]) == 1  # its turn is free again
