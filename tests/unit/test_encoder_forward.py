"""The forward passes: the same answers from every one, chosen in the open, and nothing told to anybody."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nungil.encoder import efficientnet_lite0
from nungil.encoder.open import open_encoder, space_of
from nungil.encoder.openvino_forward import can_bf16
from nungil.encoder.port import Maps, Pixels
from nungil.encoder.precision import has_amx, wants_bf16
from nungil.encoder.torch_forward import GPU_BATCHES, CpuForward, GpuForward
from nungil.pictures.decode import decode_upright
from nungil.pictures.pooling import unit
from nungil.runtime.errors import Misconfigured

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[3] / "shared" / "data")
TORCH = "efficientnet-lite0://?backend=torch&precision=fp32"


def drawn(n: int = 6, side: int = 320) -> Pixels:
    """Blocks of colour with stripes and noise."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (n, 8, 8, 3)).repeat(side // 8, axis=1).repeat(side // 8, axis=2)
    stripes = (40 * np.sin(np.arange(side) / random.uniform(2, 20, (n, 1))))[:, None, :, None]
    return (blocks + stripes + random.integers(-10, 11, blocks.shape)).clip(0, 255).astype(np.uint8)


def photographs() -> Pixels:
    """One of every 60 of the sets, as the encoder sees it."""
    with open_encoder(TORCH, device="cpu") as encoder:
        return np.stack(
            [encoder.prepare(decode_upright(path.read_bytes())) for path in sorted(PHOTOS.rglob("*.jpg"))[::60]]
        )


def maps_of(url: str, batch: Pixels) -> tuple[Maps, Maps]:
    with open_encoder(url, device="cpu") as encoder:
        encoded = encoder.forward(batch)
    return encoded.maps, encoded.label_maps


def cosines(some: Maps, others: Maps) -> Maps:
    """Of the whole pictures and of their quarters, as searches pool them."""
    half = some.shape[1] // 2
    parts = [slice(None), slice(0, half), slice(half, None)]
    return np.stack(
        [(unit(some[:, y, x].mean(axis=(1, 2))) * unit(others[:, y, x].mean(axis=(1, 2)))).sum(-1) for y in parts for x in parts]
    )  # fmt: skip


@pytest.fixture(params=["drawn", pytest.param("photographs", marks=pytest.mark.photos)])
def batch(request: pytest.FixtureRequest) -> Pixels:
    if request.param == "drawn":
        return drawn()
    if not PHOTOS.exists():
        pytest.skip(f"no photographs at {PHOTOS}: set NUNGIL_PHOTOS")
    return photographs()


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999), ("bf16", 0.99)])
def test_openvino_gives_the_vectors_of_torch(batch: Pixels, precision: str, least: float) -> None:
    if precision == "bf16" and not can_bf16():
        pytest.skip("this processor has no instructions for bf16")
    maps, labels = maps_of(f"efficientnet-lite0://?backend=openvino&precision={precision}", batch)
    expected_maps, expected_labels = maps_of(TORCH, batch)
    assert cosines(maps, expected_maps).min() >= least
    assert cosines(labels, expected_labels).min() >= (least if precision == "fp32" else 0.97)
    assert labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=-1), 1.0, atol=1e-4)


def test_openvino_in_fp32_is_torch_in_every_cell() -> None:
    maps, labels = maps_of("efficientnet-lite0://?backend=openvino&precision=fp32", drawn())
    expected_maps, expected_labels = maps_of(TORCH, drawn())
    np.testing.assert_allclose(maps, expected_maps, atol=1e-3)
    np.testing.assert_allclose(labels, expected_labels, atol=1e-3)


def test_each_picture_of_a_long_batch_gets_its_own_answer() -> None:
    batch = drawn(40)
    maps, _ = maps_of("efficientnet-lite0://?backend=openvino", batch)
    backwards, _ = maps_of("efficientnet-lite0://?backend=openvino", batch[::-1])
    np.testing.assert_array_equal(maps, backwards[::-1])


def test_how_it_runs_changes_no_space() -> None:
    assert space_of(TORCH) == space_of("efficientnet-lite0://?precision=bf16") == space_of("efficientnet-lite0://")


def test_torch_takes_over_where_openvino_is_absent_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(efficientnet_lite0, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO), open_encoder("efficientnet-lite0://", device="cpu"):
        assert "torch on cpu, fp32 (openvino is not installed)" in caplog.text
    with pytest.raises(Misconfigured, match="openvino is not installed"):
        maps_of("efficientnet-lite0://?backend=openvino", drawn(1))


def test_the_log_says_what_was_chosen(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), open_encoder("efficientnet-lite0://", device="cpu"):
        pass
    assert f"openvino on cpu, {'bf16 (AMX: yes)' if has_amx() else 'fp32 (AMX: no)'}" in caplog.text


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("precision=fp16", "auto or fp32 or bf16"),
        ("backend=onnx", "auto or openvino or torch"),
        ("threads=4", "takes backend, precision"),
        ("backend=", "backend is empty"),
        ("backend=torch&backend=torch", "given twice"),
    ],
)
def test_an_option_that_is_none_is_refused(option: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said), open_encoder(f"efficientnet-lite0://?{option}", device="cpu"):
        pass


def test_bf16_is_taken_by_itself_only_where_the_processor_has_amx(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_bf16 amx_tile\n")
    assert has_amx(cpuinfo)
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16\nbugs\t\t: amx_bf16\n")
    assert not has_amx(cpuinfo)
    assert not has_amx(tmp_path / "none")
    assert [wants_bf16(asked, able=False) for asked in ("auto", "fp32", "bf16")] == [False, False, True]
    assert [wants_bf16(asked, able=True) for asked in ("auto", "fp32", "bf16")] == [True, False, True]


def test_openvino_is_loaded_without_what_reports_to_its_makers(tmp_path: Path) -> None:
    """That client writes an id into the home folder before it reports."""
    program = "import nungil.encoder.openvino_forward, sys; print(sys.modules['openvino_telemetry'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "None"
    assert list(tmp_path.iterdir()) == []


class Small(nn.Module):
    """A network of one convolution, so that batching can be tested on many pictures."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 8, 4, stride=4)
        self.sizes: list[int] = []

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.sizes.append(len(pixels))
        cells = self.convolution(pixels.permute(0, 3, 1, 2).float() / 255).permute(0, 2, 3, 1)
        return cells, cells[..., :5].float().softmax(-1)


@pytest.mark.parametrize("n", [1, 8, 9, 64, 65, 200])
def test_batches_for_a_gpu_are_filled_and_give_what_the_processor_gives(n: int) -> None:
    network = Small()
    forward = GpuForward(network, torch.device("cpu"), 16, bf16=False, compile_=False)
    batch = np.random.default_rng(n).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)
    for _ in range(2):  # the second time through memory that was used
        encoded = forward(batch)
        expected = CpuForward(Small(), bf16=False)(batch)
        np.testing.assert_allclose(encoded.maps, expected.maps, atol=1e-5)
        np.testing.assert_allclose(encoded.label_maps, expected.label_maps, atol=1e-5)
        assert set(network.sizes) <= set(GPU_BATCHES)
    forward.close()


def test_an_answer_of_a_gpus_batch_stays_when_the_next_is_computed() -> None:
    forward = GpuForward(Small(), torch.device("cpu"), 16, bf16=False, compile_=False)
    batch = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    first = forward(batch[:1]).maps.copy()
    kept = forward(batch[:1])
    forward(batch[1:])
    np.testing.assert_array_equal(kept.maps, first)


def test_a_network_that_cannot_be_compiled_runs_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(*_: object, **__: object) -> object:
        raise RuntimeError("no C compiler")

    monkeypatch.setattr(torch, "compile", no_compiler)
    forward = GpuForward(Small(), torch.device("cpu"), 16, bf16=False)
    assert "cannot be compiled here" in caplog.text
    assert forward(np.zeros((3, 16, 16, 3), dtype=np.uint8)).maps.shape == (3, 4, 4, 8)


def test_bf16_in_a_gpus_batches_keeps_the_space() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (70, 16, 16, 3), dtype=np.uint8)
    exact = GpuForward(Small(), torch.device("cpu"), 16, bf16=False, compile_=False)(batch)
    fast = GpuForward(Small(), torch.device("cpu"), 16, bf16=True, compile_=False)(batch)
    assert cosines(fast.maps, exact.maps).min() >= 0.99
    assert fast.maps.dtype == np.float32
