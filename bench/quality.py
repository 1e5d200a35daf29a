"""What is found, on the photographs of ../shared/data, asked through the public HTTP API alone.

Queries are the halves that nothing was fitted on (bench/halves.py); everything is indexed. Protocols:
scenes    query = a labelled box of 2 % of the picture or more, of a class seen in six pictures or more; right = a picture with
          that class; the picture itself is left out by the search. Dots: a region and a labelled object that overlap by 0.3 or more
          are one; objects of 2 % of the picture or more should have a dot, and a dot should lie on some object.
grocery   query = a phone photograph, whole; right = its product among 81.
clothing  query = a garment, whole, left out; right = a garment of the same kind.

    python -m bench.quality [--write] [--small]
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from bench.halves import held_out
from bench.report import write_section
from bench.running import PHOTOS, System, give_pictures, running_system
from nungil.pictures.boxes import Box, overlap


@dataclass(frozen=True)
class Figure:
    """One measured figure and the floor it is held to."""

    what: str
    value: float
    floor: float
    queries: int


def main() -> int:
    """Prints the table; 1 where a figure is under its floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--small", action="store_true", help="a third of the queries: for CI")
    options = parser.parse_args()
    step = 3 if options.small else 1
    with running_system() as system:
        figures = [*scenes(system, step), *grocery(system, step), *clothing(system, step)]
    rows = [f"| {f.what} | {f.queries} | {f.value:.3f} | {f.floor:.2f} |" for f in figures]
    table = "\n".join(["| what | queries | measured | floor |", "|---|---|---|---|", *rows])
    print(table)
    if options.write:
        write_section("quality", table)
    # A third of the queries is a smaller sample: two standard errors of slack, so that it fails for a reason.
    slack = 2 * (0.25 / min(f.queries for f in figures)) ** 0.5 if options.small else 0.0
    return int(any(f.value < f.floor - slack for f in figures))


def scenes(system: System, step: int = 1) -> list[Figure]:
    """Precision at 1 and at 5, with every class and without persons."""
    described: list[dict[str, Any]] = json.loads((PHOTOS / "scenes" / "objects.json").read_text())
    classes = {d["file"]: {o["label"] for o in d["objects"]} for d in described}
    seen = Counter(label for labels in classes.values() for label in labels)
    files = [PHOTOS / "scenes" / name for name in classes]
    queried = {file.name for file in held_out(files)}
    with system.new_tenant("scenes") as client:
        ids = give_pictures(client, files, purpose="personal")
        name_of = {media_id: file.name for file, media_id in ids.items()}
        queries = [
            (d["file"], o["label"], o["box"])
            for d in described if d["file"] in queried
            for o in d["objects"] if o["box"][2] * o["box"][3] >= 0.02 and seen[o["label"]] >= 6
        ][::step]  # fmt: skip
        right: list[tuple[str, list[bool]]] = []
        for file, label, box in queries:
            body = {
                "media_id": ids[PHOTOS / "scenes" / file],
                "box": dict(zip(("x", "y", "width", "height"), box, strict=True)),
                "limit": 5,
            }
            hits = search(client, body)
            right.append((label, [label in classes[name_of[hit["media_id"]]] for hit in hits]))
        dotted = {file: _dots(client, ids[PHOTOS / "scenes" / file]) for file in sorted(queried)}
    things = [found for label, found in right if label != "person"]
    objects = {d["file"]: [Box(*o["box"]) for o in d["objects"]] for d in described}
    dotted_objects = [_met(box, dotted[file]) for file in dotted for box in objects[file] if box.area >= 0.02]
    real = [_met(dot, objects[file]) for file in dotted for dot in dotted[file]]
    return [
        Figure("scenes: objects that have a dot", mean(dotted_objects), 0.53, len(dotted_objects)),
        Figure("scenes: dots that lie on an object", mean(real), 0.64, len(real)),
        Figure("scenes: a picture with that class, at 1", mean([f[0] for _, f in right]), 0.80, len(right)),
        Figure("scenes: the same at 5", mean([ok for _, f in right for ok in f]), 0.74, len(right)),
        Figure("scenes: at 5, without persons", mean([ok for f in things for ok in f]), 0.43, len(things)),
    ]


def grocery(system: System, step: int = 1) -> list[Figure]:
    """Photograph to product, top 1 and top 5."""
    folder = PHOTOS / "grocery"
    with (folder / "items.csv").open(newline="") as file:
        feed = list(csv.DictReader(file))
    truth = {row["file"]: row["item"] for row in csv.DictReader((folder / "photos.csv").open(newline=""))}
    with system.new_tenant("grocery") as client:
        images = sorted({folder / row["image"] for row in feed})
        ids = give_pictures(client, images, purpose="catalogue")
        item_of = {ids[folder / row["image"]]: row["id"] for row in feed}
        photos = held_out([folder / "photos" / name for name in truth])[::step]
        asked = give_pictures(client, photos, purpose="search")
        ranks = []
        for photo, media_id in asked.items():
            hits = [item_of[hit["media_id"]] for hit in search(client, {"media_id": media_id, "limit": 5})]
            ranks.append(hits.index(truth[photo.name]) if truth[photo.name] in hits else 99)
    return [
        Figure("grocery: photograph to product, top 1", mean([rank == 0 for rank in ranks]), 0.37, len(ranks)),
        Figure("grocery: top 5", mean([rank < 5 for rank in ranks]), 0.71, len(ranks)),
    ]


def clothing(system: System, step: int = 1) -> list[Figure]:
    """The same kind at 1 and at 10."""
    files = sorted((PHOTOS / "clothing").glob("*/*.*"))
    with system.new_tenant("clothing") as client:
        ids = give_pictures(client, files, purpose="personal")
        kind_of = {media_id: file.parent.name for file, media_id in ids.items()}
        found = []
        for file in held_out(files)[::step]:
            hits = search(client, {"media_id": ids[file], "limit": 10})
            found.append([kind_of[hit["media_id"]] == file.parent.name for hit in hits])
    return [
        Figure("clothing: the same kind, at 1", mean([f[0] for f in found]), 0.66, len(found)),
        Figure("clothing: at 10", mean([ok for f in found for ok in f]), 0.50, len(found)),
    ]


def _dots(client: httpx.Client, media_id: str) -> list[Box]:
    """The regions of a picture, without the whole."""
    regions = client.get(f"/v1/media/{media_id}").raise_for_status().json()["regions"]
    return [Box(**region["box"]) for region in regions if region["n"]]


def _met(box: Box, others: list[Box]) -> bool:
    return any(overlap(box, other) >= 0.3 for other in others)


def search(client: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The hits of one search."""
    hits: list[dict[str, Any]] = client.post("/v1/search", json=body).raise_for_status().json()["hits"]
    return hits


def mean(values: list[bool]) -> float:
    """The share of true ones."""
    return sum(values) / len(values)


if __name__ == "__main__":
    raise SystemExit(main())
