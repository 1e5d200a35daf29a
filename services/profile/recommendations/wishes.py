"""What a person may wish to be shown, and in which proportion. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from nungil.api.profile.v1 import recommendations_pb2 as pb
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile import tastes
from services.profile.core import Rules, State, today, weights_at
from services.profile.recommendations.stated import Stated

Vector = NDArray[np.float32]

SESSION_SHARE = 0.2  # of a list, where something was pointed at just now
FOLLOWED_SHARE = 0.15  # where interests are followed that no picture speaks for
STATED_SHARE = 0.1  # where the person says of themselves what things say too
EXPLORATION_SHARE = 0.08
FLOOR = 0.04  # of a list, for each interest
MOST_INTERESTS = 12
MOST_FOLLOWED = 12  # at once
MOST_VECTORS = 3  # of an interest
SPOKEN = 0.25  # a cluster of which so much speaks for an interest shows what it looks like
LEFT_OVER = 0.25  # of an interest, that is not of those below it: less is not worth places of its own
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
    STATED = pb.Because.KIND_STATED


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One reason to show things. share: of the list, before what others leave. vectors: each float32 [dim], unit length: things
    near any of them. label: those that show it, too; named: only those, as the vectors say something else besides. stated: things that
    say it. None of these: the newest. media_ids: the evidence, MOST_REASONS at most."""

    source: Source
    share: float
    interest: str = ""
    vectors: Sequence[Vector] = field(default=())
    label: str = ""
    named: bool = False
    media_ids: tuple[str, ...] = ()
    stated: Stated | None = None


def wishes_of(
    state: State,
    now_ms: int,
    rules: Rules,
    taxonomy: Taxonomy,
    *,
    named: Collection[str],
    learnt: bool,
    stated: Sequence[Stated] = (),
) -> list[Wish]:
    """Shares sum up to 1. named: interests that things can be found by, which a tenant's own are not. learnt: what was learnt of
    pictures may be used; otherwise only what the person follows and states, and the newest. stated: what may be read of that.

    What is left of a list, as nothing more is found for the others, is filled with the newest (share 0 where there is history).
    """
    silent = tastes.muted(state)
    interests = [_nameable(wish, named) for wish in _interests(state, now_ms, rules, taxonomy)] if learnt else []
    interests = [wish for wish in interests if wish.label or wish.vectors]
    session = _session(state, now_ms) if learnt else []
    known = {wish.interest for wish in interests}
    follows = [
        id_
        for id_ in sorted(tastes.followed(state))
        if id_ in named and id_ in taxonomy.interests and id_ not in known and not _is_silent(id_, silent, taxonomy)
    ]
    turn = today(now_ms) % max(1, len(follows))  # of many, all have their days
    some = (follows[turn:] + follows[:turn])[:MOST_FOLLOWED]
    followed = [Wish(Source.FOLLOWED, 1.0, id_, label=id_) for id_ in some]
    said = _scaled([Wish(Source.STATED, 1.0, stated=one) for one in stated], STATED_SHARE)
    if not interests and not session:
        left = 1.0 - (_FOLLOWED_ALONE if followed else 0.0) - (STATED_SHARE if said else 0.0)
        return [*_scaled(followed, _FOLLOWED_ALONE), *said, Wish(Source.FRESH, left)]
    rest = 1.0 - EXPLORATION_SHARE
    shared = [*_scaled(session, SESSION_SHARE if interests else rest), *_scaled(followed, FOLLOWED_SHARE), *said]
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
    """One an interest, as particular as it is known, and one each cluster that speaks for none; share: the weight. Heaviest first."""
    some = tastes.clusters_at(state, now_ms, rules)
    weights = {id_: weight for id_, weight, _ in weights_at(state, now_ms, rules) if id_ in taxonomy.interests}
    silent = tastes.muted(state)
    wishes = [
        _of_interest(state, id_, weight, some, taxonomy)
        for id_, weight in _own_weights(weights, taxonomy).items()
        if not _is_silent(id_, silent, taxonomy)
    ]
    unknown = (taste for taste in some if not any(id_ in taxonomy.interests for id_ in taste.interests))
    wishes += [
        Wish(Source.INTEREST, taste.weight, vectors=[taste.centre], media_ids=(taste.media_id,)) for taste in unknown
    ]
    return sorted(wishes, key=lambda wish: (-wish.share, wish.interest, wish.media_ids))[:MOST_INTERESTS]


def _own_weights(weights: Mapping[str, float], taxonomy: Taxonomy) -> dict[str, float]:
    """Of each interest, without what those below it account for; none of which little is left then."""
    own = dict(weights)
    for id_, weight in weights.items():
        nearest = next((above.id for above in taxonomy.ancestors(id_) if above.id in own), None)
        if nearest is not None:
            own[nearest] -= weight
    return {id_: left for id_, left in own.items() if left >= LEFT_OVER * weights[id_]}


def _of_interest(state: State, interest: str, weight: float, some: Sequence[tastes.Taste], taxonomy: Taxonomy) -> Wish:
    """By what the clusters look like that speak for it, and by its labels, which are known where clusters are not."""
    near = [taste for taste in some if taste.interests.get(interest, 0.0) >= SPOKEN]
    near.sort(key=lambda taste: -taste.weight * taste.interests[interest])
    reasons = [reason.media_id for reason in state.interests[interest].reasons]
    typical = [near[0].media_id] if near and near[0].media_id in reasons else []
    pure = [taste for taste in near if _speaks_alone(taste, interest, taxonomy)]
    vectors = [taste.centre for taste in (pure or near)[:MOST_VECTORS]]
    media_ids = _distinct([*typical, *reasons])
    return Wish(Source.INTEREST, weight, interest, vectors, interest, named=not pure, media_ids=media_ids)


def _nameable(wish: Wish, named: Collection[str]) -> Wish:
    """By its looks alone where it cannot be named."""
    return wish if not wish.label or wish.label in named else replace(wish, label="", named=False)


def _speaks_alone(taste: tastes.Taste, interest: str, taxonomy: Taxonomy) -> bool:
    """Whether a cluster speaks for this interest, and otherwise only for what is above or below it."""
    line = {interest, *(above.id for above in taxonomy.ancestors(interest))}
    strong = [id_ for id_, share in taste.interests.items() if share >= SPOKEN and id_ in taxonomy.interests]
    return all(id_ in line or interest in {above.id for above in taxonomy.ancestors(id_)} for id_ in strong)


def _session(state: State, now_ms: int) -> list[Wish]:
    """The newest first; each further one counts half."""
    pointed = tastes.session_at(state, now_ms)[:_SESSION]
    return [
        Wish(Source.SESSION, 0.5**n, vectors=[one.direction()], media_ids=(one.media_id,))
        for n, one in enumerate(pointed)
    ]


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
