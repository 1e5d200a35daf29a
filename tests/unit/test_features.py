"""The features object: what is written is what is read, up to half precision of the maps."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.features import (
    Features,
    FoundColour,
    FoundLabel,
    FoundRegion,
    box_from_proto,
    box_to_proto,
    decode_features,
    encode_features,
)


def some_found(rows: int = 3, columns: int = 4, dim: int = 6, labels: int = 2, *, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=dim).astype(np.float32)
    found = tuple(FoundLabel(f"label_{n}", 0.5) for n in range(labels))
    return Features(
        tenant="acme",
        media_id="m-1",
        owner="p-mina",
        encoder_space="tiny-6",
        version=3,
        width_px=640,
        height_px=480,
        map=rng.normal(size=(rows, columns, dim)).astype(np.float32),
        regions=(FoundRegion(0, WHOLE, vector), FoundRegion(1, Box(0.1, 0.2, 0.3, 0.4), vector, found)),
        labels=found,
        label_map=rng.random((labels, rows, columns)).astype(np.float32),
        colours=(FoundColour("red", 0xC82828, 0.25),),
    )


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 9), st.integers(0, 4), st.integers(0, 99))
def test_what_is_written_is_read_again(rows: int, columns: int, dim: int, labels: int, seed: int) -> None:
    given_ = some_found(rows, columns, dim, labels, seed=seed)
    read = decode_features(encode_features(given_))
    for field in (
        "tenant",
        "media_id",
        "owner",
        "encoder_space",
        "version",
        "width_px",
        "height_px",
        "labels",
        "colours",
    ):
        assert getattr(read, field) == getattr(given_, field)
    assert read.map.shape == (rows, columns, dim)
    assert read.label_map.shape == (labels, rows, columns)
    assert read.map.dtype == read.label_map.dtype == np.float32
    assert np.allclose(read.map, given_.map, rtol=1e-3, atol=1e-3)
    assert np.allclose(read.label_map, given_.label_map, rtol=1e-3, atol=1e-3)
    for before, after in zip(given_.regions, read.regions, strict=True):
        assert (after.n, after.box, after.labels) == (before.n, before.box, before.labels)
        assert (after.vector == before.vector).all()


def test_half_precision_moves_no_cosine_by_a_thousandth() -> None:
    given_ = some_found(10, 10, 256)
    read = decode_features(encode_features(given_))
    a, b = given_.map.reshape(-1, 256), read.map.reshape(-1, 256)
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosines.min() > 0.999


def test_the_same_features_are_the_same_bytes() -> None:
    assert encode_features(some_found()) == encode_features(some_found())


def test_what_was_read_can_be_changed() -> None:
    read = decode_features(encode_features(some_found()))
    read.map[0, 0, 0] = 1.0
    read.regions[0].vector[0] = 1.0
    assert read.map[0, 0, 0] == 1.0


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"not a message at all"])
def test_bytes_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises((DecodeError, ValueError)):
        decode_features(data)


@given(*[st.floats(0, 1)] * 4)
def test_a_box_survives_the_wire(x: float, y: float, width: float, height: float) -> None:
    box = Box(x, y, width, height)
    assert box_from_proto(box_to_proto(box)) == box
