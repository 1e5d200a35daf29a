"""The weight of an interest and the reasons for it. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nungil.pictures.boxes import Box

REASONS_KEPT = 16
REASONS_OF_ALL = 512  # over all interests of a person
INTERESTS_KEPT = 128
_ROUNDING = 1e-9  # what is left of a weight that was taken away whole

Labels = tuple[tuple[str, float], ...]  # label id, probability; best first


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an interest is there. amount: evidence in pictures, when it occurred."""

    event_id: str
    kind: int
    media_id: str
    occurred_at_ms: int
    amount: float
    box: Box
    labels: Labels


@dataclass(frozen=True, slots=True)
class Weighed:
    """An interest. weight: evidence in pictures, as of at_ms. reasons: strongest first, REASONS_KEPT at most."""

    weight: float
    at_ms: int
    reasons: tuple[Reason, ...]

    def at(self, now_ms: int, half_life_ms: float) -> float:
        """The weight, decayed to `now_ms`."""
        return float(0.5 ** (max(now_ms - self.at_ms, 0) / half_life_ms)) * self.weight


def with_reason(known: Weighed | None, reason: Reason, half_life_ms: float) -> Weighed:
    """An interest after evidence that is not older than any it has."""
    weight = known.at(reason.occurred_at_ms, half_life_ms) if known else 0.0
    reasons = list(known.reasons) if known else []

    def rank(one: Reason) -> tuple[float, str]:
        return (-_strength(one, half_life_ms), one.event_id)

    reasons.insert(bisect_left(reasons, rank(reason), key=rank), reason)
    return Weighed(weight + reason.amount, reason.occurred_at_ms, tuple(reasons[:REASONS_KEPT]))


def without_amount(
    known: Weighed | None, amount: float, media_id: str, at_ms: int, half_life_ms: float
) -> Weighed | None:
    """An interest that a hidden picture takes `amount` from, never below zero: None where nothing is left."""
    if known is None:
        return None
    weight = known.at(at_ms, half_life_ms) - amount
    left = tuple(reason for reason in known.reasons if reason.media_id != media_id)
    return Weighed(weight, at_ms, left) if weight > _ROUNDING else None


def within_bounds(interests: Mapping[str, Weighed], now_ms: int, half_life_ms: float) -> dict[str, Weighed]:
    """At most INTERESTS_KEPT, the heaviest, and REASONS_OF_ALL over them: the weakest go, of those that are not alone."""
    kept = dict(interests)
    if len(kept) > INTERESTS_KEPT:
        heaviest = sorted(kept, key=lambda id_: (-kept[id_].at(now_ms, half_life_ms), id_))[:INTERESTS_KEPT]
        kept = {id_: kept[id_] for id_ in heaviest}
    for _ in range(sum([len(one.reasons) for one in kept.values()]) - REASONS_OF_ALL):
        weakest = min(
            (id_ for id_, one in kept.items() if len(one.reasons) > 1),
            key=lambda id_: (_strength(kept[id_].reasons[-1], half_life_ms), id_),
        )
        kept[weakest] = replace(kept[weakest], reasons=kept[weakest].reasons[:-1])
    return kept


def _strength(reason: Reason, half_life_ms: float) -> float:
    """All evidence fades at one rate, so the order by this is the same at every moment."""
    return math.log2(reason.amount) + reason.occurred_at_ms / half_life_ms
