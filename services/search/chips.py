"""Chips: a few tags that split the present results well. Pure.

A chip is worth what pressing it tells: the entropy of having it or not, in bits, 1 where it halves the results, nearly 0 where all
or hardly any have it. Chips are chosen one by one, each by that worth less what it repeats of the one chosen before that is
nearest to it (of both chips' results together, the share that have both): maximal marginal relevance, Carbonell and Goldstein,
"The use of MMR, diversity-based reranking", SIGIR 1998. Not by joint entropy: there the last of red, blue and green tells nothing
new, and would not be shown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import log2

from services.search.core import Tag

MIN_RESULTS = 2  # that a chip leaves, and that it takes away
MOST = 0.9  # of the results: what nearly all have parts nothing
NEAR = 0.8  # of two chips' results together have both: the second says what the first said

Part = int  # results as the bits of a number: the n-th bit is the n-th result


def choose(tags_of_results: Sequence[Collection[Tag]], at_most: int) -> list[tuple[Tag, int]]:
    """Tags that split these results well, with how many of them have each; by kind, then the most frequent first.

    The same results give the same chips, in whatever order they come.
    """
    results = len(tags_of_results)
    having = {tag: part for tag, part in _results_of(tags_of_results).items() if _parts(part.bit_count(), results)}
    # of chips worth the same, `max` takes the first
    candidates = sorted(having, key=lambda tag: (-having[tag].bit_count(), tag.kind.value, tag.id))
    repeats = dict.fromkeys(candidates, 0.0)
    chosen: list[Tag] = []
    while candidates and len(chosen) < at_most:
        best = max(candidates, key=lambda tag: _entropy(having[tag].bit_count() / results) * (1 - repeats[tag]))
        chosen.append(best)
        for tag in candidates:
            repeats[tag] = max(repeats[tag], _in_common(having[tag], having[best]))
        candidates = [tag for tag in candidates if repeats[tag] < NEAR]
    counted = [(tag, having[tag].bit_count()) for tag in chosen]
    return sorted(counted, key=lambda each: (each[0].kind.value, -each[1], each[0].id))


def _results_of(tags_of_results: Sequence[Collection[Tag]]) -> dict[Tag, Part]:
    having: dict[Tag, Part] = {}
    for n, tags in enumerate(tags_of_results):
        for tag in set(tags):
            having[tag] = having.get(tag, 0) | 1 << n
    return having


def _parts(count: int, results: int) -> bool:
    return MIN_RESULTS <= count <= min(results - MIN_RESULTS, MOST * results)


def _in_common(one: Part, other: Part) -> float:
    return (one & other).bit_count() / (one | other).bit_count()


def _entropy(share: float) -> float:
    return -(share * log2(share) + (1 - share) * log2(1 - share))
