"""Interests as their person sees them: in order, with what was said of each, and whether they grow. Pure."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nungil.api.profile.v1 import profile_pb2 as pb
from services.profile import core
from services.profile.core import DAY_MS, REASONS_KEPT, UNSAID, Correction, Reason, Rules, State, Weighed
from services.profile.errors import InvalidName

TREND_DAYS = 14
RISING, FADING = 1.1, 0.9  # today's weight, in those of TREND_DAYS ago
LONGEST_NAME = 60
Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """One interest. weight: evidence in pictures, decayed to now. trend: a value of Trend. etag: of what was said of it."""

    id: str
    weight: float
    trend: int
    said: Correction
    etag: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a person says of an interest; None: nothing is said of that. name empty: as the taxonomy calls it."""

    name: str | None = None
    followed: bool | None = None
    muted: bool | None = None
    pinned: bool | None = None

    def kinds(self, said: Correction) -> list[tuple[int, str]]:
        """The corrections, with their text, that make it so where `said` is so far."""
        asked = (
            (self.followed, said.followed, pb.ACTIVITY_KIND_INTEREST_FOLLOWED, pb.ACTIVITY_KIND_INTEREST_UNFOLLOWED),
            (self.muted, said.muted, pb.ACTIVITY_KIND_INTEREST_MUTED, pb.ACTIVITY_KIND_INTEREST_UNMUTED),
            (self.pinned, said.pinned, pb.ACTIVITY_KIND_INTEREST_PINNED, pb.ACTIVITY_KIND_INTEREST_UNPINNED),
        )
        kinds: list[tuple[int, str]] = [
            (yes if wanted else no, "") for wanted, is_, yes, no in asked if wanted is not None and wanted != is_
        ]
        if self.name is not None and self.name != said.name:
            kinds.append((pb.ACTIVITY_KIND_INTEREST_RENAMED, self.name))
        return kinds


def listed(state: State, corrected: Mapping[str, Place], now_ms: int, rules: Rules) -> list[Shown]:
    """Pinned first, then heaviest first; those that something was said of even where they weigh nothing; muted last.

    corrected: by interest, the place in the journal of the last correction.
    """
    weighed = {id_: (weight, kept) for id_, weight, kept in core.weights_at(state, now_ms, rules)}
    found = []
    for id_ in weighed.keys() | state.corrections.keys():
        weight, kept = weighed.get(id_, (0.0, None))
        said = state.corrections.get(id_, UNSAID)
        trend = trend_of(kept, now_ms, rules) if kept else pb.TREND_STEADY
        etag = etag_of(corrected.get(id_))
        found.append(Shown(id_, weight, trend, said, etag, kept.reasons if kept else ()))
    return sorted(found, key=lambda one: (one.said.muted, not one.said.pinned, -one.weight, one.id))


def trend_of(weighed: Weighed, now_ms: int, rules: Rules) -> int:
    """Whether an interest weighs more than RISING times what it did TREND_DAYS ago, less than FADING times, or neither.

    What it weighed then follows from what it weighs now, less the evidence since, grown back by the decay. Evidence that
    has fallen out of a full ring of reasons is taken to have come as fast as what is in it.
    """
    window_ms = TREND_DAYS * DAY_MS
    weight = weighed.weight * rules.kept(now_ms - weighed.at_ms)
    since = [reason for reason in weighed.reasons if now_ms - reason.occurred_at_ms < window_ms]
    recent = sum(reason.amount * rules.kept(now_ms - reason.occurred_at_ms) for reason in since)
    if len(since) == REASONS_KEPT:
        span_ms = max(now_ms - min(reason.occurred_at_ms for reason in since), DAY_MS)
        recent *= window_ms / span_ms
    then = max(weight - recent, 0.0) / rules.kept(window_ms)
    if weight > RISING * then:
        return pb.TREND_RISING
    return pb.TREND_FADING if weight < FADING * then else pb.TREND_STEADY


def clean_name(text: str) -> str:
    """A person's own name of an interest in its shortest form; empty: none. Raises InvalidName."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > LONGEST_NAME or any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") for sign in name):
        raise InvalidName
    return name


def etag_of(corrected: Place | None) -> str:
    """Changes with each correction; what is learnt leaves it alone, so that an upload in between refuses nobody's rename."""
    return _digest(corrected or ())


def etag_of_all(shown: Iterable[Shown], *, learning: bool, paused: bool) -> str:
    """Changes with what is shown, weights to three digits."""
    ones: Sequence[object] = [
        [one.id, one.etag, round(one.weight, 3), one.trend, [reason.event_id for reason in one.reasons]]
        for one in shown
    ]
    return _digest([learning, paused, ones])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()[:16]
