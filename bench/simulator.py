"""Offline quality of what a state remembers: people with hidden interests, 90 days of which are seen and 14 are to be met.

A hidden interest is a kind of thing in the labelled photographs: clothing, groceries, objects of scenes. A person has three to
eight: some last, some are over after a week or two, one starts late. Each day they do a few things with pictures of those
kinds, and one time in seven with a picture of any kind. Half of each kind's pictures can be met in the 90 days, the other half
is what can be recommended, so nobody is shown what they have seen. All lists are equally long.

precision   of the pictures shown, those of a kind that the person turned to in the 14 days
coverage    of the kinds that the person turned to in the 14 days, those that the list shows

popularity, last item, decayed average, k-means of 5, Ward with medoids (all of the history at once, by its own best cut)
and the fold that profile keeps. Methods with several points of interest share one way to fill a list: places in proportion to
weight, one at least for each of the heaviest n. The claim: with the n that covers most for each of the two, the fold's coverage
is a share of Ward's, among the n where its precision is at least that of Ward. (Precision is no curve to interpolate along: with
very small n it falls too.) Likeness and Ward's cut were chosen on other people (--likeness).

    python -m bench.simulator [--write] [--likeness]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans

from bench.labelled import Photograph, encoded
from bench.report import write_section
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.encoder.open import open_encoder
from nungil.pictures.boxes import WHOLE
from nungil.pictures.pooling import pool_box, summed_area, unit
from services.profile import core, tastes
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import DAY_MS, NOTHING, Entry, Rules

Floats = NDArray[np.float32]
Points = list[tuple[float, Floats]]  # weight, direction

PEOPLE, DAYS, AHEAD_DAYS, SHOWN = 150, 90, 14, 40
SMALLEST_KIND, SMALLEST_PART, ANY_KIND = 6, 0.03, 1 / 7
HALF_LIFE_DAYS = 30.0  # of the average, of k-means and of Ward
TOPS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
WARD_TOP = 16
FLOOR = 0.85
WARD_CUT = 1.8  # of the linkage's height; chosen as likeness was
WARD_CUTS = (1.3, 1.8, 2.1, 2.4, 2.8)
LIKENESSES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
ACTS = (pb.ACTIVITY_KIND_UPLOADED, pb.ACTIVITY_KIND_SAVED, pb.ACTIVITY_KIND_CROP_SEARCHED, pb.ACTIVITY_KIND_LIKED)
GAINS_OF = gains_by_kind(GAINS)


@dataclass(frozen=True)
class World:
    """vectors: float32 [n, dim], unit length. kinds: int [n]. seen: bool [n], what can be met in the 90 days."""

    vectors: Floats
    kinds: NDArray[np.int64]
    seen: NDArray[np.bool_]

    @property
    def shop(self) -> NDArray[np.int64]:
        """The pictures that can be recommended."""
        return np.flatnonzero(~self.seen)


@dataclass(frozen=True)
class Person:
    """history: day, picture and act, in order. turned_to: the kinds of the days ahead."""

    history: list[tuple[float, int, int]]
    turned_to: frozenset[int]


def main() -> int:
    """1 where the floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--likeness", action="store_true", help="print what each likeness gives, on people apart")
    options = parser.parse_args()
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        world = a_world(encoded(encoder))
    if options.likeness:
        choose(world)
        return 0
    people = some_people(world, seed=1)
    popular = popularity(world, people)
    ward = [ward_points(world, one) for one in people]
    fold = [fold_points(world, one, core.LIKENESS) for one in people]
    simple: dict[str, Callable[[Person], NDArray[np.int64]]] = {
        "popularity, one list for all": lambda _: popular,
        "the last item": lambda one: listed(world, last_point(world, one), 1),
        "a decayed average": lambda one: listed(world, average_point(world, one), 1),
        "k-means of 5": lambda one: listed(world, kmeans_points(world, one), 5),
    }
    rows = [(name, *scored(world, people, [show(one) for one in people])) for name, show in simple.items()]
    of_ward, of_fold = (scored(world, people, [listed(world, p, WARD_TOP) for p in points]) for points in (ward, fold))
    ceiling = max(
        (scored(world, people, [listed(world, p, n) for p in ward]) for n in TOPS), key=lambda found: found[1]
    )
    curve = [scored(world, people, [listed(world, p, n) for p in fold]) for n in TOPS]
    equal = max((coverage for precision, coverage in curve if precision >= ceiling[0]), default=0.0)
    rows += [(f"Ward with medoids, all at once, top {WARD_TOP}", *of_ward), (f"the fold, top {WARD_TOP}", *of_fold)]
    for n in (3, 5, 8):
        rows.append((f"Ward, top {n}", *scored(world, people, [listed(world, p, n) for p in ward])))
        rows.append((f"the fold, top {n}", *scored(world, people, [listed(world, p, n) for p in fold])))
    table = "\n".join(
        [
            f"| of {SHOWN} shown | precision | coverage |",
            "|---|---|---|",
            *(f"| {name} | {precision:.3f} | {coverage:.3f} |" for name, precision, coverage in rows),
            "",
            f"Ward covers most at {ceiling[1]:.3f} with a precision of {ceiling[0]:.3f}; at that precision or better the fold covers "
            f"{equal:.3f}, {equal / ceiling[1]:.2f} of it (floor: {FLOOR}). "
            f"{len(people)} people, {len(set(world.kinds.tolist()))} kinds, {len(world.kinds)} things; a person's clusters: "
            f"{np.mean([len(p) for p in fold]):.1f} kept by the fold, {np.mean([len(p) for p in ward]):.1f} by Ward.",
        ]
    )
    print(table)
    if options.write:
        write_section("simulator", f"## What a state remembers\n\n{__doc_table__}\n\n{table}")
    if equal < FLOOR * ceiling[1]:
        print("missed its floor", file=sys.stderr)
        return 1
    return 0


__doc_table__ = (
    "People with hidden interests, 90 days seen and 14 to be met, on labelled photographs. Precision: of the pictures shown, those "
    "of a kind that the person turned to; coverage: of the kinds turned to, those shown "
    "(with fewer kinds than places, one list for all can show them all)."
)


def choose(world: World) -> None:
    """Prints precision and coverage of each likeness, of people that the table does not use."""
    people = some_people(world, seed=2)
    for likeness in LIKENESSES:
        points = [fold_points(world, one, likeness) for one in people]
        found = [scored(world, people, [listed(world, p, n) for p in points]) for n in (5, WARD_TOP, 16)]
        print(likeness, f"{np.mean([len(p) for p in points]):.1f} clusters", [f"{p:.3f} {c:.3f}" for p, c in found])
    for cut in WARD_CUTS:
        points = [ward_points(world, one, cut) for one in people]
        found = [scored(world, people, [listed(world, p, n) for p in points]) for n in (5, WARD_TOP, 16)]
        print("ward", cut, f"{np.mean([len(p) for p in points]):.1f} clusters", [f"{p:.3f} {c:.3f}" for p, c in found])


def a_world(sets: dict[str, list[Photograph]]) -> World:
    """Every labelled part that is large enough, of the kinds that have enough of them."""
    parts: list[tuple[str, Floats]] = []
    for name in ("scenes", "clothing", "grocery/photos"):
        for one in sets[name]:
            table = summed_area(one.map)
            boxes = [(k, b) for k, b in one.objects if b.width * b.height >= SMALLEST_PART] if one.objects else []
            whole = [] if one.objects else [(k, WHOLE) for k in sorted(one.kinds)]
            parts.extend((f"{name} {kind}", unit(pool_box(table, box))) for kind, box in (*boxes, *whole))
    counted = {kind: sum(k == kind for k, _ in parts) for kind in {k for k, _ in parts}}
    kinds = sorted(kind for kind, n in counted.items() if n >= SMALLEST_KIND)
    kept = [(kinds.index(kind), vector) for kind, vector in parts if kind in kinds]
    of = np.array([k for k, _ in kept])
    seen = np.zeros(len(kept), dtype=bool)
    for kind in range(len(kinds)):
        seen[np.flatnonzero(of == kind)[::2]] = True
    return World(np.stack([v for _, v in kept]).astype(np.float16).astype(np.float32), of, seen)


def some_people(world: World, *, seed: int) -> list[Person]:
    """PEOPLE of them; those who turn to nothing ahead are left out."""
    people = [a_person(world, np.random.default_rng([seed, n])) for n in range(PEOPLE)]
    return [one for one in people if one.turned_to and one.history]


def a_person(world: World, rng: np.random.Generator) -> Person:
    """Interests with a strength and a time each, and what follows from them day by day."""
    kinds = rng.choice(int(world.kinds.max()) + 1, size=rng.integers(3, 9), replace=False)
    spans = []
    for n, kind in enumerate(kinds.tolist()):
        begun = DAYS - rng.integers(5, 20) if n == 1 else rng.integers(0, DAYS // 3)
        ends = begun + rng.integers(7, 15) if n and rng.random() < 0.3 else DAYS + AHEAD_DAYS
        spans.append((kind, float(rng.gamma(2.0)), int(begun), int(ends)))
    history: list[tuple[float, int, int]] = []
    turned_to: set[int] = set()
    for day in range(DAYS + AHEAD_DAYS):
        now = [(kind, strength) for kind, strength, begun, ends in spans if begun <= day < ends]
        for n in range(rng.poisson(0.9) if now else 0):
            strengths = np.array([strength for _, strength in now])
            kind = int(rng.choice([k for k, _ in now], p=strengths / strengths.sum()))
            if day >= DAYS:
                turned_to.add(kind)
                continue
            of_kind = np.flatnonzero(world.seen & (world.kinds == kind))
            any_kind = np.flatnonzero(world.seen)
            picture = int(rng.choice(any_kind if rng.random() < ANY_KIND else of_kind))
            history.append((day + n / 100, picture, int(rng.choice(ACTS))))
    return Person(history, frozenset(turned_to))


def fold_points(world: World, person: Person, likeness: float) -> Points:
    """What profile keeps: `clusters_at` after the fold of the history."""
    rules = Rules(GAINS_OF, 60 * DAY_MS, "space", likeness)
    entries = [
        Entry(
            f"{n:05}",
            act,
            str(picture),
            _ms(day),
            (),
            vectors=world.vectors[picture].astype("<f2").tobytes(),
            space="space",
        )
        for n, (day, picture, act) in enumerate(person.history)
    ]
    found = tastes.clusters_at(core.fold(NOTHING, entries, rules), _ms(DAYS), rules)
    return [(one.weight, one.centre) for one in found]


def ward_points(world: World, person: Person, cut: float = WARD_CUT) -> Points:
    """All of the history at once (Pal et al., "PinnerSage", KDD 2020): Ward's clusters, each by its medoid, decayed."""
    vectors, weights = _history(world, person)
    groups = fcluster(linkage(vectors, "ward"), cut, "distance") if len(vectors) > 1 else np.array([1])
    return [_medoid(vectors[groups == g], weights[groups == g]) for g in sorted(set(groups.tolist()))]


def kmeans_points(world: World, person: Person) -> Points:
    """Five centres, or as many as there are pictures."""
    vectors, weights = _history(world, person)
    model = KMeans(min(5, len(np.unique(vectors, axis=0))), n_init=4, random_state=0).fit(
        vectors, sample_weight=weights
    )
    return [(float(weights[model.labels_ == g].sum()), unit(c)) for g, c in enumerate(model.cluster_centers_)]


def average_point(world: World, person: Person) -> Points:
    """One direction."""
    vectors, weights = _history(world, person)
    return [(1.0, unit((weights[:, None] * vectors).sum(axis=0)))]


def last_point(world: World, person: Person) -> Points:
    """The newest picture."""
    return [(1.0, world.vectors[person.history[-1][1]])]


def popularity(world: World, people: Sequence[Person]) -> NDArray[np.int64]:
    """The pictures of the kinds that most was done with, a picture of each in turn by how much."""
    done = np.bincount(
        [world.kinds[p] for one in people for _, p, _ in one.history], minlength=int(world.kinds.max()) + 1
    )
    shop, taken = world.shop, np.zeros(len(done))
    shown: list[int] = []
    while len(shown) < SHOWN:
        kind = int(np.argmax(done / (1 + taken)))
        of_kind = [i for i in shop[world.kinds[shop] == kind].tolist() if i not in shown]
        taken[kind] = np.inf if not of_kind else taken[kind] + 1
        shown.extend(of_kind[:1])
    return np.array(shown)


def listed(world: World, points: Points, top: int) -> NDArray[np.int64]:
    """SHOWN pictures: places in proportion to weight for the heaviest `top`, one at least, each filled with the nearest."""
    heaviest = sorted(points, key=lambda point: -point[0])[:top]
    weights = np.array([weight for weight, _ in heaviest])
    places = np.maximum(np.round(SHOWN * weights / weights.sum()).astype(int), 1)
    shop, shown = world.shop, list[int]()
    nearest = [shop[np.argsort(-(world.vectors[shop] @ direction))].tolist() for _, direction in heaviest]
    for ranked, n in zip(nearest, places.tolist(), strict=True):
        shown.extend([i for i in ranked if i not in shown][:n])
    shown.extend([i for i in nearest[0] if i not in shown][: max(SHOWN - len(shown), 0)])
    return np.array(shown[:SHOWN])


def scored(world: World, people: Sequence[Person], lists: Sequence[NDArray[np.int64]]) -> tuple[float, float]:
    """Mean precision and coverage."""
    found = []
    for one, shown in zip(people, lists, strict=True):
        kinds = world.kinds[shown].tolist()
        right = [kind in one.turned_to for kind in kinds]
        found.append((np.mean(right), len(one.turned_to & set(kinds)) / len(one.turned_to)))
    return float(np.mean([p for p, _ in found])), float(np.mean([c for _, c in found]))


def _history(world: World, person: Person) -> tuple[Floats, Floats]:
    vectors = world.vectors[[picture for _, picture, _ in person.history]]
    weights = [GAINS_OF[act] * 0.5 ** ((DAYS - day) / HALF_LIFE_DAYS) for day, _, act in person.history]
    return vectors, np.array(weights, dtype=np.float32)


def _medoid(vectors: Floats, weights: Floats) -> tuple[float, Floats]:
    apart = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    return float(weights.sum()), vectors[int(np.argmin(apart.sum(axis=1)))]


def _ms(day: float) -> int:
    return int((1000 + day) * DAY_MS)


if __name__ == "__main__":
    sys.exit(main())
