"""torchvision://resnet50?weights=/path: any of torchvision's convolutional classifiers, with weights from a file.

The map is what the last convolutional stage gives. Where the classifier behind it is linear, applied to each cell it
gives class activation maps (Zhou et al., CVPR 2016); where it is not, or has not ImageNet's 1,000 classes, there are no labels.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from nungil.encoder.network_encoder import NetworkEncoder
from nungil.encoder.port import EncoderSpace
from nungil.encoder.precision import PRECISIONS
from nungil.encoder.torch_forward import device_of, linear, torch_forward
from nungil.encoder.torchvision_backbones import BACKBONES, last_stage, weights_of
from nungil.encoder.url import EncoderUrl
from nungil.encoder.weights import read_projection
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import load_taxonomy

logger = logging.getLogger(__name__)

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as all of torchvision's weights expect
_MAP = "map"


class Backbone(nn.Module):
    """uint8 [n, px, px, 3] -> maps [n, px / 32, px / 32, dim] and probabilities [n, px / 32, px / 32, labels], float32."""

    _mean: torch.Tensor
    _deviation: torch.Tensor

    def __init__(self, stage: nn.Module, classifier: nn.Linear | None, projection: nn.Linear | None) -> None:
        super().__init__()
        self._stage = stage
        self._classifier = classifier
        self._projection = projection
        self.register_buffer("_mean", torch.tensor(MEAN) * 255, persistent=False)
        self.register_buffer("_deviation", torch.tensor(DEVIATION) * 255, persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scaled = (pixels.float() - self._mean) / self._deviation
        cells = self._stage(scaled.permute(0, 3, 1, 2))[_MAP].permute(0, 2, 3, 1)
        labels = self._classifier(cells).float().softmax(dim=-1) if self._classifier else cells[..., :0].float()
        return self._projection(cells) if self._projection else cells, labels


def load_torchvision(url: EncoderUrl, space: EncoderSpace, device: str) -> NetworkEncoder:
    """Raises Misconfigured where the weights are not this backbone's, or the device is not here."""
    projection = url.path("projection")
    classifier = _with_weights(url.name, weights_of(url))
    head = _linear_head(classifier)
    imagenet = load_taxonomy().imagenet
    if head is None or head.out_features != len(imagenet):
        logger.warning("encoder %s: no labels, its classifier is not linear or not of ImageNet's classes", space.name)
        head = None
    matrix = None if projection is None else read_projection(projection, BACKBONES[url.name])
    stage = create_feature_extractor(classifier, {last_stage(url.name): _MAP})
    network = Backbone(stage, head, None if matrix is None else linear(matrix))
    forward = torch_forward(network, space, device_of(device), url.choice("precision", PRECISIONS))
    return NetworkEncoder(space, imagenet if head else (), forward)


def _with_weights(name: str, path: Path) -> nn.Module:
    state = _read(path)
    network: nn.Module = models.get_model(name, weights=None)
    own = network.state_dict()
    head = [key for key in own if key.endswith(".weight")][-1]  # the classifier is what comes last
    if head in state and state[head].shape[1:] == own[head].shape[1:] and len(state[head]) != len(own[head]):
        network = models.get_model(name, weights=None, num_classes=len(state[head]))
        own = network.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    other = sorted(key for key in own.keys() & state.keys() if own[key].shape != state[key].shape)
    if wrong := [key for key in (*missing, *unknown, *other) if not key.endswith("num_batches_tracked")]:
        raise Misconfigured(
            f"{path} does not hold the weights of {name}: {len(missing)} are missing, {len(unknown)} unknown,"
            f" {len(other)} of another shape, the first of them {wrong[0]}"
        )
    network.load_state_dict(dict(state), strict=False)
    return network.eval()


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    """A state dict. weights_only: a file of weights is data, and runs nothing."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise Misconfigured(f"{path} cannot be read as weights: {str(error).partition(chr(10))[0]}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise Misconfigured(f"{path} holds no weights alone: save what the network's state_dict() gives")
    return state


def _linear_head(network: nn.Module) -> nn.Linear | None:
    """The classifier, where it is one linear layer on the mean of the cells."""
    last = list(network.children())[-1]
    parts = list(last) if isinstance(last, nn.Sequential) else [last]
    layers = [part for part in parts if not isinstance(part, nn.Dropout)]
    return layers[0] if len(layers) == 1 and isinstance(layers[0], nn.Linear) else None
