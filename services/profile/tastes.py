"""What a state says at a moment of what a person likes to see: for recommendations and segments. Pure.

What is muted stays in the fold and is left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.pooling import unit
from services.profile.clusters import speak_mostly_for
from services.profile.core import NEGLIGIBLE, Rules, State
from services.profile.pointed import Pointed

SESSION_MS = 30 * 60 * 1000


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """A visual cluster. weight: evidence in pictures, now. centre: float32 [dim], unit length. media_id, box: its medoid.
    interests: the share of the weight that speaks for each, strongest first; empty: nothing that the taxonomy knows."""

    weight: float
    centre: NDArray[np.float32]
    media_id: str
    box: Box
    interests: Mapping[str, float]
    half_life_ms: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A label. fast, slow: evidence in pictures now, fading in 3 and in 60 days. pictures, days: different ones, at most
    `label_weights.SEEN_KEPT`. interests: that it was a reason for."""

    fast: float
    slow: float
    pictures: int
    days: int
    interests: tuple[str, ...]


def clusters_at(state: State, now_ms: int, rules: Rules) -> list[Taste]:
    """Heaviest first; without the faded, and without those that speak mostly for a muted interest.

    rules: those that the state was folded under.
    """
    left_out = set(speak_mostly_for(state.clusters, muted(state)))
    centres = unit(state.clusters.means)
    found = [
        Taste(
            cluster.weight * cluster.kept(now_ms),
            centres[i],
            cluster.media_id,
            cluster.box,
            {id_: weight / cluster.weight for id_, weight in cluster.interests},
            cluster.half_life_ms,
        )
        for i, cluster in enumerate(state.clusters.each)
        if i not in left_out
    ]
    return sorted((one for one in found if one.weight >= NEGLIGIBLE), key=lambda one: (-one.weight, one.media_id))


def labels_at(state: State, now_ms: int, rules: Rules) -> dict[str, Seen]:
    """By label, without those that are a reason for a muted interest. rules: as of `clusters_at`."""
    silent = muted(state)
    found = {
        id_: Seen(*one.at(now_ms), one.pictures, one.days, one.interests)
        for id_, one in state.labels.items()
        if silent.isdisjoint(one.interests)
    }
    return {id_: one for id_, one in found.items() if one.slow >= NEGLIGIBLE}


def session_at(state: State, now_ms: int) -> list[Pointed]:
    """What was pointed at in the last half hour, newest first, without what is muted."""
    silent = muted(state)
    return [one for one in state.session if one.at_ms >= now_ms - SESSION_MS and silent.isdisjoint(one.interests)]


def muted(state: State) -> frozenset[str]:
    """The interests that a person wants to hear nothing of."""
    return frozenset(id_ for id_, said in state.corrections.items() if said.muted)


def followed(state: State) -> frozenset[str]:
    """The interests that a person follows, with or without pictures."""
    return frozenset(id_ for id_, said in state.corrections.items() if said.followed)
