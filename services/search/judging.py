"""Whether a hit is the same kind of thing, or only similar: a decision calibrated an encoder space. Pure functions.

A logistic regression over four numbers, fitted on labelled photographs by bench/calibrate.py, which publishes how often it is wrong.
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


@dataclass(frozen=True, slots=True)
class Judge:
    """weights: of a hit's cosine, its cells' and labels' agreement, and the support. cut: the logit from which a hit is the same.

    cosine: the cut where the cosine is all that is known, as while a frame moves. weights are None where it is all that decides.
    """

    cosine: float
    weights: tuple[float, float, float, float] | None = None
    offset: float = 0.0
    cut: float = 0.0

    def same(self, cosine: Floats, cells: Floats, labels: Floats) -> NDArray[np.bool_]:
        """Of each hit of one search, the likeliest first, whether it is the same kind of thing."""
        if self.weights is None or not len(cosine):
            return np.asarray(cosine) >= self.cosine
        return logits(evidence(cosine, cells, labels), self.weights, self.offset) >= self.cut

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
    return Judge(
        float(calibration["cosine"]),
        (cosine, cells, labels, support),
        float(calibration["offset"]),
        float(calibration["cut"]),
    )


def evidence(cosine: Floats, cells: Floats, labels: Floats) -> Floats:
    """Float32 [hits, 4]: what a hit is judged by. The support is of the search, the same for all its hits."""
    support = np.full(len(cosine), np.mean(np.sort(cosine)[::-1][:SUPPORT]), dtype=np.float32)
    return np.stack([cosine, cells, labels, support], axis=1).astype(np.float32)


def logits(evidence: Floats, weights: tuple[float, float, float, float], offset: float) -> Floats:
    """Float32 [hits]."""
    told: Floats = evidence @ np.array(weights, dtype=np.float32) + np.float32(offset)
    return told
