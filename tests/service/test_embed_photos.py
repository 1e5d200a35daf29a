"""Embed with its default encoder, on real photographs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder
from nungil.encoder.stretch import enough_px
from nungil.pictures.decode import decode_at_least
from nungil.pictures.features import Features
from nungil.taxonomy.taxonomy import load_taxonomy
from services.embed.core import Picture, finish, prepare

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[3] / "shared" / "data")
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not PHOTOS.exists(), reason=f"no photographs at {PHOTOS}: set NUNGIL_PHOTOS"),
]


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        yield encoder


def features_of(path: Path, encoder: Encoder) -> Features:
    prepared = prepare(
        *decode_at_least(path.read_bytes(), enough_px(encoder.space.input_px)), encoder, load_taxonomy().colours
    )
    encoded = encoder.forward(prepared.pixels[None])
    return finish(
        Picture("local", path.stem, "p-1", 1),
        prepared,
        encoded.maps[0],
        encoded.label_maps[0],
        space=encoder.space.name,
        labels=encoder.labels,
    )


def dogs() -> list[Path]:
    rows = csv.DictReader((PHOTOS / "gallery" / "gallery.csv").open(newline=""))
    return [PHOTOS / "gallery" / row["file"] for row in rows if "pets/dogs" in row["interests"].split(";")]


def evidence_of_a_dog(features: Features) -> float:
    """The most probable region, over all labels that speak for dogs."""
    labels = load_taxonomy().labels
    return max(
        sum(label.score for label in region.labels if "dogs" in labels[label.id].interests)
        for region in features.regions
    )


def test_dogs_are_seen_in_most_photographs_of_dogs_and_in_few_of_garments(encoder: Encoder) -> None:
    with_dogs = [evidence_of_a_dog(features_of(path, encoder)) for path in dogs()]
    without = [evidence_of_a_dog(features_of(path, encoder)) for path in sorted(PHOTOS.glob("clothing/*/*"))[::20]]
    assert np.mean([score > 0.3 for score in with_dogs]) >= 0.6
    assert np.mean([score > 0.3 for score in without]) <= 0.1


def test_a_product_on_white_is_white(encoder: Encoder) -> None:
    products = sorted((PHOTOS / "grocery" / "products").iterdir())[::10]
    assert all("white" in [colour.id for colour in features_of(path, encoder).colours] for path in products)


def test_a_photograph_has_a_few_regions_and_their_vectors_are_of_unit_length(encoder: Encoder) -> None:
    found = [features_of(path, encoder) for path in sorted((PHOTOS / "scenes").glob("*.jpg"))[:16]]
    assert 4 <= np.mean([len(features.regions) for features in found]) <= 11
    lengths = [np.linalg.norm(region.vector) for features in found for region in features.regions]
    np.testing.assert_allclose(lengths, 1.0, atol=1e-5)
