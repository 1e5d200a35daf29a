"""Encoders whose weights lie in files: what space they make, what is refused, and that they give what the network gives."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from encoder_weights import clip_folder, siglip_folder, torchvision_weights
from torchvision.models.feature_extraction import create_feature_extractor
from transformers import AutoTokenizer, CLIPModel, SiglipModel

from nungil.encoder import __main__ as command
from nungil.encoder import hf_encoder
from nungil.encoder.open import open_encoder, space_of
from nungil.encoder.port import Pixels, TextEncoder
from nungil.encoder.torchvision_backbones import BACKBONES, last_stage
from nungil.encoder.torchvision_encoder import DEVIATION, MEAN
from nungil.pictures.pooling import unit
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import load_taxonomy


def drawn(side: int, n: int = 2) -> Pixels:
    blocks = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return blocks.repeat(side // 8, axis=1).repeat(side // 8, axis=2)


def normalised(batch: Pixels, mean: Any, deviation: Any) -> torch.Tensor:
    scaled = (batch.astype(np.float32) / 255 - np.float32(mean)) / np.float32(deviation)
    return torch.from_numpy(scaled.astype(np.float32)).permute(0, 3, 1, 2)


def a_projection(folder: Path, raw_dim: int, dim: int) -> Path:
    path = folder / f"projection-{raw_dim}-{dim}.npz"
    np.savez(path, matrix=np.random.default_rng(dim).standard_normal((raw_dim, dim)).astype(np.float16))
    return path


def refused(url: str) -> str:
    with pytest.raises(Misconfigured) as error, open_encoder(url, device="cpu"):
        pass
    said = str(error.value)
    assert "\n" not in said
    return said


def test_two_checkpoints_never_share_a_space_and_a_copy_shares_it(tmp_path: Path) -> None:
    urls = [f"torchvision://resnet18?weights={torchvision_weights(tmp_path, seed=seed)}" for seed in (0, 1)]
    urls += [f"hf://{folder(tmp_path, seed=seed)}" for folder in (clip_folder, siglip_folder) for seed in (0, 1)]
    assert len({space_of(url).name for url in urls}) == len(urls)
    copy = shutil.copy(torchvision_weights(tmp_path), tmp_path / "copy.pth")
    assert space_of(f"torchvision://resnet18?weights={copy}") == space_of(urls[0])
    elsewhere = shutil.copytree(tmp_path / "clip-0", tmp_path / "elsewhere")
    assert space_of(f"hf://{elsewhere}") == space_of(urls[2])


def test_another_way_of_seeing_the_same_weights_is_another_space(tmp_path: Path) -> None:
    url = f"torchvision://resnet18?weights={torchvision_weights(tmp_path)}"
    projections = [a_projection(tmp_path, 512, 32), a_projection(tmp_path, 512, 48)]
    spaces = [space_of(url), space_of(f"{url}&px=128"), *(space_of(f"{url}&projection={path}") for path in projections)]
    assert len({space.name for space in spaces}) == 4
    assert [(space.dim, space.rows, space.input_px) for space in spaces] == [
        (512, 7, 224),
        (512, 4, 128),
        (32, 7, 224),
        (48, 7, 224),
    ]
    assert all(re.fullmatch("[a-z0-9-]+", space.name) for space in spaces)


def test_a_service_without_the_weights_is_told_the_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"torchvision://resnet18?weights={torchvision_weights(tmp_path)}"
    assert command.main([url]) == 0
    name = capsys.readouterr().out.strip()
    assert space_of(f"torchvision://resnet18?weights=/models/absent.pth&space={name}") == space_of(url)
    assert space_of(f"hf:///models/absent?space={name}").dim == 512


def test_a_space_that_is_not_that_of_the_weights_is_refused_where_they_are_loaded(tmp_path: Path) -> None:
    own, other = (torchvision_weights(tmp_path, seed=seed) for seed in (0, 1))
    name = space_of(f"torchvision://resnet18?weights={other}").name
    assert name in refused(f"torchvision://resnet18?weights={own}&space={name}")
    with open_encoder(f"torchvision://resnet18?weights={other}&space={name}", device="cpu") as encoder:
        assert encoder.space.name == name


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("torchvision://resnet18", "add \\?weights="),
        ("torchvision://resnet18?weights=models/r.pth", "absolute path"),
        ("torchvision://resnet18?weights=/absent.pth", "/absent.pth"),
        ("torchvision://vit_b_16?weights=/absent.pth", "use one of resnet18"),
        ("torchvision://resnet18?weight=/absent.pth", "takes weights, projection"),
        ("torchvision://resnet18?space=resnet18", "no space"),
        ("hf://models/clip", "hf:///absolute"),
        ("hf:///absent", "nothing is downloaded"),
        ("hf://google/siglip2-base-patch16-224", "nothing is downloaded"),
    ],
)
def test_a_url_that_lacks_something_is_refused_with_what(url: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        space_of(url)


@pytest.mark.parametrize("px", ["0", "223", "2048", "x"])
def test_a_size_that_the_network_cannot_take_is_refused(px: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="multiple of 32"):
        space_of(f"torchvision://resnet18?weights={torchvision_weights(tmp_path)}&px={px}")


def test_weights_of_another_architecture_are_refused_in_one_sentence(tmp_path: Path) -> None:
    said = refused(f"torchvision://resnet34?weights={torchvision_weights(tmp_path, 'resnet18')}")
    assert "does not hold the weights of resnet34: 96 are missing, 0 unknown" in said
    said = refused(f"torchvision://mobilenet_v3_small?weights={torchvision_weights(tmp_path, 'resnet18')}")
    assert "does not hold the weights of mobilenet_v3_small" in said


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    path = torchvision_weights(tmp_path)
    state = torch.load(path, weights_only=True)
    del state["layer4.1.conv2.weight"]
    torch.save(state, path)
    assert "1 are missing, 0 unknown, 0 of another shape, the first of them layer4.1.conv2.weight" in refused(
        f"torchvision://resnet18?weights={path}"
    )


def test_a_file_that_is_no_weights_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (ran,))

    torch.save(Hostile(), tmp_path / "hostile.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"epoch": 3}, tmp_path / "more.pth")
    assert "cannot be read as weights" in refused(f"torchvision://resnet18?weights={tmp_path / 'hostile.pth'}")
    assert "cannot be read as weights" in refused(f"torchvision://resnet18?weights={tmp_path / 'text.pth'}")
    assert "holds no weights alone" in refused(f"torchvision://resnet18?weights={tmp_path / 'more.pth'}")
    assert not ran.exists()


def test_a_projection_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    url = f"torchvision://resnet18?weights={torchvision_weights(tmp_path)}"
    assert "needs (512, 1 to 512)" in refused(f"{url}&projection={a_projection(tmp_path, 256, 32)}")
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    assert "holds `matrix`" in refused(f"{url}&projection={tmp_path / 'other.npz'}")


def test_the_mean_of_the_cells_is_what_the_network_classifies(tmp_path: Path) -> None:
    path = torchvision_weights(tmp_path)
    network = torchvision.models.resnet18(weights=None)
    network.load_state_dict(torch.load(path, weights_only=True))
    network.eval()
    batch = drawn(224)
    with open_encoder(f"torchvision://resnet18?weights={path}", device="cpu") as encoder, torch.inference_mode():
        encoded = encoder.forward(batch)
        whole = torch.from_numpy(encoded.maps.mean(axis=(1, 2)))
        expected = network(normalised(batch, MEAN, DEVIATION))
        np.testing.assert_allclose(network.fc(whole).numpy(), expected.numpy(), atol=1e-3)
        cells = network.fc(torch.from_numpy(encoded.maps)).softmax(-1)
        np.testing.assert_allclose(encoded.label_maps, cells.numpy(), atol=1e-4)


def test_a_projection_is_applied_to_every_cell(tmp_path: Path) -> None:
    url, projection = f"torchvision://resnet18?weights={torchvision_weights(tmp_path)}", a_projection(tmp_path, 512, 16)
    with open_encoder(url, device="cpu") as raw, open_encoder(f"{url}&projection={projection}", device="cpu") as ours:
        expected = raw.forward(drawn(224)).maps @ np.load(projection)["matrix"].astype(np.float32)
        np.testing.assert_allclose(ours.forward(drawn(224)).maps, expected, atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize(("name", "classes"), [("resnet18", 7), ("mobilenet_v3_small", 1000)])
def test_a_classifier_of_other_classes_or_of_several_layers_gives_no_labels(
    name: str, classes: int, tmp_path: Path
) -> None:
    with open_encoder(
        f"torchvision://{name}?weights={torchvision_weights(tmp_path, name, classes=classes)}"
    ) as encoder:
        assert list(encoder.labels) == []
        assert encoder.forward(drawn(224)).label_maps.shape == (2, 7, 7, 0)


@pytest.mark.parametrize("name", [name for name in BACKBONES if not name.startswith("regnet")])
def test_a_backbone_is_what_the_table_says(name: str) -> None:
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None).eval()
        stage = create_feature_extractor(network, {last_stage(name): "map"})
        assert stage(torch.zeros(1, 3, 64, 64))["map"].shape == (1, BACKBONES[name], 2, 2)


@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_y_400mf"])
def test_a_regnet_is_what_the_table_says(name: str) -> None:
    stage = create_feature_extractor(torchvision.models.get_model(name, weights=None).eval(), {last_stage(name): "map"})
    assert stage(torch.zeros(1, 3, 64, 64))["map"].shape == (1, BACKBONES[name], 2, 2)


@pytest.fixture(params=["clip", "siglip"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return clip_folder(tmp_path) if request.param == "clip" else siglip_folder(tmp_path)


def model_of(checkpoint: Path) -> Any:
    architecture = CLIPModel if checkpoint.name.startswith("clip") else SiglipModel
    return architecture.from_pretrained(checkpoint, local_files_only=True).eval()


@torch.inference_mode()
def test_the_whole_picture_is_the_models_own_vector_of_it(checkpoint: Path) -> None:
    batch = drawn(64, 3)
    pixels = normalised(batch, (0.5, 0.4, 0.3), (0.2, 0.3, 0.3))
    expected = model_of(checkpoint).get_image_features(pixel_values=pixels).pooler_output.numpy()
    with open_encoder(f"hf://{checkpoint}", device="cpu") as encoder:
        maps = encoder.forward(batch).maps
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), expected, atol=1e-4)
    assert maps.std(axis=(1, 2)).max() > 1e-3


@torch.inference_mode()
def test_a_text_is_the_models_own_vector_of_it(checkpoint: Path) -> None:
    texts = ["a photo of a dog", "blue shoe"]
    padding = "max_length" if checkpoint.name.startswith("siglip") else True
    tokens = AutoTokenizer.from_pretrained(checkpoint)(texts, padding=padding, max_length=12, return_tensors="pt")
    mask = {"attention_mask": tokens["attention_mask"]} if checkpoint.name.startswith("clip") else {}
    expected = model_of(checkpoint).get_text_features(input_ids=tokens["input_ids"], **mask).pooler_output.numpy()
    with open_encoder(f"hf://{checkpoint}?labels=none", device="cpu") as encoder:
        assert encoder.text is not None
        np.testing.assert_allclose(encoder.text.encode_text(texts), unit(expected), atol=1e-5)


def test_a_cell_is_named_by_the_texts_that_it_is_most_like(checkpoint: Path) -> None:
    taxonomy = load_taxonomy()
    with open_encoder(f"hf://{checkpoint}", device="cpu") as encoder:
        assert encoder.text is not None
        encoded = encoder.forward(drawn(64, 1))
        asked = [[f"a photo of a {taxonomy.labels[label].name.en}"] for label in taxonomy.imagenet]
        asked += [list(one.en) for one in taxonomy.prompted if one.of == "scenes"]
        alike = unit(encoded.maps[0]) @ means(encoder.text, asked).T
        scale = float(model_of(checkpoint).logit_scale.detach().exp())
        expected = torch.from_numpy(alike * scale).softmax(-1).numpy()
        np.testing.assert_allclose(encoded.label_maps[0][..., : len(asked)], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("option", "languages"), [("", ["en"]), ("?prompts=ko", ["ko"]), ("?prompts=both", ["en", "ko"])]
)
def test_styles_compete_with_each_other_for_the_whole_picture(
    checkpoint: Path, option: str, languages: list[str]
) -> None:
    styles = [one for one in load_taxonomy().prompted if one.of == "styles"]
    told = [one.id for one in styles if one.told]
    with open_encoder(f"hf://{checkpoint}{option}", device="cpu") as encoder:
        assert encoder.text is not None
        encoded = encoder.forward(drawn(64, 1))
        asked = [[text for language in languages for text in getattr(one, language)] for one in styles]
        alike = unit(encoded.maps[0].mean(axis=(0, 1))) @ means(encoder.text, asked).T
        scale = float(model_of(checkpoint).logit_scale.detach().exp())
        expected = torch.from_numpy(alike * scale).softmax(-1).numpy()[: len(told)]
        assert list(encoder.labels)[-len(told) :] == told
        found = encoded.label_maps[0][..., -len(told) :]
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-5)


def test_every_label_of_a_text_tower_is_in_the_taxonomy_once_and_what_is_none_is_not_told(checkpoint: Path) -> None:
    with open_encoder(f"hf://{checkpoint}", device="cpu") as encoder:
        assert len(set(encoder.labels)) == len(encoder.labels)
        assert set(encoder.labels) == set(load_taxonomy().labels)
        assert encoder.forward(drawn(64)).label_maps.shape == (2, 4, 4, len(encoder.labels))


def means(text: TextEncoder, asked: list[list[str]]) -> np.ndarray:
    return unit(np.stack([text.encode_text(texts).mean(axis=0) for texts in asked]))


def test_texts_go_through_the_projection_of_the_pictures(checkpoint: Path, tmp_path: Path) -> None:
    projection = a_projection(tmp_path, space_of(f"hf://{checkpoint}").dim, 8)
    with (
        open_encoder(f"hf://{checkpoint}?labels=none", device="cpu") as raw,
        open_encoder(f"hf://{checkpoint}?labels=none&projection={projection}", device="cpu") as ours,
    ):
        assert raw.text is not None
        assert ours.text is not None
        matrix = np.load(projection)["matrix"].astype(np.float32)
        expected = unit(raw.text.encode_text(["a dog"]) @ matrix)
        np.testing.assert_allclose(ours.text.encode_text(["a dog"]), expected, atol=1e-4)
        assert list(ours.labels) == []
        assert ours.forward(drawn(64)).label_maps.shape == (2, 4, 4, 0)


def test_nothing_is_looked_for_outside_the_folder(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with open_encoder(f"hf://{checkpoint}", device="cpu") as encoder:
        encoder.forward(drawn(64))
    (checkpoint / "tokenizer.json").unlink()
    assert "is no whole checkpoint" in refused(f"hf://{checkpoint}")


def test_a_checkpoint_that_lacks_weights_is_refused(checkpoint: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = checkpoint / "model.safetensors"
    weights = load_file(path)
    del weights["vision_model.post_layernorm.weight"]
    save_file(weights, path, {"format": "pt"})
    assert "lacks 1 of its weights, the first of them vision_model.post_layernorm.weight" in refused(
        f"hf://{checkpoint}"
    )
    path.unlink()
    assert "holds no *.safetensors" in refused(f"hf://{checkpoint}")


def test_a_checkpoint_of_another_kind_is_refused(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    assert "checkpoint of 'bert'; use one of CLIP or SigLIP" in refused(f"hf://{checkpoint}")


def test_without_transformers_it_is_said_how_to_get_it(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_encoder, "find_spec", lambda name: None)
    assert "pip install 'nungil[hf]'" in refused(f"hf://{checkpoint}")
