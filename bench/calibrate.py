"""Fits what search and embed decide by in the default encoder space, and writes nungil/encoder/calibrations/<space>.json.

regions   which windows of a map are one thing, from the labelled objects of scenes/. First how much of each cell lies on an
          object, by ridge regression over its direction; then, from that, likeness and shape, a logistic regression over all
          windows, a window being a thing where it overlaps a labelled object by 0.4 or more and none where by less than 0.2.
judging   whether a hit is the same kind of thing: two logistic regressions (services/search/judging.py) over searches for things that
          the catalogue holds (scenes, grocery, clothing) against the same with all of their kind left out, and against searches in
          foreign catalogues.

Everything is fitted on the halves that bench/halves.py allows; figures from the others are bench.nothing's and bench.quality's.

    python -m bench.calibrate

Deterministic up to the last digits written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from bench.halves import fitted
from bench.labelled import Catalogue, Photograph, encoded, queries
from nungil.encoder import calibration
from nungil.encoder.open import EFFICIENTNET_LITE0, open_encoder
from nungil.pictures.boxes import Box
from nungil.pictures.objectness import by_band, numbers_of, objectness_from, windows_of
from nungil.pictures.pooling import unit
from nungil.pictures.regions import find_things
from services.search.judging import PLAIN, products

Floats = NDArray[np.float32]

TO = Path(calibration.__file__).with_name("calibrations") / f"{EFFICIENTNET_LITE0.name}.json"
RIDGE, SHRINK = 30.0, 0.003  # chosen by cross-validation within the fitted half
THING, NONE = 0.4, 0.2  # overlap with a labelled object
SMALL = 0.12  # of the picture: windows up to this count more, as small things are many
FOLDS = 5
REGION_CUT = 1.1  # logits: about half of the labelled objects have a dot, and most dots lie on one
ACCEPTED = 0.85  # of the searches for what the catalogue holds
AMONG_SHRINK = 0.1
FAR_WEIGHT = 0.3  # of a foreign catalogue, against 1 for each of the pairs


def main() -> None:
    """Fits and writes."""
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        sets = encoded(encoder)
    regions = fit_regions(sets["scenes"])
    judging = fit_judging(sets, regions)
    TO.parent.mkdir(exist_ok=True)
    TO.write_text(json.dumps({"regions": regions, "judging": judging}, indent=None) + "\n", "utf-8")
    print(f"{TO.name}: {TO.stat().st_size} bytes; judging {judging}")


def fit_regions(scenes: list[Photograph]) -> dict[str, Any]:
    """The section `regions`, from the fitted half."""
    chosen = set(fitted(one.path for one in scenes))
    half = [one for one in scenes if one.path in chosen and one.objects]
    directions = [unit(one.map.reshape(-1, one.map.shape[-1])) for one in half]
    covered = [_covered(one) for one in half]
    folds = np.arange(len(half)) * FOLDS // len(half)
    numbers: list[Floats] = []
    for n, one in enumerate(half):  # what a cell says of its own photograph must come from the others
        cells, offset = _cells(directions, covered, folds != folds[n])
        numbers.append(numbers_of(one.map, one.label_map, cells, offset))
    windows = windows_of(*half[0].map.shape[:2])
    _, wanted, weights = zip(*(_weighed(one, windows) for one in half), strict=True)
    x, y, w = np.concatenate(numbers), np.concatenate(wanted), np.concatenate(weights)
    bands = np.tile(windows.bands, (len(half), 1))[w > 0]
    x, y, w = x[w > 0], y[w > 0], w[w > 0]
    means, scales = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=SHRINK, max_iter=500).fit(by_band((x - means) / scales, bands), y, sample_weight=w)
    cells, offset = _cells(directions, covered, folds >= 0)
    return {
        "cells": _short(cells),
        "cell_offset": round(offset, 5),
        "means": _short(means),
        "scales": _short(scales),
        "weights": _short(model.coef_[0]),
        "offset": round(float(model.intercept_[0]), 5),
        "cut": REGION_CUT,
    }


def fit_judging(sets: dict[str, list[Photograph]], regions: dict[str, Any]) -> dict[str, Any]:
    """The section `judging`, from the fitted half. The cut accepts ACCEPTED of the searches for what the catalogue holds."""
    inside, outside, far = searches(sets, regions, "fitted")
    x = np.concatenate([*inside.values(), *outside.values(), *far.values()])
    y = np.concatenate([np.ones(sum(map(len, inside.values()))), np.zeros(len(x) - sum(map(len, inside.values())))])
    share = [1.0] * (len(inside) + len(outside)) + [FAR_WEIGHT] * len(far)
    groups = [*inside.values(), *outside.values(), *far.values()]
    w = np.concatenate([np.full(len(g), 100 * part / len(g)) for g, part in zip(groups, share, strict=True)])
    right = np.concatenate(list(inside.values()))
    among = _fit_among(x, y, w, right)
    x, right = x[:, :PLAIN], right[:, :PLAIN]
    means, scales = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=0.01, max_iter=500).fit((x - means) / scales, y, sample_weight=w)
    weights = model.coef_[0] / scales
    offset = float(model.intercept_[0] - (weights * means).sum())
    return {
        "among": among,
        "weights": [round(float(weight), 4) for weight in weights],
        "offset": round(offset, 4),
        "cut": round(float(np.quantile(right @ weights + offset, 1 - ACCEPTED)), 4),
        "cosine": round(float(np.quantile(right[:, 0], 1 - ACCEPTED)), 4),
    }


def _fit_among(x: Floats, y: Floats, w: Floats, right: Floats) -> dict[str, Any]:
    means, scales = x.mean(axis=0), x.std(axis=0) + 1e-9
    terms = products(x, means, scales)
    # Each term on a scale of its own, so that the shrinking treats them alike.
    centres, spreads = terms.mean(axis=0), terms.std(axis=0)
    model = LogisticRegression(C=AMONG_SHRINK, max_iter=5000).fit((terms - centres) / spreads, y, sample_weight=w)
    weights = (model.coef_[0] / spreads).astype(np.float32)
    offset = float(model.intercept_[0] - (weights * centres).sum())
    logits = products(right, means, scales) @ weights + offset
    return {
        "means": _short(means),
        "scales": _short(scales),
        "weights": _short(weights),
        "offset": round(offset, 5),
        "cut": round(float(np.quantile(logits, 1 - ACCEPTED)), 4),
    }


def searches(
    sets: dict[str, list[Photograph]], regions: dict[str, Any], half: str
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    """What the first hit of each search is judged by, float32 [searches, 15]: of what the catalogue holds, of the same with its kind
    left out, and in foreign catalogues; by name of the set, or "<asked> in <catalogue>"."""
    things = objectness_from(regions)

    def of_photograph(one: Photograph) -> tuple[Box, ...]:
        return find_things(one.map, one.label_map, things)

    asked = queries(sets, half)
    catalogues = {
        "scenes": Catalogue(sets["scenes"], of_photograph),
        "grocery": Catalogue(sets["grocery/products"], of_photograph),
        "clothing": Catalogue(sets["clothing"], of_photograph),
    }
    by_name = {"scenes": asked["scenes"], "grocery": asked["grocery/photos"], "clothing": asked["clothing"]}

    def first(name: str, catalogue: str, without_kind: bool = False) -> Floats:
        return np.stack([catalogues[catalogue].search(query, without_kind)[1][0] for query in by_name[name]])

    inside = {name: first(name, name) for name in by_name}
    outside = {name: first(name, name, without_kind=True) for name in by_name}
    foreign = [("grocery", "clothing"), ("scenes", "clothing"), ("clothing", "grocery"), ("scenes", "grocery")]
    return inside, outside, {f"{name} in {catalogue}": first(name, catalogue) for name, catalogue in foreign}


def _covered(one: Photograph) -> Floats:
    """How much of each cell lies on a labelled object of 0.5 % of the picture or more, float32 [cells]."""
    rows, columns = one.map.shape[:2]
    fine = 4
    painted = np.zeros((rows * fine, columns * fine), dtype=np.float32)
    for _, box in one.objects:
        if box.area >= 0.005:
            top, left = round(box.y * rows * fine), round(box.x * columns * fine)
            bottom = max(round((box.y + box.height) * rows * fine), top + 1)
            right = max(round((box.x + box.width) * columns * fine), left + 1)
            painted[top:bottom, left:right] = 1.0
    share: Floats = painted.reshape(rows, fine, columns, fine).mean(axis=(1, 3)).ravel()
    return share


def _cells(directions: list[Floats], covered: list[Floats], of: NDArray[np.bool_]) -> tuple[Floats, float]:
    chosen = np.flatnonzero(of)
    model = Ridge(alpha=RIDGE).fit(
        np.concatenate([directions[n] for n in chosen]), np.concatenate([covered[n] for n in chosen])
    )
    return model.coef_.astype(np.float32), float(model.intercept_)


def _weighed(one: Photograph, windows: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Overlap with the nearest object, whether that makes a thing, and how much each window counts: 0 in between."""
    rows, columns = one.map.shape[:2]
    edges = windows.edges / np.array([rows, rows, columns, columns])
    area = (edges[:, 1] - edges[:, 0]) * (edges[:, 3] - edges[:, 2])
    overlap = np.zeros(len(edges))
    for _, box in one.objects:
        high = np.minimum(edges[:, 1], box.y + box.height) - np.maximum(edges[:, 0], box.y)
        wide = np.minimum(edges[:, 3], box.x + box.width) - np.maximum(edges[:, 2], box.x)
        shared = np.clip(high, 0, None) * np.clip(wide, 0, None)
        overlap = np.maximum(overlap, shared / (area + box.area - shared))
    thing, none, small = overlap >= THING, overlap < NONE, area <= SMALL + 1e-9
    weights = np.zeros(len(edges))
    for group, weight in ((thing, 1.0), (none, 1.5), (thing & small, 0.3), (none & small, 0.5)):
        if group.any():
            weights[group] += 200 * weight / group.sum() * min(1.0, group.sum() / 60)
    return overlap, thing, weights


def _short(numbers: NDArray[Any]) -> list[float]:
    return [round(float(number), 5) for number in numbers]


if __name__ == "__main__":
    main()
