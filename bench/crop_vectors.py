"""The vector of a crop: pooled from the picture's cached map, against cutting the crop out and embedding it again.

Query = a labelled box of `scenes/`, 2 % of the picture or more, of a class seen in six pictures or more; right = a picture
with that class; the picture itself is left out. Both kinds of query meet the same rows: the whole and the regions of every
picture, as embed indexes them. Figures from the half that the projection was not fitted on. Times are medians of one call, in
processor time, which other programs on the machine do not change; the peer is given the decoded picture.

    python -m bench.crop_vectors [--write]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.halves import held_out
from bench.photographs import PHOTOS, of_set
from bench.report import command, machine, write_section
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder, Pixels
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.decode import decode_upright
from nungil.pictures.pooling import Table, pool_box, summed_area, unit
from nungil.pictures.regions import find_boxes, strongest_labels

SMALLEST = 0.02
SEEN_IN = 6
FASTER, LOWEST = 100, -0.005  # what is claimed: the ratio, and the change of precision at 5

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """A photograph, its cached map, its rows, and what a person saw in it."""

    pixels: Pixels
    table: Table
    rows: Vector
    objects: tuple[tuple[str, Box], ...]
    queried: bool

    @property
    def classes(self) -> set[str]:
        return {label for label, _ in self.objects}


@dataclass(frozen=True)
class Way:
    """One way to a crop's vector: what it finds, and its median processor time."""

    at_1: float
    at_5: float
    took_us: float


def main() -> int:
    """Prints the table; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        scenes = read_scenes(encoder)
        pooled = measure(scenes, lambda scene, box: unit(pool_box(scene.table, box)))
        again = measure(scenes, lambda scene, box: embed_again(encoder, scene.pixels, box))
    ratio = again.took_us / pooled.took_us
    text = "\n".join(
        [
            "## A crop's vector from the cached map",
            "",
            "| a crop's vector | a picture with that class at 1 | at 5 | processor time |",
            "|---|---|---|---|",
            f"| pooled from the cached map | {pooled.at_1:.3f} | {pooled.at_5:.3f} | {pooled.took_us:,.0f} µs |",
            f"| cut out and embedded again | {again.at_1:.3f} | {again.at_5:.3f} | {again.took_us:,.0f} µs |",
            "",
            f"{ratio:,.0f} times faster; {len(queries(scenes))} boxes, {len(scenes)} photographs,"
            f" {sum(len(scene.rows) for scene in scenes) / len(scenes):.1f} rows a photograph.",
        ]
    )
    print(f"{text}\n\n{machine()}; {command()}")
    if options.write:
        write_section("crop_vectors", text)
    return int(ratio < FASTER or pooled.at_5 - again.at_5 < LOWEST)


def read_scenes(encoder: Encoder) -> list[Scene]:
    """Every photograph of scenes/, encoded once."""
    paths = of_set("scenes")
    described = {one["file"]: one["objects"] for one in json.loads((PHOTOS / "scenes" / "objects.json").read_text())}
    queried = set(held_out(paths))
    scenes = []
    for path in paths:
        pixels = decode_upright(path.read_bytes())
        encoded = encoder.forward(encoder.prepare(pixels)[None])
        table = summed_area(encoded.maps[0])
        _, label_map = strongest_labels(encoded.label_maps[0], encoder.labels)
        rows = np.stack([unit(pool_box(table, box)) for box in find_boxes(label_map)])
        objects = tuple((one["label"], Box(*one["box"])) for one in described[path.name])
        scenes.append(Scene(pixels, table, rows, objects, path in queried))
    return scenes


def queries(scenes: list[Scene]) -> list[tuple[int, str, Box]]:
    """Number of the scene, class and box."""
    seen = Counter(label for scene in scenes for label in scene.classes)
    return [
        (n, label, box)
        for n, scene in enumerate(scenes)
        if scene.queried
        for label, box in scene.objects
        if box.area >= SMALLEST and seen[label] >= SEEN_IN
    ]


def measure(scenes: list[Scene], vector_of: Callable[[Scene, Box], Vector]) -> Way:
    """Asks every query in one way."""
    rows = np.concatenate([scene.rows for scene in scenes])
    own = np.repeat(np.arange(len(scenes)), [len(scene.rows) for scene in scenes])
    at_1, at_5, took_us = [], [], []
    for n, label, box in queries(scenes):
        started = time.process_time()
        vector = vector_of(scenes[n], box)
        took_us.append((time.process_time() - started) * 1e6)
        best = np.full(len(scenes), -np.inf)
        np.maximum.at(best, own, rows @ vector)
        best[n] = -np.inf
        right = [label in scenes[found].classes for found in np.argsort(-best)[:5]]
        at_1.append(right[0])
        at_5 += right
    return Way(statistics.mean(at_1), statistics.mean(at_5), statistics.median(took_us))


def embed_again(encoder: Encoder, pixels: Pixels, box: Box) -> Vector:
    """The peer: cut out, stretched, through the network, pooled."""
    height, width = pixels.shape[:2]
    top, left = round(box.y * height), round(box.x * width)
    bottom, right = (
        max(round((box.y + box.height) * height), top + 1),
        max(round((box.x + box.width) * width), left + 1),
    )
    map_ = encoder.forward(encoder.prepare(pixels[top:bottom, left:right])[None]).maps[0]
    return unit(pool_box(summed_area(map_), WHOLE))


if __name__ == "__main__":
    raise SystemExit(main())
