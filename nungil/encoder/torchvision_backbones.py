"""torchvision://: which backbones there are and what space one makes, without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from nungil.encoder.port import EncoderSpace
from nungil.encoder.url import EncoderUrl
from nungil.encoder.weights import digest_of, named_space, read_projection
from nungil.runtime.errors import Misconfigured

RECIPE = "torchvision 1"  # part of every digest: raise it when the same weights would give other vectors
STRIDE = 32  # of the last convolutional stage, in all of them
_DEFAULT_PX, _SMALLEST_PX, _LARGEST_PX = 224, 64, 1024

# Family -> the node of its graph after the last convolutional stage, as torchvision.models.feature_extraction names it.
_LAST_STAGE: Mapping[str, str] = {
    "resnet": "layer4",
    "resnext": "layer4",
    "wide": "layer4",
    "regnet": "trunk_output",
    "densenet": "relu",
    "shufflenet": "conv5",
    "mnasnet": "layers",
}
# Backbone -> channels of that stage.
BACKBONES: Mapping[str, int] = {
    "resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048, "resnet152": 2048,
    "resnext50_32x4d": 2048, "resnext101_32x8d": 2048, "resnext101_64x4d": 2048,
    "wide_resnet50_2": 2048, "wide_resnet101_2": 2048,
    "convnext_tiny": 768, "convnext_small": 768, "convnext_base": 1024, "convnext_large": 1536,
    "densenet121": 1024, "densenet161": 2208, "densenet169": 1664, "densenet201": 1920,
    "efficientnet_b0": 1280, "efficientnet_b1": 1280, "efficientnet_b2": 1408, "efficientnet_b3": 1536,
    "efficientnet_b4": 1792, "efficientnet_b5": 2048, "efficientnet_b6": 2304, "efficientnet_b7": 2560,
    "efficientnet_v2_s": 1280, "efficientnet_v2_m": 1280, "efficientnet_v2_l": 1280,
    "mnasnet0_5": 1280, "mnasnet0_75": 1280, "mnasnet1_0": 1280, "mnasnet1_3": 1280,
    "mobilenet_v2": 1280, "mobilenet_v3_large": 960, "mobilenet_v3_small": 576,
    "regnet_x_400mf": 400, "regnet_x_800mf": 672, "regnet_x_1_6gf": 912, "regnet_x_3_2gf": 1008, "regnet_x_8gf": 1920,
    "regnet_y_400mf": 440, "regnet_y_800mf": 784, "regnet_y_1_6gf": 888, "regnet_y_3_2gf": 1512, "regnet_y_8gf": 2016,
    "shufflenet_v2_x0_5": 1024, "shufflenet_v2_x1_0": 1024, "shufflenet_v2_x1_5": 1024, "shufflenet_v2_x2_0": 2048,
    "vgg11": 512, "vgg13": 512, "vgg16": 512, "vgg19": 512,
    "vgg11_bn": 512, "vgg13_bn": 512, "vgg16_bn": 512, "vgg19_bn": 512,
}  # fmt: skip


def last_stage(backbone: str) -> str:
    """The node whose output is the map."""
    family = re.match(r"[a-z]+", backbone)
    return _LAST_STAGE.get(family[0] if family else "", "features")


def torchvision_space(url: EncoderUrl) -> EncoderSpace:
    """Reads the files that the URL names, for their digest. Raises Misconfigured."""
    channels = BACKBONES.get(url.name)
    if channels is None:
        raise Misconfigured(
            f"{url.url}: {url.name!r} is no backbone that gives a map; use one of {', '.join(BACKBONES)}"
        )
    weights, projection = weights_of(url), url.path("projection")
    dim = channels if projection is None else read_projection(projection, channels).shape[1]
    digest = digest_of(RECIPE, [path for path in (weights, projection) if path])
    px = _px(url)
    return named_space(url.name, px, px // STRIDE, dim, digest)


def weights_of(url: EncoderUrl) -> Path:
    """Raises Misconfigured where the URL names none."""
    weights = url.path("weights")
    if weights is None:
        raise Misconfigured(f"{url.url} does not say where the weights are: add ?weights=/absolute/path.pth")
    return weights


def _px(url: EncoderUrl) -> int:
    said = url.options.get("px", str(_DEFAULT_PX))
    px = int(said) if said.isascii() and said.isdecimal() else 0
    if px % STRIDE or not _SMALLEST_PX <= px <= _LARGEST_PX:
        raise Misconfigured(f"{url.url}: px is {said!r}; use a multiple of {STRIDE}, {_SMALLEST_PX} to {_LARGEST_PX}")
    return px
