"""The forward pass on a processor by OpenVINO: about a third of torch's time, the same numbers.

The only file that knows OpenVINO. Its graph is written here layer by layer: tracing the torch network would give the
same graph and take seconds of every start; this takes some tens of milliseconds, so nothing is cached on disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from nungil.encoder.port import Encoded, EncoderSpace, Pixels

# `import openvino` would start a client that reports to its makers, unless it is absent: here it always is.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino  # noqa: E402
from openvino import opset15 as ops  # noqa: E402

# OpenVINO's graph nodes and torch's modules, both untyped.
Node = Any
Convolution = Any


class OpenVinoForward:
    """As many pictures at once as there are cores, each on one thread; what is in flight is bounded by that number.

    One picture on all threads is the same rate on a quiet machine and much slower on a busy one: threads that share a
    picture wait for each other in every layer.
    """

    def __init__(self, graph: openvino.Model, *, bf16: bool, threads: int | None = None) -> None:
        """threads: all cores where nothing is said."""
        streams = threads or os.cpu_count() or 1
        compiled = openvino.Core().compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": streams,
            },
        )
        self._queue = openvino.AsyncInferQueue(compiled, streams)
        self._shapes = [tuple(output.shape)[1:] for output in compiled.outputs]

    def __call__(self, batch: Pixels) -> Encoded:
        """uint8 [n, px, px, 3] -> maps."""
        answers = [np.empty((len(batch), *shape), dtype=np.float32) for shape in self._shapes]

        def land(request: Any, n: int) -> None:
            for i, answer in enumerate(answers):
                answer[n] = request.get_output_tensor(i).data[0]

        self._queue.set_callback(land)
        for n in range(len(batch)):
            self._queue.start_async({0: batch[n : n + 1]}, n)
        self._queue.wait_all()
        maps, label_maps = answers
        return Encoded(maps, label_maps)

    def close(self) -> None:
        """Nothing is held beyond memory."""


def can_bf16() -> bool:
    """Whether this processor has instructions for bfloat16."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def lite0_graph(network: Any, projection: nn.Linear, space: EncoderSpace) -> openvino.Model:
    """uint8 [1, px, px, 3] -> maps [1, rows, columns, dim] and label probabilities [1, rows, columns, 1000].

    network: EfficientNet-Lite0 with its normalisations folded into its convolutions.
    """
    pixels = ops.parameter([1, space.input_px, space.input_px, 3], np.uint8, name="pixels")
    scaled = ops.subtract(ops.divide(ops.convert(pixels, "f32"), np.float32(127.5)), np.float32(1))
    x = _relu6(_convolution(ops.transpose(scaled, [0, 3, 1, 2]), network._conv_stem))
    for block in network._blocks:
        x = _block(x, block)
    cells = ops.transpose(_relu6(_convolution(x, network._conv_head)), [0, 2, 3, 1])
    labels = ops.softmax(_linear(cells, network._fc), -1)
    return openvino.Model([_linear(cells, projection), labels], [pixels], space.name)


def _block(x: Node, block: Any) -> Node:
    """Sandler et al., "MobileNetV2", CVPR 2018: expand, depthwise, project, and the input again where it fits."""
    inside = _relu6(_convolution(x, block._expand_conv)) if hasattr(block, "_expand_conv") else x
    inside = _relu6(_convolution(inside, block._depthwise_conv))
    projected = _convolution(inside, block._project_conv)
    return ops.add(projected, x) if _same_shape(projected, x) and _stride(block) == 1 else projected


def _same_shape(one: Node, other: Node) -> bool:
    return bool(list(one.shape) == list(other.shape))


def _stride(block: Any) -> int:
    stride = block._block_args.stride
    return int(stride if isinstance(stride, int) else stride[0])


def _convolution(x: Node, convolution: Convolution) -> Node:
    """With its bias; padded as the network's own static padding says."""
    padding = getattr(
        convolution.static_padding, "padding", (0, 0, 0, 0)
    )  # left, right, top, bottom; Identity has none
    left, right, top, bottom = padding
    weight = convolution.weight.detach().numpy()
    strides, dilations = list(convolution.stride), list(convolution.dilation)
    apply: Callable[..., Node] = ops.convolution
    if convolution.groups > 1:
        apply = ops.group_convolution
        weight = weight.reshape(convolution.groups, -1, *weight.shape[1:])
    y = apply(x, weight, strides, [top, left], [bottom, right], dilations)
    return ops.add(y, convolution.bias.detach().numpy().reshape(1, -1, 1, 1))


def _relu6(x: Node) -> Node:
    return ops.clamp(x, 0.0, 6.0)


def _linear(x: Node, linear: nn.Linear) -> Node:
    y = ops.matmul(x, linear.weight.detach().numpy(), False, True)
    return y if linear.bias is None else ops.add(y, linear.bias.detach().numpy())
