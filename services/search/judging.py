"""Whether a hit is the same kind of thing, or only similar: a decision calibrated an encoder space. Pure functions.

Two logistic regressions, fitted on labelled photographs by bench/calibrate.py, which publishes how often they are wrong. Whether
anything matches at all is asked of the likeliest hit: of few hits by one over four numbers, of a full page of candidates by one
over numbers that also say how it stands out among the others, their squares and products: what is known well stands out, and
what is not is a little like everything (the cohorts of speaker verification: Auckenthaler, Carey and Lloyd-Thomas, "Score
normalization", Digital Signal Processing 2000). Where something matches, the four numbers say which other hits do too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DEFAULT_COSINE = 0.2  # for a space that nobody has calibrated
SUPPORT = 5  # the best hits whose mean cosine says whether the catalogue knows such things at all
PLAIN = 4  # the first of the numbers, which few hits have too
COHORT = 30  # hits: with fewer, how one stands out among them says nothing
_LIMIT = 3.0  # standard deviations: what lies further out counts as this far
_STILL = 1e-3  # added to a spread


@dataclass(frozen=True, slots=True)
class Among:
    """The regression over all numbers. means, scales: float32 [n]; weights: float32 [n + n (n + 1) / 2], of the numbers, then of their products."""

    means: Floats
    scales: Floats
    weights: Floats
    offset: float
    cut: float


@dataclass(frozen=True, slots=True)
class Judge:
    """weights: of a hit's cosine, its cells' and labels' agreement, and the support. cut: the logit from which a hit is the same.

    cosine: the cut where the cosine is all that is known, as while a frame moves. weights are None where it is all that decides.
    among: what decides of the likeliest of COHORT hits or more.
    """

    cosine: float
    weights: tuple[float, float, float, float] | None = None
    offset: float = 0.0
    cut: float = 0.0
    among: Among | None = None

    def same(self, numbers: Floats, likeliest: int) -> NDArray[np.bool_]:
        """Of each hit of one search, whether it is the same kind of thing; none where the likeliest is not.

        numbers: as `numbers_of` gives them, of all its hits.
        """
        if self.weights is None or not len(numbers):
            return np.asarray(numbers[:, 0] >= self.cosine)
        same = logits(numbers[:, :PLAIN], self.weights, self.offset) >= self.cut
        if self.among is not None and len(numbers) >= COHORT:
            same[likeliest] = among_logits(numbers[likeliest : likeliest + 1], self.among)[0] >= self.among.cut
        told: NDArray[np.bool_] = same & same[likeliest]
        return told

    def same_by_cosine(self, cosine: float) -> bool:
        """The same decision from one number: cheaper, and oftener wrong."""
        return cosine >= self.cosine


def judge_from(calibration: Mapping[str, Any] | None, match_cosine: float | None) -> Judge:
    """calibration: a file's section `judging`, None where the space has none. match_cosine: the operator's own cut, which then decides alone."""
    if match_cosine is not None:
        return Judge(match_cosine)
    if calibration is None:
        return Judge(DEFAULT_COSINE)
    cosine, cells, labels, support = (float(weight) for weight in calibration["weights"])
    among = calibration["among"]
    return Judge(
        float(calibration["cosine"]),
        (cosine, cells, labels, support),
        float(calibration["offset"]),
        float(calibration["cut"]),
        Among(
            np.array(among["means"], dtype=np.float32),
            np.array(among["scales"], dtype=np.float32),
            np.array(among["weights"], dtype=np.float32),
            float(among["offset"]),
            float(among["cut"]),
        ),
    )


def numbers_of(cosine: Floats, cells: Floats, labels: Floats, asked: Mapping[str, float], area: float) -> Floats:
    """Float32 [hits, 15]: what each hit of one search is judged by, the first PLAIN of them first.

    cosine, cells, labels: float32 [hits], how each agrees with the question. asked: the probabilities of the labels of the part
    that is asked for, which has `area` of its picture.
    """
    if not len(cosine):
        return np.zeros((0, 15), dtype=np.float32)
    ordered = np.sort(cosine)[::-1]
    behind = ordered[SUPPORT:] if len(ordered) > SUPPORT else ordered
    cells_behind = np.sort(cells)[::-1][SUPPORT:] if len(cells) > SUPPORT else cells
    surest = sorted(asked.values(), reverse=True)[:SUPPORT]
    labels_first = float(np.sort(labels)[::-1][:SUPPORT].mean())
    of_search = {
        3: float(ordered[:SUPPORT].mean()),
        4: float(ordered[0] - ordered[1]) if len(ordered) > 1 else 0.0,
        6: float(ordered[2 * SUPPORT :].mean()) if len(ordered) > 2 * SUPPORT else float(behind.mean()),
        7: float(behind.std()),
        10: labels_first,
        12: surest[0] if surest else 0.0,
        13: sum(surest),
        14: float(np.log(max(area, 1e-4))),
    }
    numbers = np.zeros((len(cosine), 15), dtype=np.float32)
    for column, number in of_search.items():
        numbers[:, column] = number
    stands_out = cosine - behind.mean()
    numbers[:, 0], numbers[:, 1], numbers[:, 2] = cosine, cells, labels
    numbers[:, 5] = stands_out
    numbers[:, 8] = cells - cells_behind.mean()
    numbers[:, 9] = stands_out / (behind.std() + _STILL)
    numbers[:, 11] = labels - labels_first
    return numbers


def logits(plain: Floats, weights: tuple[float, float, float, float], offset: float) -> Floats:
    """Float32 [hits]. plain: float32 [hits, PLAIN]."""
    told: Floats = plain @ np.array(weights, dtype=np.float32) + np.float32(offset)
    return told


def among_logits(numbers: Floats, among: Among) -> Floats:
    """Float32 [hits]."""
    told: Floats = products(numbers, among.means, among.scales) @ among.weights + np.float32(among.offset)
    return told


def products(numbers: Floats, means: Floats, scales: Floats) -> Floats:
    """The numbers, standardised and bounded, then each pair's product: float32 [hits, n + n (n + 1) / 2]."""
    bounded = np.clip((numbers - means) / scales, -_LIMIT, _LIMIT)
    first, second = np.triu_indices(numbers.shape[1])
    return np.concatenate([bounded, bounded[:, first] * bounded[:, second]], axis=1).astype(np.float32)
