"""The labelled photographs, encoded once, and what searches among them bring as evidence. For calibrate and nothing."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.halves import fitted, held_out
from bench.photographs import PHOTOS, of_set
from nungil.encoder.port import Encoder
from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.decode import Pixels, decode_upright
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.pictures.regions import strongest_labels
from nungil.pictures.render import encode_rendition
from services.search.judging import numbers_of
from services.search.matching import Look, asked_of, cells_agree, labels_agree, likeness

SETS = ("scenes", "grocery/photos", "grocery/products", "clothing")
FIRST = 30  # hits that are looked at cell by cell, as the search service does
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Photograph:
    """One picture, encoded. kinds: what it shows. regions: with their vectors and labels."""

    path: Path
    map: Floats
    look: Look
    kinds: frozenset[str]
    objects: tuple[tuple[str, Box], ...]

    @property
    def label_map(self) -> Floats:
        """Float32 [labels, rows, columns]."""
        return self.look.label_map.astype(np.float32).reshape(-1, *self.map.shape[:2])


@dataclass(frozen=True)
class Query:
    """A part of a photograph and what it shows."""

    photograph: Photograph
    box: Box
    kind: str


def encoded(encoder: Encoder) -> dict[str, list[Photograph]]:
    """Every set, sorted by path."""
    described = {one["file"]: one["objects"] for one in json.loads((PHOTOS / "scenes" / "objects.json").read_text())}
    with (PHOTOS / "grocery" / "items.csv").open(newline="") as file:
        products = {Path(row["image"]).name: row["id"] for row in csv.DictReader(file)}
    with (PHOTOS / "grocery" / "photos.csv").open(newline="") as file:
        shown = {row["file"]: row["item"] for row in csv.DictReader(file)}

    def one(path: Path, name: str) -> Photograph:
        passed = encoder.forward(encoder.prepare(_as_stored(path))[None])
        map_ = passed.maps[0].astype(np.float16).astype(np.float32)  # as it is stored
        labels, label_map = strongest_labels(passed.label_maps[0], encoder.labels)
        rows, columns, dim = map_.shape
        look = Look(
            map_.reshape(-1, dim).astype(np.float16),
            tuple(label.id for label in labels),
            label_map.reshape(len(label_map), -1).astype(np.float16),
            rows,
            columns,
        )
        objects = tuple((o["label"], Box(*o["box"])) for o in described.get(path.name, ())) if name == "scenes" else ()
        if name == "scenes":
            kinds = frozenset(label for label, _ in objects)
        else:
            kind = {"grocery/photos": shown, "grocery/products": products}.get(name, {}).get(path.name)
            kinds = frozenset({kind or path.parent.name})
        return Photograph(path, map_, look, kinds, objects)

    return {name: [one(path, name) for path in of_set(name)] for name in SETS}


def _as_stored(path: Path) -> Pixels:
    """What embed sees of a photograph: its rendition."""
    return decode_upright(encode_rendition(decode_upright(path.read_bytes())))


def queries(sets: dict[str, list[Photograph]], half: str) -> dict[str, list[Query]]:
    """half: "fitted" or "held out". Boxes of scenes: 2 % of the picture or more, of a class seen in six pictures or more."""
    choose = fitted if half == "fitted" else held_out
    chosen = {name: set(choose(one.path for one in photographs)) for name, photographs in sets.items()}
    seen = Counter(kind for one in sets["scenes"] for kind in one.kinds)
    found = {
        name: [Query(one, WHOLE, next(iter(one.kinds))) for one in sets[name] if one.path in chosen[name]]
        for name in ("grocery/photos", "clothing")
    }
    found["scenes"] = [
        Query(one, box, kind)
        for one in sets["scenes"]
        if one.path in chosen["scenes"]
        for kind, box in one.objects
        if box.area >= 0.02 and seen[kind] >= 6
    ]
    return found


class Catalogue:
    """Photographs with rows, searched as the service does it: cosine of the best row, then cell by cell."""

    def __init__(self, photographs: Sequence[Photograph], regions_of: Callable[[Photograph], Sequence[Box]]) -> None:
        self.photographs = photographs
        self._regions = [list(regions_of(one)) for one in photographs]
        tables = [summed_area(one.map) for one in photographs]
        self._rows = np.stack(
            [unit(pool_box(t, box)) for t, boxes in zip(tables, self._regions, strict=True) for box in boxes]
        )
        self._starts = np.cumsum([0, *(len(boxes) for boxes in self._regions[:-1])])

    def search(self, query: Query, without_kind: bool = False) -> tuple[list[Photograph], Floats]:
        """The first hits, likeliest first, and what each is judged by: float32 [hits, 15]. Without the photograph itself."""
        vector = unit(pool_box(summed_area(query.photograph.map), query.box))
        scores = self._rows @ vector
        best = np.maximum.reduceat(scores, self._starts)
        for n, one in enumerate(self.photographs):
            if one is query.photograph or (without_kind and query.kind in one.kinds):
                best[n] = -np.inf
        first = np.argsort(-best, kind="stable")[:FIRST]
        first = first[np.isfinite(best[first])]
        asked = asked_of(query.photograph.look, query.box)
        looks = [(self.photographs[n].look, self._matched(n, scores)) for n in first]
        cells = cells_agree(asked, [look for look, _ in looks])
        labels = np.array([labels_agree(asked.labels, look.labels_in(box)) for look, box in looks], dtype=np.float32)
        parts = np.stack([look.vector_in(box) for look, box in looks])
        cosine = best[first].astype(np.float32)
        order = np.argsort(-likeness(cosine, cells, labels, parts), kind="stable")
        hits = [self.photographs[n] for n in first[order]]
        return hits, numbers_of(cosine, cells, labels, asked.labels, query.box.area)[order]

    def _matched(self, n: int, scores: Floats) -> Box:
        """Where its best row lies."""
        boxes = self._regions[n]
        return boxes[int(scores[self._starts[n] : self._starts[n] + len(boxes)].argmax())]
