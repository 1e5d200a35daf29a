"""The story that a gallery tells: its pictures by season, and what they show. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from nungil.api.profile.v1 import people_pb2 as pb
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import Finding

PARTS = 6  # interests a chapter
PICTURES = 12  # named for each
Shares = tuple[tuple[str, float], ...]  # interest id, how surely a picture shows it; surest first
Season = tuple[int, int]  # year in which it begins, number of pb.Season


@dataclass(frozen=True, slots=True)
class Part:
    """An interest in a chapter. share: of its pictures. media_ids: surest first, PICTURES at most."""

    interest: str
    share: float
    media_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One season. parts: largest share first, PARTS at most."""

    season: Season
    pictures: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """names: the person's own, by interest. pending: pictures not read yet. missing: consents without which there is none."""

    chapters: tuple[Chapter, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    undated: int = 0
    pending: int = 0
    missing: tuple[int, ...] = ()


def shares_of(findings: Iterable[Finding], taxonomy: Taxonomy) -> Shares:
    """The narrowest interests that a picture shows, surest first: where dogs are seen, pets say nothing more."""
    found = {finding.interest: finding.score for finding in findings if finding.interest in taxonomy.interests}
    above = {broader.id for interest in found for broader in taxonomy.ancestors(interest)}
    return tuple(
        sorted(((id_, score) for id_, score in found.items() if id_ not in above), key=lambda s: (-s[1], s[0]))
    )


def chapters(
    shown: Mapping[str, Shares], taken_on: Mapping[str, date], *, known: Collection[str], hidden: Collection[str] = ()
) -> list[Chapter]:
    """Newest first. shown, taken_on: by media id; a picture without a day is in no chapter.

    known: interests that there are. hidden: of them, those to leave out.
    """
    seasons: dict[Season, list[str]] = {}
    for media_id in shown.keys() & taken_on.keys():
        seasons.setdefault(season_of(taken_on[media_id]), []).append(media_id)
    told = frozenset(known) - frozenset(hidden)
    return [
        Chapter(season, len(media_ids), _parts({m: shown[m] for m in media_ids}, told))
        for season, media_ids in sorted(seasons.items(), key=lambda one: _order(one[0]), reverse=True)
    ]


def season_of(day: date) -> Season:
    """By the months of the north; a winter is of the year in which it begins."""
    seasons = (pb.SEASON_WINTER, pb.SEASON_SPRING, pb.SEASON_SUMMER, pb.SEASON_AUTUMN)
    return (day.year - 1 if day.month < 3 else day.year, seasons[day.month % 12 // 3])


def _order(season: Season) -> tuple[int, int]:
    """A winter is the last of its year."""
    return season[0], 5 if season[1] == pb.SEASON_WINTER else season[1]


def _parts(shown: Mapping[str, Shares], told: frozenset[str]) -> tuple[Part, ...]:
    pictures: dict[str, list[tuple[float, str]]] = {}
    for media_id, shares in shown.items():
        for interest, score in shares:
            if interest in told:
                pictures.setdefault(interest, []).append((-score, media_id))
    ranked = sorted(pictures.items(), key=lambda one: (-len(one[1]), sum(score for score, _ in one[1]), one[0]))
    return tuple(
        Part(interest, len(seen) / len(shown), tuple(media_id for _, media_id in sorted(seen)[:PICTURES]))
        for interest, seen in ranked[:PARTS]
    )
