"""One fold of a person's state: 24 clusters of 256 numbers and one more picture, against the same in plain Python lists.

The claim is about the cluster's part of the fold, which is all that touches vectors: find the nearest cluster, fade it, add
the picture, look whether it is the new medoid. Both do the same arithmetic and must agree. The whole fold of an entry, with
its interests, reasons and labels, is timed beside it, and so is opening a cluster past the most that are kept, which merges two.

    python -m bench.fold [--write]
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
from collections.abc import Callable
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from bench.report import write_section
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import WHOLE
from nungil.pictures.pooling import unit
from services.profile import core
from services.profile.clusters import CLUSTERS_KEPT, DAY_MS, NO_CLUSTERS, Clusters, Part, fold_part
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import NOTHING, Entry, Finding, Rules, State
from services.profile.store.encoding import encode_state

CLUSTERS, DIM, LIKENESS = 24, 256, 0.2
RULES = Rules(gains_by_kind(GAINS), 60 * DAY_MS, "space", LIKENESS)
FLOOR_TIMES, FLOOR_US = 20.0, 60.0
RUNS, TIMES = 31, 100
Floats = NDArray[np.float32]


def main() -> int:
    """1 where a floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    state = a_state(rng)
    part = Part("m-new", WHOLE, near(rng, state.clusters, 7))
    check_agreement(state.clusters, part)
    plain, numbers = as_lists(state.clusters), part.vector.tolist()
    ours, lists = measured(
        lambda: fold_part(state.clusters, part, 1.0, 40 * DAY_MS, LIKENESS),
        lambda: fold_plain(plain, numbers, 1.0, 40 * DAY_MS),
    )
    entry, crowded = an_entry(part.vector), full(rng)
    unlike = Part("m", WHOLE, unit(rng.normal(size=DIM).astype(np.float32)))
    whole, opened = measured(
        lambda: core.fold(state, [entry], RULES), lambda: fold_part(crowded, unlike, 1.0, 40 * DAY_MS, 0.99)
    )
    times = lists / ours
    table = "\n".join(
        [
            "| one fold, 24 clusters of 256 numbers | µs |",
            "|---|---|",
            f"| into the nearest cluster, as profile does it | {ours:.1f} |",
            f"| the same in plain Python lists | {lists:,.0f} |",
            f"| a whole entry: interests, reasons, labels, clusters, session | {whole:.1f} |",
            f"| opening the 33rd cluster, so that two merge | {opened:.1f} |",
            "",
            f"{times:.0f} times faster (floor: {FLOOR_TIMES:.0f} times, {FLOOR_US:.0f} µs). Medians of {RUNS} runs of {TIMES}. "
            f"The state takes {len(encode_state(state)):,} bytes.",
        ]
    )
    print(table)
    if options.write:
        write_section("fold", f"## One fold\n\n{table}")
    missed = times < FLOOR_TIMES or ours > FLOOR_US
    if missed:
        print("missed its floor", file=sys.stderr)
    return int(missed)


def a_state(rng: np.random.Generator) -> State:
    """Four pictures of each of 24 things."""
    centres = unit(rng.normal(size=(CLUSTERS, DIM)).astype(np.float32))
    entries = [
        an_entry(
            unit((centre + 0.04 * rng.normal(size=DIM)).astype(np.float32)),
            event_id=f"e-{i:02}-{n}",
            n=i,
            at_ms=DAY_MS * (1 + n) + i,
        )
        for n in range(4)
        for i, centre in enumerate(centres)
    ]
    state = core.fold(NOTHING, entries, RULES)
    if len(state.clusters.each) != CLUSTERS:
        raise AssertionError(f"{len(state.clusters.each)} clusters, not {CLUSTERS}")
    return state


def an_entry(vector: Floats, *, event_id: str = "e-new", n: int = 7, at_ms: int = 40 * DAY_MS) -> Entry:
    """A picture that speaks for an interest and its parent."""
    findings = tuple(Finding(f"i-{n}-{level}", 0.8, WHOLE, ((f"l-{n}", 0.8),)) for level in range(2))
    kind = pb.ACTIVITY_KIND_SAVED
    return Entry(event_id, kind, event_id, at_ms, findings, vectors=vector.astype("<f2").tobytes(), space="space")


def near(rng: np.random.Generator, clusters: Clusters, i: int) -> Floats:
    """Something that looks like one cluster, in float16's numbers as a journal keeps them."""
    vector: Floats = unit((clusters.means[i] + 0.03 * rng.normal(size=DIM)).astype(np.float32))
    return vector.astype(np.float16).astype(np.float32)


def full(rng: np.random.Generator) -> Clusters:
    """As many clusters as are kept."""
    clusters = NO_CLUSTERS
    for n, vector in enumerate(unit(rng.normal(size=(CLUSTERS_KEPT, DIM)).astype(np.float32))):
        clusters = fold_part(clusters, Part(f"m-{n}", WHOLE, vector), 1.0, 39 * DAY_MS + n, 0.99)
    return clusters


Plain = list[tuple[list[float], list[float], float, int, int]]  # mean, medoid, weight, days, at_ms


def as_lists(clusters: Clusters) -> Plain:
    """The same clusters as anyone would write them down."""
    return [
        (mean.tolist(), medoid.tolist(), one.weight, one.days, one.at_ms)
        for one, mean, medoid in zip(clusters.each, clusters.means, clusters.medoids, strict=True)
    ]


def fold_plain(clusters: Plain, vector: list[float], gain: float, at_ms: int) -> Plain:
    """What `fold_part` does where the picture joins a cluster."""
    best, nearest = -2.0, 0
    for i, (mean, *_) in enumerate(clusters):
        cosine = sum(a * b for a, b in zip(mean, vector, strict=True)) / math.sqrt(sum(a * a for a in mean))
        if cosine > best:
            best, nearest = cosine, i
    mean, medoid, weight, days, before_ms = clusters[nearest]
    if best < LIKENESS:
        raise AssertionError("it opens a cluster, which is not compared here")
    half_life_ms = min(max(7 * days, 7), 90) * DAY_MS
    kept = 0.5 ** ((at_ms - before_ms) / half_life_ms)
    share = gain / (kept * weight + gain)
    mixed = [a + share * (b - a) for a, b in zip(mean, vector, strict=True)]
    candidate: list[float] = [round(127 * a) for a in vector]
    if sum(a * b for a, b in zip(candidate, mixed, strict=True)) > sum(
        a * b for a, b in zip(medoid, mixed, strict=True)
    ):
        medoid = candidate
    days += at_ms // DAY_MS != before_ms // DAY_MS
    return [*clusters[:nearest], (mixed, medoid, kept * weight + gain, days, at_ms), *clusters[nearest + 1 :]]


def check_agreement(clusters: Clusters, part: Part) -> None:
    """Raises AssertionError where the two differ by more than rounding."""
    ours = fold_part(clusters, part, 1.0, 40 * DAY_MS, LIKENESS)
    plain = fold_plain(as_lists(clusters), part.vector.tolist(), 1.0, 40 * DAY_MS)
    for one, mean, medoid, (mixed, coarsely, weight, days, at_ms) in zip(
        ours.each, ours.means, ours.medoids, plain, strict=True
    ):
        np.testing.assert_allclose(mean, mixed, atol=1e-3)
        if (
            (one.days, one.at_ms) != (days, at_ms)
            or not math.isclose(one.weight, weight)
            or medoid.tolist() != coarsely
        ):
            raise AssertionError("the two do not do the same")


def measured(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Median microseconds of each, in turns, so that what else the machine does meets both."""
    found: tuple[list[float], list[float]] = ([], [])
    gc.disable()
    for _ in range(RUNS):
        for run, of in zip((one, other), found, strict=True):
            times = TIMES if of is found[0] else TIMES // 20
            begun = perf_counter_ns()
            for _ in range(times):
                run()
            of.append((perf_counter_ns() - begun) / times / 1e3)
    gc.enable()
    return float(np.median(found[0])), float(np.median(found[1]))


if __name__ == "__main__":
    sys.exit(main())
