"""Labels at two speeds, with the pictures and days that they were seen in and on. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

DAY_MS = 24 * 3600 * 1000
FAST_MS, SLOW_MS = 3 * DAY_MS, 60 * DAY_MS  # half-lives
LABELS_KEPT = 128
SEEN_KEPT = 24
SUREST = 0.1  # less probable than this, a label was not seen


@dataclass(frozen=True, slots=True)
class LabelWeight:
    """fast, slow: evidence in pictures as of at_ms, fading in 3 and in 60 days. interests: that it was a reason for.

    seen: distinct pairs of a picture (`mark_of`) and the day, UTC, newest last; SEEN_KEPT at most, so counts end there.
    """

    fast: float
    slow: float
    at_ms: int
    seen: tuple[tuple[int, int], ...]
    interests: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """How many different pictures showed it, up to SEEN_KEPT."""
        return len({picture for picture, _ in self.seen})

    @property
    def days(self) -> int:
        """On how many different days, up to SEEN_KEPT."""
        return len({day for _, day in self.seen})

    def at(self, now_ms: int) -> tuple[float, float]:
        """fast and slow, decayed to `now_ms`."""
        age_ms = max(now_ms - self.at_ms, 0)
        return float(0.5 ** (age_ms / FAST_MS) * self.fast), float(0.5 ** (age_ms / SLOW_MS) * self.slow)


def mark_of(media_id: str) -> int:
    """32 bits that tell pictures apart well enough to count a few."""
    return zlib.crc32(media_id.encode())


def fold_labels(
    known: Mapping[str, LabelWeight],
    shown: Mapping[str, tuple[float, tuple[str, ...]]],
    media_id: str,
    gain: float,
    at_ms: int,
) -> dict[str, LabelWeight]:
    """After one picture. shown: label -> its probability and the interests that it speaks for. gain: above zero.

    Past LABELS_KEPT the one with the least slow weight goes.
    """
    folded = dict(known)
    for label, (p, interests) in shown.items():
        before = folded.get(label)
        fast, slow = before.at(at_ms) if before else (0.0, 0.0)
        seen = (mark_of(media_id), at_ms // DAY_MS)
        already = before.seen if before else ()
        folded[label] = LabelWeight(
            fast + gain * p,
            slow + gain * p,
            at_ms,
            already if seen in already else (*already, seen)[-SEEN_KEPT:],
            interests if before is None else tuple(sorted({*before.interests, *interests})),
        )
    if len(folded) <= LABELS_KEPT:
        return folded
    heaviest = sorted(folded, key=lambda label: (-folded[label].at(at_ms)[1], label))[:LABELS_KEPT]
    return {label: folded[label] for label in heaviest}
