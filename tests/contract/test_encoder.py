"""What every encoder promises. Those with weights in files are given random ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from encoder_weights import clip_folder, siglip_folder, torchvision_weights

from nungil.encoder.open import open_encoder, space_of
from nungil.encoder.port import Encoder, Pixels
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import MATERIALS, SCENES, STYLES, load_taxonomy

ENCODERS: dict[str, Callable[[Path], str]] = {
    "efficientnet-lite0": lambda _: "efficientnet-lite0://",
    "efficientnet-lite0-torch": lambda _: "efficientnet-lite0://?backend=torch",
    "torchvision": lambda folder: f"torchvision://resnet18?weights={torchvision_weights(folder)}",
    "hf-clip": lambda folder: f"hf://{clip_folder(folder)}",
    "hf-siglip": lambda folder: f"hf://{siglip_folder(folder)}",
    "tiny-64": lambda _: "tiny://64",
    "tiny-256": lambda _: "tiny://256",
}


@pytest.fixture(scope="module", params=ENCODERS.values(), ids=ENCODERS.keys())
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(request.param(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def encoder(url: str) -> Iterator[Encoder]:
    with open_encoder(url, device="cpu") as encoder:
        yield encoder


def a_picture(seed: int = 0, *, height: int = 300, width: int = 400) -> Pixels:
    """Blocks of colour, with a little noise."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (5, 5, 3)).repeat(-(-height // 5), axis=0).repeat(-(-width // 5), axis=1)
    noisy = blocks[:height, :width] + random.integers(-10, 11, (height, width, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def a_batch(encoder: Encoder, n: int = 5) -> Pixels:
    return np.stack([encoder.prepare(a_picture(seed)) for seed in range(n)])


def test_prepare_stretches_any_picture_to_the_size_of_the_encoder(encoder: Encoder) -> None:
    side = encoder.space.input_px
    for height, width in ((300, 400), (1, 1), (2000, 30), (side, side)):
        prepared = encoder.prepare(a_picture(height=height, width=width))
        assert prepared.shape == (side, side, 3)
        assert prepared.dtype == np.uint8


def test_prepare_takes_memory_that_cannot_be_written_to(encoder: Encoder) -> None:
    picture = a_picture()
    picture.flags.writeable = False
    assert encoder.forward(encoder.prepare(picture)[None]).maps.shape[0] == 1


def test_maps_have_the_shape_of_the_space_and_a_probability_for_each_label(encoder: Encoder) -> None:
    encoded = encoder.forward(a_batch(encoder, 3))
    space = encoder.space
    assert encoded.maps.shape == (3, space.rows, space.columns, space.dim)
    assert encoded.label_maps.shape == (3, space.rows, space.columns, len(encoder.labels))
    assert encoded.maps.dtype == encoded.label_maps.dtype == np.float32
    assert np.isfinite(encoded.maps).all()


def test_the_probabilities_of_a_cell_sum_to_one_of_things_and_to_no_more_of_materials_or_styles(
    encoder: Encoder,
) -> None:
    label_maps = encoder.forward(a_batch(encoder)).label_maps
    assert label_maps.min() >= 0
    of = {one.id: one.of for one in load_taxonomy().prompted}
    kinds = np.array([of.get(label, SCENES) for label in encoder.labels])
    np.testing.assert_allclose(label_maps[..., kinds == SCENES].sum(axis=-1), 1.0, atol=1e-4)
    for kind in (MATERIALS, STYLES):
        assert label_maps[..., kinds == kind].sum(axis=-1).max() <= 1 + 1e-4


def test_the_same_pixels_give_the_same_maps(encoder: Encoder) -> None:
    first, second = encoder.forward(a_batch(encoder)), encoder.forward(a_batch(encoder))
    np.testing.assert_array_equal(first.maps, second.maps)
    np.testing.assert_array_equal(first.label_maps, second.label_maps)


def test_a_batch_gives_what_its_pictures_give_one_by_one(encoder: Encoder) -> None:
    batch = a_batch(encoder, 7)
    together = encoder.forward(batch)
    for n in range(len(batch)):
        alone = encoder.forward(batch[n : n + 1])
        np.testing.assert_allclose(together.maps[n], alone.maps[0], atol=1e-4)
        np.testing.assert_allclose(together.label_maps[n], alone.label_maps[0], atol=1e-4)


def test_another_process_gives_the_same_vector(encoder: Encoder, url: str) -> None:
    program = (
        "import sys, numpy as np\nfrom nungil.encoder.open import open_encoder\n"
        f"with open_encoder({url!r}, device='cpu') as encoder:\n"
        "    batch = np.full((1, encoder.space.input_px, encoder.space.input_px, 3), 90, dtype=np.uint8)\n"
        "    sys.stdout.buffer.write(encoder.forward(batch).maps.mean(axis=(0, 1, 2)).tobytes())\n"
    )
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    grey = np.full((1, encoder.space.input_px, encoder.space.input_px, 3), 90, dtype=np.uint8)
    here = encoder.forward(grey).maps.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(np.frombuffer(other, dtype=np.float32), here, rtol=1e-4, atol=1e-4)


def test_the_whole_picture_pooled_is_the_mean_of_its_cells(encoder: Encoder) -> None:
    [map_] = encoder.forward(a_batch(encoder, 1)).maps
    np.testing.assert_allclose(pool_box(summed_area(map_), WHOLE), map_.mean(axis=(0, 1)), atol=1e-4)


def test_a_picture_is_most_like_itself_a_little_brighter(encoder: Encoder) -> None:
    pictures = [a_picture(seed) for seed in range(6)]
    brighter = np.stack([encoder.prepare((p.astype(np.int16) + 8).clip(0, 255).astype(np.uint8)) for p in pictures])
    known = unit(encoder.forward(np.stack([encoder.prepare(p) for p in pictures])).maps.mean(axis=(1, 2)))
    asked = unit(encoder.forward(brighter).maps.mean(axis=(1, 2)))
    assert (asked @ known.T).argmax(axis=1).tolist() == list(range(6))


def test_what_is_painted_in_a_corner_is_found_under_that_corner(encoder: Encoder) -> None:
    side = encoder.space.input_px
    sea = encoder.prepare(np.full((side, side, 3), (50, 110, 200), dtype=np.uint8))
    painted = sea.copy()
    painted[side // 2 :, side // 2 :] = a_picture(3, height=side - side // 2, width=side - side // 2)
    before, after = encoder.forward(np.stack([sea, painted])).maps
    moved = [
        np.linalg.norm(pool_box(summed_area(after), corner) - pool_box(summed_area(before), corner))
        for corner in (Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 0.5, 0.5))
    ]
    assert moved[1] > moved[0]


def test_every_label_is_in_the_taxonomy(encoder: Encoder) -> None:
    assert set(encoder.labels) <= set(load_taxonomy().labels)


def test_texts_have_unit_vectors_of_the_space_or_there_is_no_text_tower(encoder: Encoder, url: str) -> None:
    if encoder.text is None:
        assert not url.startswith("hf:")
        return
    texts = ["a photo of a dog", "red shoe", "", "a mountain " * 40]
    vectors = encoder.text.encode_text(texts)
    assert vectors.shape == (4, encoder.space.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(encoder.text.encode_text(texts[1:2]), vectors[1:2], atol=1e-5)
    assert encoder.text.encode_text([]).shape == (0, encoder.space.dim)


def test_the_space_is_known_without_loading_a_network() -> None:
    program = "import sys; from nungil.encoder.open import space_of; space_of('efficientnet-lite0://'); print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "False"


def test_the_space_is_that_of_the_open_encoder(encoder: Encoder, url: str) -> None:
    assert encoder.space == space_of(url)


@pytest.mark.parametrize(
    "url", ["", "tiny://", "tiny://7", "tiny://5000", "efficientnet-lite0", "resnet50://", "tiny://64/x"]
)
def test_a_url_that_names_no_encoder_is_refused_with_those_that_do(url: str) -> None:
    with pytest.raises(Misconfigured, match="efficientnet-lite0://"):
        space_of(url)


def test_a_device_that_is_none_is_refused() -> None:
    with pytest.raises(Misconfigured, match="auto, cpu or cuda"), open_encoder("tiny://64", device="tpu"):
        pass


def test_cuda_is_refused_where_there_is_none() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(Misconfigured, match="cuda"), open_encoder("efficientnet-lite0://", device="cuda"):
        pass


@pytest.mark.parametrize(
    ("colour", "imagenet"), [((205, 133, 63), 207), ((60, 140, 70), 970), ((210, 40, 40), 817), ((50, 110, 200), 978)]
)
def test_tiny_names_a_cell_by_its_colour(colour: tuple[int, int, int], imagenet: int) -> None:
    with open_encoder("tiny://64") as tiny:
        painted = tiny.prepare(np.full((40, 40, 3), colour, dtype=np.uint8))
        [label_map] = tiny.forward(painted[None]).label_maps
        assert tiny.labels[int(label_map[4, 4].argmax())] == load_taxonomy().imagenet[imagenet]
        assert label_map[4, 4].max() > 0.9
