"""Whom a definition holds for, and until when. Pure, and without a look at any clock but the moment that is asked for.

Every condition but `not` can only cease to hold while nothing is done: weights fade, windows end. So each leaf has one moment
at which it ends, in closed form, and a definition's course over time is made of those moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.profile.segments.definition import (
    Acted,
    AllOf,
    AnyOf,
    AsksFor,
    Condition,
    Follows,
    InterestWeighs,
    LabelSeen,
    Leaf,
    Not,
    Stated,
)

DAY_MS = 24 * 3600 * 1000
FOREVER_MS = 2**62
NEVER_MS = 0


@dataclass(frozen=True, slots=True)
class Fading:
    """A weight, in pictures, as of at_ms."""

    weight: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person, as far as a definition asks.

    interests: without those that the person has muted. seen: by label, different pairs of a picture's mark and a day since the epoch
    (UTC), likewise. acts: by activity, when. stated: by field, the word that segments may read. half_life_ms: of the weights.
    """

    interests: Mapping[str, Fading] = field(default_factory=dict)
    seen: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    acts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    follows: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    stated: Mapping[str, str] = field(default_factory=dict)
    half_life_ms: float = 1.0


NOBODY = Facts()


@dataclass(frozen=True, slots=True)
class Course:
    """What is true from now on while nothing is done. flips: the moments, ms, at which it turns to the contrary; ascending."""

    holds: bool
    flips: tuple[int, ...] = ()

    def at(self, moment_ms: int) -> bool:
        """Whether it is true at a moment from now on."""
        return self.holds ^ (sum(1 for flip in self.flips if flip <= moment_ms) % 2 == 1)

    @property
    def turns_at_ms(self) -> int | None:
        """When it turns first; None: never."""
        return self.flips[0] if self.flips else None


def course(condition: Condition, facts: Facts, *, member: bool, now_ms: int, negated: bool = False) -> Course:
    """How a condition goes on from `now_ms`.

    member: who is in stays by the lower thresholds; under a `not`, by the higher ones, as there it is their reaching that ends it.
    """
    match condition:
        case AllOf(of):
            return _joined(all, [course(c, facts, member=member, now_ms=now_ms, negated=negated) for c in of])
        case AnyOf(of):
            return _joined(any, [course(c, facts, member=member, now_ms=now_ms, negated=negated) for c in of])
        case Not(of):
            inner = course(of, facts, member=member, now_ms=now_ms, negated=not negated)
            return Course(not inner.holds, inner.flips)
        case _:
            ends_ms = ends_at_ms(condition, facts, staying=member != negated)
            if ends_ms <= now_ms:
                return Course(False)
            return Course(True, () if ends_ms >= FOREVER_MS else (ends_ms,))


def ends_at_ms(leaf: Leaf, facts: Facts, *, staying: bool) -> int:
    """The first moment at which a leaf does not hold; NEVER_MS where it holds at none. staying: by its lower threshold."""
    match leaf:
        case InterestWeighs(interest, weight, leave_below):
            fading = facts.interests.get(interest)
            return fades_at_ms(fading, leave_below if staying else weight, facts.half_life_ms) if fading else NEVER_MS
        case LabelSeen(label, images, days, within_days, leave_below):
            least = leave_below if staying else images
            return _seen_until(facts.seen.get(label, ()), least, min(days, least) if staying else days, within_days)
        case Acted(activity, times, within_days, leave_below):
            newest = sorted(facts.acts.get(activity, ()), reverse=True)
            least = leave_below if staying else times
            return newest[least - 1] + within_days * DAY_MS if len(newest) >= least else NEVER_MS
        case Follows(interest):
            return FOREVER_MS if interest in facts.follows else NEVER_MS
        case AsksFor(market):
            return FOREVER_MS if market in facts.markets else NEVER_MS
        case Stated(field_, words):
            return FOREVER_MS if facts.stated.get(field_) in words else NEVER_MS


def fades_at_ms(fading: Fading, threshold: float, half_life_ms: float) -> int:
    """The first whole millisecond at which a weight is below `threshold` > 0; NEVER_MS where it begins below.

    The formula is exact but for rounding, so its neighbours are tried with the very product that others compare.
    Source: w(t) = w 0.5 ^ (t / h), solved for t.
    """
    if fading.weight < threshold:
        return NEVER_MS
    age_ms = int(half_life_ms * math.log2(fading.weight / threshold))
    while age_ms > 0 and _weight(fading, age_ms, half_life_ms) < threshold:
        age_ms -= 1
    while _weight(fading, age_ms, half_life_ms) >= threshold:
        age_ms += 1
    return fading.at_ms + age_ms


def weight_at(fading: Fading, now_ms: int, half_life_ms: float) -> float:
    """The weight, decayed to `now_ms`."""
    return _weight(fading, max(now_ms - fading.at_ms, 0), half_life_ms)


def _weight(fading: Fading, age_ms: int, half_life_ms: float) -> float:
    return float(0.5 ** (age_ms / half_life_ms)) * fading.weight


def _seen_until(seen: Sequence[tuple[int, int]], images: int, days: int, within_days: int) -> int:
    """A day counts until `within_days` whole days have passed after it."""
    newest_of: dict[int, int] = {}
    for picture, day in seen:
        newest_of[picture] = max(day, newest_of.get(picture, day))
    by_picture = sorted(newest_of.values(), reverse=True)
    by_day = sorted({day for _, day in seen}, reverse=True)
    if len(by_picture) < images or len(by_day) < days:
        return NEVER_MS
    return (min(by_picture[images - 1], by_day[days - 1]) + within_days + 1) * DAY_MS


def _joined(rule: Callable[[Iterable[bool]], bool], courses: Sequence[Course]) -> Course:
    holds = rule(one.holds for one in courses)
    flips, value = [], holds
    for moment_ms in sorted({flip for one in courses for flip in one.flips}):
        then = rule(one.at(moment_ms) for one in courses)
        if then != value:
            flips.append(moment_ms)
            value = then
    return Course(holds, tuple(flips))
