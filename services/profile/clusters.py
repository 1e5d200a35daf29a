"""What a person's pictures look like: a bounded number of clustering features, folded one part at a time. Pure.

A clustering feature (Zhang, Ramakrishnan, Livny, "BIRCH", SIGMOD 1996) is the decayed sum of unit vectors and their
weight; kept here as the weight and the mean, whose numbers are rounded to float16 at each step. Every sum over numbers goes
along one row, in one order and in float32, and BLAS is never asked: the same evidence in the same order gives the same bytes,
wherever the arrays lie (decision 21).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box

Vector = NDArray[np.float32]
Coarse = NDArray[np.int8]

DAY_MS = 24 * 3600 * 1000
CLUSTERS_KEPT = 32
INTERESTS_OF_ONE = 4  # that a cluster remembers to speak for
SHORTEST_DAYS, LONGEST_DAYS = 7, 90  # half-lives
FADED = 0.01  # pictures
_TINY = np.float32(1e-24)  # for means that cancel
_NONE: Vector = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture. vector: float32 [dim], unit length. interests: that it speaks for, with how surely."""

    media_id: str
    box: Box
    vector: Vector
    interests: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """weight: evidence in pictures, as of at_ms. days: on which evidence came. media_id, box: its medoid, the part that is
    nearest to its centre. interests: how much of the weight speaks for each, strongest first."""

    weight: float
    at_ms: int
    days: int
    media_id: str
    box: Box
    interests: tuple[tuple[str, float], ...]

    @property
    def half_life_ms(self) -> int:
        """What comes back on many days lasts: 7 days for each, 90 at most."""
        return min(max(SHORTEST_DAYS * self.days, SHORTEST_DAYS), LONGEST_DAYS) * DAY_MS

    def kept(self, now_ms: int) -> float:
        """The share of the weight that is left at `now_ms`."""
        return float(0.5 ** (max(now_ms - self.at_ms, 0) / self.half_life_ms))


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """each: what is known of them. means: float32 [n, dim], of its unit vectors, decayed. Its
    numbers are those of float16. medoids: int8 [n, dim], as `coarse` makes them."""

    each: tuple[Cluster, ...] = ()
    means: Vector = field(default_factory=lambda: _NONE)
    medoids: Coarse = field(default_factory=lambda: _NONE.astype(np.int8))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Clusters)
            and self.each == other.each
            and np.array_equal(self.means, other.means)
            and np.array_equal(self.medoids, other.medoids)
        )

    def __hash__(self) -> int:
        return hash(self.each)


NO_CLUSTERS = Clusters()


def coarse(vector: Vector) -> Coarse:
    """A unit vector in a byte a number: 127 is one. Cosines move by about a thousandth."""
    rounded: Coarse = np.rint(vector * np.float32(127)).astype(np.int8)
    return rounded


def fold_part(clusters: Clusters, part: Part, gain: float, at_ms: int, likeness: float) -> Clusters:
    """Evidence joins the nearest cluster where its cosine is at least `likeness`, and opens one elsewhere.

    gain: above zero, in pictures. at_ms: not before any evidence in `clusters`. Past CLUSTERS_KEPT, the two merge that
    lose least by it.
    """
    if clusters.each:
        along = np.einsum("ij,j->i", clusters.means, part.vector)
        cosines = along / np.sqrt(np.einsum("ij,ij->i", clusters.means, clusters.means) + _TINY)
        nearest = int(cosines.argmax())
        if cosines[nearest] >= likeness:
            return _joined(clusters, nearest, part, gain, at_ms)
    opened = _opened(_without_faded(clusters, at_ms), part, gain, at_ms)
    return _merged(opened, at_ms) if len(opened.each) > CLUSTERS_KEPT else opened


def without(clusters: Clusters, dropped: Iterable[int]) -> Clusters:
    """All but those at these places."""
    gone = set(dropped)
    kept = [i for i in range(len(clusters.each)) if i not in gone]
    if len(kept) == len(clusters.each):
        return clusters
    if not kept:
        return NO_CLUSTERS
    return Clusters(tuple(clusters.each[i] for i in kept), clusters.means[kept], clusters.medoids[kept])


def speak_mostly_for(clusters: Clusters, interests: Iterable[str]) -> list[int]:
    """The places of the clusters of which at least half speaks for one of `interests`."""
    asked = set(interests)
    return [
        i
        for i, cluster in enumerate(clusters.each)
        if any(id_ in asked and 2 * weight >= cluster.weight for id_, weight in cluster.interests)
    ]


def _joined(clusters: Clusters, i: int, part: Part, gain: float, at_ms: int) -> Clusters:
    cluster, kept = clusters.each[i], clusters.each[i].kept(at_ms)
    weight = kept * cluster.weight + gain
    means = clusters.means.copy()
    means[i] = _mixed(means[i], part.vector, gain / weight)
    medoids, of = clusters.medoids, (cluster.media_id, cluster.box)
    if _nearer(candidate := coarse(part.vector), medoids[i], means[i]):
        of = (part.media_id, part.box)
        medoids = medoids.copy()
        medoids[i] = candidate
    days = cluster.days + (at_ms // DAY_MS != cluster.at_ms // DAY_MS)
    interests = _spoken(cluster.interests, kept, [(id_, gain * score) for id_, score in part.interests])
    joined = Cluster(weight, at_ms, days, *of, interests)
    return Clusters((*clusters.each[:i], joined, *clusters.each[i + 1 :]), means, medoids)


def _opened(clusters: Clusters, part: Part, gain: float, at_ms: int) -> Clusters:
    interests = _spoken((), 1.0, [(id_, gain * score) for id_, score in part.interests])
    cluster = Cluster(gain, at_ms, 1, part.media_id, part.box, interests)
    row, medoid = part.vector.astype(np.float16).astype(np.float32)[None], coarse(part.vector)[None]
    if not clusters.each:
        return Clusters((cluster,), row, medoid)
    return Clusters(
        (*clusters.each, cluster), np.concatenate([clusters.means, row]), np.concatenate([clusters.medoids, medoid])
    )


def _without_faded(clusters: Clusters, now_ms: int) -> Clusters:
    # In a day less than a tenth is lost: most are known to be alive without a power of two.
    doubtful = [i for i, c in enumerate(clusters.each) if c.weight < FADED / 0.9 or now_ms - c.at_ms > DAY_MS]
    return without(clusters, [i for i in doubtful if clusters.each[i].weight * clusters.each[i].kept(now_ms) < FADED])


def _merged(clusters: Clusters, now_ms: int) -> Clusters:
    """The pair of the smallest Ward cost, w1 w2 / (w1 + w2) |c1 - c2|^2, as one. Source: Ward, JASA 58 (1963)."""
    kept = [cluster.kept(now_ms) for cluster in clusters.each]
    weights = np.array([k * c.weight for k, c in zip(kept, clusters.each, strict=True)])
    products = clusters.means @ clusters.means.T
    squares = products.diagonal()
    apart = squares[:, None] + squares - 2 * products
    costs = weights[:, None] * weights / (weights[:, None] + weights) * apart
    first, second = np.triu_indices(len(weights), 1)
    best = int(costs[first, second].argmin())
    return _as_one(clusters, (int(first[best]), int(second[best])), kept, now_ms)


def _as_one(clusters: Clusters, pair: tuple[int, int], kept: Sequence[float], now_ms: int) -> Clusters:
    i, j = pair
    one, other = clusters.each[i], clusters.each[j]
    weight = kept[i] * one.weight + kept[j] * other.weight
    mean = _mixed(clusters.means[i], clusters.means[j], kept[j] * other.weight / weight)
    nearer = j if _nearer(clusters.medoids[j], clusters.medoids[i], mean) else i
    of_other = [(id_, kept[j] * weight) for id_, weight in other.interests]
    # The days of the one that came back more often: of both together nothing is known.
    merged = Cluster(
        weight,
        now_ms,
        max(one.days, other.days),
        clusters.each[nearer].media_id,
        clusters.each[nearer].box,
        _spoken(one.interests, kept[i], of_other),
    )
    each, means, medoids = list(clusters.each), clusters.means.copy(), clusters.medoids.copy()
    each[i], means[i], medoids[i] = merged, mean, clusters.medoids[nearer]
    return without(Clusters(tuple(each), means, medoids), [j])


def _spoken(
    before: Sequence[tuple[str, float]], kept: float, more: Sequence[tuple[str, float]]
) -> tuple[tuple[str, float], ...]:
    of = {id_: kept * weight for id_, weight in before}
    for id_, weight in more:
        of[id_] = of.get(id_, 0.0) + weight
    return tuple(sorted(of.items(), key=lambda spoken: (-spoken[1], spoken[0]))[:INTERESTS_OF_ONE])


def _mixed(one: Vector, other: Vector, share: float) -> Vector:
    """share: of the other, 0 to 1."""
    mixed: Vector = (one + np.float32(share) * (other - one)).astype(np.float16).astype(np.float32)
    return mixed


def _nearer(one: Coarse, other: Coarse, mean: Vector) -> bool:
    """Whether one unit vector lies nearer to a mean than the other."""
    return bool(np.add.reduce((one.astype(np.float32) - other) * mean) > 0)
