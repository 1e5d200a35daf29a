"""Whether a reader would agree with the interests: gallery/, whose pictures name those that a reader would draw.

One by one, each picture is read as profile reads an upload. A root interest is right where a reader drew one that it stands for
(STANDS_FOR: the readers' words are no taxonomy, and some fit two of ours). Precision: of the roots given, those that are
right. Recall: of the interests that readers drew, those that a given root stands for. The floor was chosen on the fitted
half of bench/halves.py; the other half is held out.

    python -m bench.interests [--write] [--pictures] [--floor 0.25]
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.halves import fitted, held_out
from bench.photographs import PHOTOS, of_set
from bench.report import write_section
from nungil.api.profile.v1.profile_pb2 import ACTIVITY_KIND_UPLOADED
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder
from nungil.pictures.colours import dominant_colours
from nungil.pictures.decode import decode_upright
from nungil.pictures.features import Features
from nungil.pictures.regions import strongest_labels
from nungil.taxonomy.taxonomy import LOOKS, load_taxonomy
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import DAY_MS, NOTHING, Entry, Finding, Rules, fold, weights_at
from services.profile.evidence import Reading

_HEADING = (
    "## Interests a reader agrees with\n\nRoot interests given to the pictures of `gallery/`, against those that readers "
    "drew from them; 0.25 is the default floor, chosen on the fitted half."
)
FLOOR = 0.25
SEED = 6
DRAWS, DRAWN, FIRST = 1000, 3, 3
CLAIMED = 0.9  # of the draws
SHOWN = 1.0  # pictures: a root of the whole gallery that weighs less is not counted
FLOORS = (0.15, 0.2, 0.22, 0.25, 0.28, 0.35)
STANDS_FOR = {
    "food": {"food_drink"},
    "food/dining": {"food_drink", "cooking"},
    "home": {"home_interior"},
    "home/kitchen": {"home_interior", "cooking"},
    "home/kitchen and bath": {"home_interior", "cooking"},
    "home/plants": {"home_interior", "gardening_plants"},
    "home/flowers": {"home_interior", "gardening_plants"},
    "nature/wildlife": {"wildlife"},
    "outdoors/mountains": {"outdoors_nature"},
    "outdoors/winter sports": {"outdoors_nature", "sports_fitness"},
    "pets": {"pets_animals"},
    "sports": {"sports_fitness"},
    "technology": {"technology_computing"},
    "toys": {"games_toys"},
    "travel/aviation": {"travel_places", "vehicles_mobility"},
    "travel/city": {"travel_places", "vehicles_mobility"},
    "vehicles": {"vehicles_mobility"},
}


@dataclass(frozen=True)
class Agreement:
    """Over some pictures, at one floor."""

    given: int
    right: int
    drawn: int
    met: int

    @property
    def precision(self) -> float:
        return self.right / max(self.given, 1)

    @property
    def recall(self) -> float:
        return self.met / max(self.drawn, 1)


def main() -> int:
    """Prints the tables; 1 where the claim of three photographs does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--pictures", action="store_true", help="print what each picture gives, at --floor")
    parser.add_argument("--floor", type=float, default=FLOOR)
    options = parser.parse_args()
    photographs = of_set("gallery")
    with open_encoder("efficientnet-lite0://") as encoder:
        features = {path: read_picture(encoder, path) for path in photographs}
    drawn = drawn_by_readers()
    if options.pictures:
        show(features, drawn, options.floor)
    halves = {"fitted": fitted(photographs), "held out": held_out(photographs)}
    lines = ["| floor | half | pictures | given | precision | recall |", "|---|---|---|---|---|---|"]
    for floor in FLOORS:
        for half, paths in halves.items():
            found = agreement({path: roots_of(features[path], floor) for path in paths}, drawn)
            lines.append(
                f"| {floor:.2f} | {half} | {len(paths)} | {found.given} | {found.precision:.2f} | {found.recall:.2f} |"
            )
    told = {
        path: tuple(f for f in findings_of(features[path], FLOOR) if not is_look(f.interest)) for path in photographs
    }
    whole = together(told, drawn)
    first, mean = after_three(told, drawn)
    lines += [
        "",
        f"Together, folded as one person's uploads, roots of {SHOWN:.0f} picture or more: {whole.given} given, precision"
        f" {whole.precision:.2f}, recall {whole.recall:.2f} of the {whole.drawn} interests that readers drew from them.",
        "",
        f"After {DRAWN} photographs, {DRAWS} draws: a right root is among the first {FIRST} in {first:.1%} (claimed: {CLAIMED:.0%});"
        f" of the roots among the first {FIRST}, {mean:.1%} are right.",
    ]
    table = "\n".join(lines)
    print(table)
    if options.write:
        write_section("interests", f"{_HEADING}\n\n{table}")
    return int(first < CLAIMED)


def is_look(interest: str) -> bool:
    """Whether it is a style, a colour or a material."""
    return load_taxonomy().is_look(interest)


def folded(found: Sequence[tuple[Finding, ...]]) -> list[tuple[str, float]]:
    """Root interests and their weights after uploads, an hour apart, the heaviest first; ties by id."""
    hour_ms = 3_600_000
    entries = [
        Entry(f"e-{n:04}", ACTIVITY_KIND_UPLOADED, f"m-{n}", (n + 1) * hour_ms, findings)
        for n, findings in enumerate(found)
    ]
    rules = Rules(gains_by_kind(GAINS), 60 * DAY_MS)
    weights = weights_at(fold(NOTHING, entries, rules), (len(found) + 1) * hour_ms, rules)
    return [(id_, weight) for id_, weight, _ in weights if load_taxonomy().interests[id_].parent is None]


def together(found: dict[Path, tuple[Finding, ...]], drawn: dict[str, list[set[str]]]) -> Agreement:
    """The whole gallery as one person's. Drawn: each way of standing for an interest once."""
    given = {root for root, weight in folded(list(found.values())) if weight >= SHOWN}
    wanted = {frozenset(stands) for path in found for stands in drawn[path.name]}
    return Agreement(
        given=len(given),
        right=len(given & set().union(*wanted)),
        drawn=len(wanted),
        met=sum(bool(given & stands) for stands in wanted),
    )


def after_three(found: dict[Path, tuple[Finding, ...]], drawn: dict[str, list[set[str]]]) -> tuple[float, float]:
    """Shares: of draws with a right root among the first, and of the roots among the first that are right."""
    random, paths = np.random.default_rng(SEED), list(found)
    hits, given, right = 0, 0, 0
    for _ in range(DRAWS):
        chosen = [paths[n] for n in random.choice(len(paths), DRAWN, replace=False)]
        first = {root for root, _ in folded([found[path] for path in chosen])[:FIRST]}
        of_readers = set().union(*(stands for path in chosen for stands in drawn[path.name]))
        hits += bool(first & of_readers)
        given += len(first)
        right += len(first & of_readers)
    return hits / DRAWS, right / max(given, 1)


def read_picture(encoder: Encoder, path: Path) -> Features:
    """As embed finds it, as far as profile reads it."""
    pixels = decode_upright(path.read_bytes())
    encoded = encoder.forward(encoder.prepare(pixels)[None])
    labels, label_map = strongest_labels(encoded.label_maps[0], encoder.labels)
    height, width = pixels.shape[:2]
    map_ = encoded.maps[0].astype(np.float16).astype(np.float32)
    stored = label_map.astype(np.float16).astype(np.float32)
    colours = dominant_colours(pixels, load_taxonomy().colours)
    return Features(
        "t", path.stem, "catalogue", encoder.space.name, 1, width, height, map_, (), labels, stored, colours
    )


def findings_of(features: Features, floor: float) -> tuple[Finding, ...]:
    """As profile reads an upload."""
    return Reading(load_taxonomy(), floor)(features, None)


def roots_of(features: Features, floor: float) -> set[str]:
    """The broadest interests that a picture gives."""
    taxonomy = load_taxonomy()
    found = {f.interest for f in findings_of(features, floor) if taxonomy.interests[f.interest].parent is None}
    return found - {LOOKS}


def drawn_by_readers() -> dict[str, list[set[str]]]:
    """File -> for each interest that a reader drew, the roots that stand for it."""
    with (PHOTOS / "gallery" / "gallery.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["file"], row["interests"].split(";")) for row in csv.DictReader(file)]
    return {
        name: [STANDS_FOR.get(word) or STANDS_FOR[word.partition("/")[0]] for word in words] for name, words in rows
    }


def agreement(given: dict[Path, set[str]], drawn: dict[str, list[set[str]]]) -> Agreement:
    """Counts over all pictures of `given`."""
    right = sum(len(roots & set().union(*drawn[path.name])) for path, roots in given.items())
    met = sum(bool(roots & stands) for path, roots in given.items() for stands in drawn[path.name])
    return Agreement(
        given=sum(map(len, given.values())),
        right=right,
        drawn=sum(len(drawn[path.name]) for path in given),
        met=met,
    )


def show(features: dict[Path, Features], drawn: dict[str, list[set[str]]], floor: float) -> None:
    """One line a picture: what is wrong is marked."""
    roots = {root.id for root in load_taxonomy().roots()}
    for path, found in features.items():
        right = set().union(*drawn[path.name])
        told = [
            f"{'!' if f.interest in roots and f.interest not in right else ''}{f.interest} {f.score:.2f} "
            f"({', '.join(name for name, _ in f.labels)})"
            for f in findings_of(found, floor)
        ]
        print(path.name, "; ".join("|".join(sorted(stands)) for stands in drawn[path.name]), "->", "; ".join(told))


if __name__ == "__main__":
    raise SystemExit(main())
