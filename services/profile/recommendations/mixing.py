"""A list of the things that were found for wishes: each wish its share from the first place on, and nothing twice alike. Pure."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.profile.recommendations.wishes import Source, Vector, Wish

RELEVANCE = 0.7  # against variety: lambda of maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)
LOOKED_BACK = 12  # places that variety is measured against
NEARLY_THE_SAME = 0.98  # cosine of two whole pictures: one of them is enough
LABELLED = 0.15  # of likeness: what it is worth that a thing shows what is wished for, by name
LIKE_HIDDEN = 0.95  # cosine to something that was hidden
BESIDE_PRODUCTS = 0.25  # of what a wish gets, where services or articles are found for it
_FOR_NO_REASON = (Source.EXPLORATION, Source.FRESH)
FRESH_HALF = 60  # the newest thing is twice as likely to be early as the one so many behind it


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A thing that was found for a wish. score: cosine; 0 where nothing was compared. vector: of its picture, float32 [dim], unit
    length; None where it is not known. product: neither a service nor an article. labelled: it shows what the wish names."""

    item_id: str
    media_id: str
    region: int
    score: float
    product: bool
    vector: Vector | None
    labelled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A thing in a list, and the wish that it is there for."""

    candidate: Candidate
    wish: Wish


class _Pool:
    """What is left for one wish, with how much each is worth, about 0 to 1; and what it gave so far, beside products."""

    def __init__(self, wish: Wish, left: Sequence[tuple[Candidate, float]]) -> None:
        self.wish = wish
        self.left = list(left)
        self.taken = self.beside = 0


def mixed(
    wishes: Sequence[Wish],
    found: Sequence[Sequence[Candidate]],
    length: int,
    *,
    seed: str,
    likeness: float,
    hidden: Sequence[Vector] = (),
) -> list[Chosen]:
    """At most `length` things, each once.

    found: for each wish, best first. seed: another gives another order of what is not compared. likeness: cosine from which a
    thing is near a vector at all. hidden: what nobody wants to see the like of.
    """
    near = [each for wish in wishes for each in wish.vectors]
    said = {one.item_id for wish, some in zip(wishes, found, strict=True) if wish.stated for one in some}
    pools: list[_Pool] = []
    for wish, some in zip(wishes, found, strict=True):
        without = said if wish.source in _FOR_NO_REASON else frozenset()  # what says it is there for that
        wanted = [one for one in some if one.item_id not in without and not _is_like(one, hidden, LIKE_HIDDEN)]
        pools.append(_Pool(wish, _worth(wish, wanted, seed, likeness, near)))
    chosen: list[Chosen] = []
    vectors: list[Vector] = []
    alike: dict[bool, list[Vector]] = {True: [], False: []}  # a clinic may be shown by the picture of a toy
    while len(chosen) < length and (ready := [pool for pool in pools if pool.left]):
        pool = max(ready, key=lambda p: p.wish.share / (2 * p.taken + 1))  # Sainte-Lague's; of equals the first
        candidate = _take(pool, vectors)
        _without(pools, candidate)
        if _is_like(candidate, alike[candidate.product], NEARLY_THE_SAME):
            continue
        pool.taken += 1
        pool.beside += not candidate.product
        chosen.append(Chosen(candidate, pool.wish))
        if candidate.vector is not None:
            vectors.append(candidate.vector)
            alike[candidate.product].append(candidate.vector)
    return chosen


def seed_of(tenant: str, person_id: str, day: int) -> str:
    """Another for every person and day."""
    return hashlib.sha256(f"{tenant}/{person_id}/{day}".encode()).hexdigest()


def _worth(
    wish: Wish, found: Sequence[Candidate], seed: str, likeness: float, near: Sequence[Vector]
) -> list[tuple[Candidate, float]]:
    """What a wish may get, and how much each is worth."""
    if wish.vectors:
        wanted = [each for each in found if each.labelled or (each.score >= likeness and not wish.named)]
        return [(each, each.score + LABELLED * each.labelled) for each in wanted]
    if wish.source == Source.EXPLORATION:
        found = [each for each in found if not _is_like(each, near, likeness)]
    # Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): by u ^ (1 / weight), largest first.
    dice = random.Random(f"{seed}/{wish.source}/{wish.label}")
    return [(each, dice.random() ** (2.0 ** (n / FRESH_HALF))) for n, each in enumerate(found)]


def _take(pool: _Pool, before: Sequence[Vector]) -> Candidate:
    """The best by worth and variety; a service or an article where that is due."""
    beside = [n for n, (each, _) in enumerate(pool.left) if not each.product]
    due = bool(beside) and pool.beside < BESIDE_PRODUCTS * (pool.taken + 1)
    recent = np.stack(before[-LOOKED_BACK:]) if before else None
    best = max(beside if due else range(len(pool.left)), key=lambda n: _marginal(pool.left[n], recent))
    return pool.left[best][0]


def _without(pools: Sequence[_Pool], candidate: Candidate) -> None:
    for pool in pools:
        pool.left = [each for each in pool.left if each[0].item_id != candidate.item_id]


def _marginal(entry: tuple[Candidate, float], recent: Vector | None) -> float:
    candidate, worth = entry
    if recent is None or candidate.vector is None:
        return RELEVANCE * worth
    return RELEVANCE * worth - (1 - RELEVANCE) * float((recent @ candidate.vector).max())


def _is_like(candidate: Candidate, others: Sequence[Vector], cosine: float) -> bool:
    if candidate.vector is None or not len(others):
        return False
    return float((np.stack(others) @ candidate.vector).max()) >= cosine
