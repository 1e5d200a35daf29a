"""JPEG bytes to vectors, the whole way, on a processor: ours against a plain loop of Pillow and torch.

The pictures are what embed reads: the renditions that ingest makes of photographs. Ours: threads decode at the scale that the
encoder needs and stretch, two batches ahead of the encoder as it is served, which gives the vector of each whole picture; once in
this process, once in decoder processes, as embed decodes (decision 12). The peer: open, convert, resize, forward, one picture after
another, with one thread of torch or with as many as there are cores, whichever is faster. The model's own rate is that of the encoder on pictures that are ready, before and after.

    python -m bench.pipeline [--write] [--pictures N]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.forward import FASTER, FASTER_WITH_AMX, Eager
from bench.photographs import SETS, of_set
from bench.report import command, machine, write_section
from nungil.encoder.open import EFFICIENTNET_LITE0, open_encoder
from nungil.encoder.port import Encoder, Pixels
from nungil.encoder.precision import has_amx
from nungil.encoder.stretch import enough_px
from nungil.pictures.cleaning import Wanted, clean
from nungil.pictures.decode import decode_at_least
from nungil.pictures.decoders import Decoders, open_decoders
from nungil.pictures.pooling import unit

BATCH = 16
BATCHES_AHEAD = 2
SHARE = 0.8  # of the model's own rate: what is claimed
ROUNDS = 3

Vectors = NDArray[np.float32]
Prepare = Callable[[bytes], Pixels]


class Measured(NamedTuple):
    """rate: pictures a second. cpu_ms: of this process and its threads, a picture; decoder processes are not counted."""

    rate: float
    cpu_ms: float


def main() -> int:
    """Prints the table; 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--pictures", type=int, default=96)
    options = parser.parse_args()
    data = renditions(options.pictures)
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    with (
        open_encoder("efficientnet-lite0://", device="cpu") as encoder,
        open_decoders(cores) as decoders,
        ThreadPoolExecutor(cores) as threads,
    ):
        ways: tuple[Callable[[], object], ...] = (
            lambda: model_alone(encoder, ready),
            lambda: list(encode(encoder, data, in_process(encoder), threads)),
            lambda: list(encode(encoder, data, in_decoders(encoder, decoders), threads)),
            lambda: plain_loop(peer, data, threads=1),
            lambda: plain_loop(peer, data, threads=cores),
        )
        peer, ready = Eager(), np.stack([in_process(encoder)(one) for one in data])
        expected = plain_loop(peer, data[:BATCH], threads=1)
        cosine = (
            (np.concatenate(list(encode(encoder, data[:BATCH], in_process(encoder), threads))) * expected).sum(-1).min()
        )
        alone, here, there, *loops = in_turn(ways, len(data))
        plain = max(loops)
    wanted = FASTER_WITH_AMX if has_amx() else FASTER
    text = "\n".join(
        [
            "## From JPEG bytes to vectors on a processor",
            "",
            "| | pictures a second | of the model's own rate | against the loop | processor time of this process |",
            "|---|---|---|---|---|",
            *(
                f"| {what} | {rate:.1f} | {rate / alone.rate:.2f} | {rate / plain.rate:.1f} | {cpu_ms:.1f} ms |"
                for what, (rate, cpu_ms) in {
                    "the encoder alone, on pictures that are ready": alone,
                    "decoding in the same process": here,
                    "decoding in processes of its own, as embed does": there,
                    "a loop of Pillow and torch, fp32": plain,
                }.items()
            ),
            "",
            f"Medians of {ROUNDS} rounds of {len(data)} renditions; AMX: {'yes' if has_amx() else 'no'}; least cosine to the loop"
            f" {cosine:.4f}. Load of the machine before: {load:.1f}. At least {wanted:.0f} times the loop and {SHARE} of the model's own rate, decoding in the same process.",
        ]
    )
    print(f"{text}\n\n{machine()}; {command()}")
    if options.write:
        write_section("pipeline", text)
    return int(here.rate / plain.rate < wanted or here.rate / alone.rate < SHARE)


def renditions(count: int) -> list[bytes]:
    """JPEGs as ingest stores them, of photographs evenly from every set."""
    paths = [path for name in SETS for path in of_set(name)]
    return [clean(path.read_bytes(), Wanted()).rendition for path in paths[:: max(1, len(paths) // count)][:count]]


def encode(encoder: Encoder, data: list[bytes], prepare: Prepare, threads: ThreadPoolExecutor) -> Iterator[Vectors]:
    """Vectors of whole pictures, batch by batch; while one is in the encoder, the next are being prepared."""
    ahead: deque[list[Future[Pixels]]] = deque()
    batches = iter([data[start : start + BATCH] for start in range(0, len(data), BATCH)])
    while True:
        while len(ahead) <= BATCHES_AHEAD and (batch := next(batches, None)) is not None:
            ahead.append([threads.submit(prepare, one) for one in batch])
        if not ahead:
            return
        prepared = np.stack([future.result() for future in ahead.popleft()])
        yield unit(encoder.forward(prepared).maps.mean(axis=(1, 2)))


def in_process(encoder: Encoder) -> Prepare:
    """Decodes in a thread of this process."""
    least_px = enough_px(encoder.space.input_px)
    return lambda data: encoder.prepare(decode_at_least(data, least_px)[0])


def in_decoders(encoder: Encoder, decoders: Decoders) -> Prepare:
    """Decodes in a process of its own; the pixels travel back."""
    least_px = enough_px(encoder.space.input_px)
    return lambda data: encoder.prepare(decoders.at_least(data, least_px)[0])


def model_alone(encoder: Encoder, ready: Pixels) -> Vectors:
    """The encoder's own rate."""
    maps = [encoder.forward(ready[start : start + BATCH]).maps for start in range(0, len(ready), BATCH)]
    return unit(np.concatenate(maps).mean(axis=(1, 2)))


def plain_loop(peer: Eager, data: list[bytes], *, threads: int) -> Vectors:
    """The peer."""
    torch.set_num_threads(threads)
    side = EFFICIENTNET_LITE0.input_px
    vectors = []
    for one in data:
        with Image.open(io.BytesIO(one)) as image:
            pixels = np.array(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
        vectors.append(unit(peer(pixels[None]).mean(axis=(1, 2))))
    return np.concatenate(vectors)


def in_turn(ways: Sequence[Callable[[], object]], pictures: int) -> list[Measured]:
    """Medians of each, one after another in every round, so that all meet the same machine."""
    rounds: list[list[Measured]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, measured in zip(ways, rounds, strict=True):
            began_s, cpu_s = time.perf_counter(), time.process_time()
            way()
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
            measured.append(Measured(pictures / took_s, cpu_s * 1000 / pictures))
    return [
        Measured(statistics.median(one.rate for one in of_way), statistics.median(one.cpu_ms for one in of_way))
        for of_way in rounds
    ]


if __name__ == "__main__":
    raise SystemExit(main())
