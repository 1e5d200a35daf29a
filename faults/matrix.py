"""The matrix: fault, what a user saw, seconds to recover, and whether all stores agree afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from faults.kinds import Away, Fault
from faults.load import Story

SLOW_S = 3.0
_HEAD = (
    "| fault | away, s | uploads: answers seen | searches and saves: answers seen | sent again | slowest answer, s | to searchable, slowest, s "
    "| to recover, s | afterwards |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Outcome:
    """One run. left_behind: objects that no row names. faults: what did not agree afterwards."""

    fault: Fault
    story: Story
    away: Away
    left_behind: int
    faults: Sequence[str]


def recovery_s(story: Story, over_s: float) -> float:
    """Seconds from the end of the fault until the last thing was done that anybody had to wait for unduly.

    That is a request that was sent again or took more than SLOW_S, and a picture that took more than SLOW_S to be searchable.
    """
    late = [r.ended_s for r in story.requests if len(r.seen) > 1 or r.ended_s - r.began_s > SLOW_S]
    for given in story.given:
        searchable_s = story.searchable_s.get(given.media_id, float("inf"))
        if searchable_s - given.accepted_s > SLOW_S:
            late.append(searchable_s)
    return max([0.0, *(ended_s - over_s for ended_s in late)])


def table(outcomes: Sequence[Outcome]) -> str:
    """A row a run."""
    return "\n".join([_HEAD, *map(row, outcomes)])


def row(outcome: Outcome) -> str:
    """One row."""
    story, quiet = outcome.story, outcome.fault.name == "quiet"
    away_s = outcome.away.over_s - outcome.away.began_s
    again = sum(len(request.seen) - 1 for request in story.requests)
    slowest = max((request.ended_s - request.began_s for request in story.requests), default=0.0)
    waits = [story.searchable_s.get(given.media_id, float("nan")) - given.accepted_s for given in story.given]
    agrees = "; ".join(outcome.faults) or "nothing lost, nothing double"
    if outcome.left_behind:
        agrees += f"; {outcome.left_behind} objects that no row names"
    cells = [
        outcome.fault.what,
        "-" if quiet or not away_s else f"{away_s:.0f}",
        _seen(story, {"upload"}),
        _seen(story, {"search", "save"}),
        str(again),
        f"{slowest:.1f}",
        f"{max(waits, default=0.0):.1f}",
        "-" if quiet else f"{recovery_s(story, outcome.away.over_s):.1f}",
        agrees,
    ]
    return f"| {' | '.join(cells)} |"


def _seen(story: Story, kinds: set[str]) -> str:
    seen = Counter(status for request in story.requests if request.kind in kinds for status in request.seen)
    return ", ".join(f"{status}: {count}" for status, count in sorted(seen.items()))
