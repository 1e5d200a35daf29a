"""Fits the projection of efficientnet-lite0:// and writes nungil/encoder/projection.npz.

The network's 1,280 numbers on their 256 principal axes about the origin, each scaled by its mean square to the power
-0.25: the spectrum is flattened half way to whitening (after Jégou and Chum, "Negative evidences and co-occurrences in
image retrieval", ECCV 2012). About the origin and not the mean: on both halves scenes gained 0.01 to 0.02 by it.
Fitted on the whole pictures and their four quarters, of the half that bench/halves.py allows, of every set.

    python -m bench.fit_projection

Deterministic up to the last bits of float32. After a change raise the version in `nungil.encoder.open.EFFICIENTNET_LITE0`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.halves import fitted
from bench.photographs import SETS, of_set
from nungil.encoder import efficientnet_lite0
from nungil.encoder.open import EFFICIENTNET_LITE0
from nungil.encoder.stretch import stretch
from nungil.pictures.decode import decode_upright

POWER = 0.25
TO = Path(efficientnet_lite0.__file__).with_name("projection.npz")


def main() -> None:
    """Fits and writes."""
    photographs = [path for name in SETS for path in fitted(of_set(name))]
    matrix = fit(windows(photographs), EFFICIENTNET_LITE0.dim)
    np.savez_compressed(TO, matrix=matrix.astype(np.float16))
    print(f"{TO.name}: {len(photographs)} photographs, {TO.stat().st_size / 1e6:.2f} MB")


def windows(photographs: list[Path]) -> NDArray[np.float32]:
    """Pooled raw vectors of each photograph and of its quarters, float32 [5 n, 1280]."""
    network = efficientnet_lite0.Network()
    size_px = EFFICIENTNET_LITE0.input_px
    pooled: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for path in photographs:
            pixels = stretch(decode_upright(path.read_bytes()), size_px)
            cells = network.cells(torch.from_numpy(pixels[None]))[0].numpy()
            half = cells.shape[0] // 2
            quarters = [cells[y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
            pooled += [part.mean(axis=(0, 1)) for part in (cells, *quarters)]
    return np.stack(pooled)


def fit(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float64]:
    """float32 [n, raw] -> matrix [raw, dim]; a vector x becomes x @ matrix."""
    moments = vectors.T.astype(np.float64) @ vectors / len(vectors)
    squares, axes = np.linalg.eigh(moments)  # ascending
    squares, axes = squares[::-1][:dim], axes[:, ::-1][:, :dim]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dim)])  # a sign that does not depend on LAPACK
    projection: NDArray[np.float64] = axes * signs * squares**-POWER
    return projection


if __name__ == "__main__":
    main()
