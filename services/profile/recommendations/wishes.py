"""What a person may wish to be shown, and in which proportion. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from nungil.api.profile.v1 import recommendations_pb2 as pb
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile import tastes
from services.profile.core import Rules, State, weights_at

Vector = NDArray[np.float32]

SESSION_SHARE = 0.2  # of a list, where something was pointed at just now
FOLLOWED_SHARE = 0.15  # where interests are followed that no picture speaks for
EXPLORATION_SHARE = 0.08
FLOOR = 0.04  # of a list, for each interest
MOST_INTERESTS = 12
MOST_VECTORS = 3  # of an interest
SPOKEN = 0.5  # a cluster of which so much speaks for an interest is of that interest
MOST_REASONS = 3
_SESSION = 4  # things pointed at
_FOLLOWED_ALONE = 0.6  # of a list, where nothing is known but what is followed


class Source(IntEnum):
    """Where a thing in a list comes from, as pb.Because.Kind has it."""

    INTEREST = pb.Because.KIND_INTEREST
    SESSION = pb.Because.KIND_SESSION
    FOLLOWED = pb.Because.KIND_FOLLOWED
    EXPLORATION = pb.Because.KIND_EXPLORATION
    FRESH = pb.Because.KIND_FRESH


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One reason to show things. share: of the list, before what others leave. vectors: each float32 [dim], unit length: things
    near any of them; label: else those that show it; neither: the newest. media_ids: the evidence, MOST_REASONS at most."""

    source: Source
    share: float
    interest: str = ""
    vectors: Sequence[Vector] = field(default=())
    label: str = ""
    media_ids: tuple[str, ...] = ()


def wishes_of(state: State, now_ms: int, rules: Rules, taxonomy: Taxonomy, *, learnt: bool) -> list[Wish]:
    """Shares sum up to 1. learnt: what was learnt of pictures may be used; otherwise only what the person follows, and the newest.

    What is left of a list, as nothing more is found for the others, is filled with the newest (share 0 where there is history).
    """
    silent = tastes.muted(state)
    interests = _interests(state, now_ms, rules, taxonomy) if learnt else []
    session = _session(state, now_ms) if learnt else []
    known = {wish.interest for wish in interests}
    followed = [
        Wish(Source.FOLLOWED, 1.0, id_, label=id_)
        for id_ in sorted(tastes.followed(state))
        if id_ in taxonomy.interests and id_ not in known and not _is_silent(id_, silent, taxonomy)
    ]
    if not interests and not session:
        return [*_scaled(followed, _FOLLOWED_ALONE), Wish(Source.FRESH, 1 - _FOLLOWED_ALONE if followed else 1.0)]
    rest = 1.0 - EXPLORATION_SHARE
    shared = [*_scaled(session, SESSION_SHARE if interests else rest), *_scaled(followed, FOLLOWED_SHARE)]
    left = rest - sum(wish.share for wish in shared)
    wishes = [*_with_floor(interests, left), *shared, Wish(Source.EXPLORATION, EXPLORATION_SHARE)]
    total = sum(wish.share for wish in wishes)
    return [*(replace(wish, share=wish.share / total) for wish in wishes), Wish(Source.FRESH, 0.0)]


def cited(state: State) -> frozenset[str]:
    """The pictures that may be given as a reason."""
    of_interests = (reason.media_id for weighed in state.interests.values() for reason in weighed.reasons)
    of_clusters = (cluster.media_id for cluster in state.clusters.each)
    return frozenset((*of_interests, *of_clusters, *(one.media_id for one in state.session)))


def _interests(state: State, now_ms: int, rules: Rules, taxonomy: Taxonomy) -> list[Wish]:
    """One an interest that clusters speak for, and one each cluster that speaks for none; share: the weight. Heaviest first."""
    of: dict[str, list[tastes.Taste]] = defaultdict(list)
    for n, taste in enumerate(tastes.clusters_at(state, now_ms, rules)):
        of[_spoken(taste.interests, taxonomy) or f"#{n}"].append(taste)  # no id has this mark
    wishes = [_of_tastes(state, "" if id_.startswith("#") else id_, some) for id_, some in of.items()]
    if not wishes:  # learnt under another encoder: labels know no encoder
        wishes = _by_labels(state, now_ms, rules, taxonomy)
    return sorted(wishes, key=lambda wish: (-wish.share, wish.interest))[:MOST_INTERESTS]


def _of_tastes(state: State, interest: str, some: Sequence[tastes.Taste]) -> Wish:
    weighed = state.interests.get(interest)
    reasons = [reason.media_id for reason in weighed.reasons] if weighed else []
    media_ids = _distinct([some[0].media_id, *reasons])
    vectors = [taste.centre for taste in some[:MOST_VECTORS]]
    return Wish(Source.INTEREST, sum(taste.weight for taste in some), interest, vectors, media_ids=media_ids)


def _by_labels(state: State, now_ms: int, rules: Rules, taxonomy: Taxonomy) -> list[Wish]:
    """Of interests that have none below them here."""
    silent = tastes.muted(state)
    weighed = [found for found in weights_at(state, now_ms, rules) if found[0] in taxonomy.interests]
    above = {broader.id for id_, _, _ in weighed for broader in taxonomy.ancestors(id_)}
    return [
        Wish(Source.INTEREST, weight, id_, label=id_, media_ids=_distinct(reason.media_id for reason in one.reasons))
        for id_, weight, one in weighed
        if id_ not in above and not _is_silent(id_, silent, taxonomy)
    ]


def _session(state: State, now_ms: int) -> list[Wish]:
    """The newest first; each further one counts half."""
    pointed = tastes.session_at(state, now_ms)[:_SESSION]
    return [
        Wish(Source.SESSION, 0.5**n, vectors=[one.direction()], media_ids=(one.media_id,))
        for n, one in enumerate(pointed)
    ]


def _spoken(interests: Mapping[str, float], taxonomy: Taxonomy) -> str:
    """The most particular interest that most of a cluster speaks for; empty: none."""
    enough = [id_ for id_, share in interests.items() if share >= SPOKEN and id_ in taxonomy.interests]
    return max(enough, key=lambda id_: (len(taxonomy.ancestors(id_)), interests[id_], id_), default="")


def _is_silent(interest: str, silent: frozenset[str], taxonomy: Taxonomy) -> bool:
    return interest in silent or any(broader.id in silent for broader in taxonomy.ancestors(interest))


def _scaled(wishes: Sequence[Wish], share: float) -> list[Wish]:
    """Together so much, in proportion to what they have."""
    total = sum(wish.share for wish in wishes)
    return [replace(wish, share=share * wish.share / total) for wish in wishes]


def _with_floor(wishes: Sequence[Wish], share: float) -> list[Wish]:
    """Together so much: FLOOR for each, or an equal part where that is more than there is, and the rest in proportion."""
    if not wishes:
        return []
    floor = min(FLOOR, share / len(wishes))
    total = sum(wish.share for wish in wishes)
    rest = share - floor * len(wishes)
    return [replace(wish, share=floor + rest * wish.share / total) for wish in wishes]


def _distinct(media_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(media_ids))[:MOST_REASONS]
