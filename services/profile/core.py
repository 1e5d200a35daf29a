"""The rules of interests: a pure fold of a person's journal. The same entries give the same bytes, always."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import WHOLE, Box
from services.profile.clusters import DAY_MS as DAY_MS
from services.profile.clusters import NO_CLUSTERS, Clusters, Part, coarse, fold_part, speak_mostly_for, without
from services.profile.errors import OutOfOrder
from services.profile.label_weights import SUREST, LabelWeight, fold_labels
from services.profile.pointed import NEGATIVES_KEPT, SESSION_KEPT, Pointed, remembered, without_picture
from services.profile.reasons import REASONS_KEPT as REASONS_KEPT
from services.profile.reasons import Labels as Labels
from services.profile.reasons import Reason as Reason
from services.profile.reasons import Weighed as Weighed
from services.profile.reasons import with_reason, within_bounds, without_amount

KEPT_DAYS = 90
AHEAD_MS = 5 * 60 * 1000
NEGLIGIBLE = 0.01  # pictures: less than this is not shown
PARTS_KEPT = 4  # of a picture, that have a vector each
LIKENESS = 0.2  # cosine from which a part joins a cluster (bench/simulator.py)
HIDDEN = pb.ACTIVITY_KIND_HIDDEN
NOT_POINTED = (pb.ACTIVITY_KIND_UPLOADED, HIDDEN)  # no sign of what a person looks for just now


@dataclass(frozen=True, slots=True)
class Finding:
    """What one picture says of one interest: how surely (0 to 1), which part of it says so, and by which labels."""

    interest: str
    score: float
    box: Box
    labels: Labels


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the part of a picture that an activity is about. vectors, space: as in Entry."""

    findings: tuple[Finding, ...]
    vectors: bytes
    space: str


@dataclass(frozen=True, slots=True)
class KeptConsent:
    """What a person answered for one purpose. changed_at_ms 0: never asked, so not given."""

    given: bool = False
    changed_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that a person did with a picture, or said of `interest`. box None: the whole picture.

    result_media_id: what they made of it.
    """

    event_id: str
    tenant: str
    person_id: str
    kind: int
    media_id: str
    box: Box | None
    occurred_at_ms: int
    interest: str = ""
    result_media_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a journal: what was done with a picture and seen in it, or what was said of `interest`.

    Each interest occurs once in `findings`. text: what was said, where it was a name. box: what was pointed at; None: the
    whole picture. vectors: float16, little-endian, of `parts_of` the entry, in their order and of unit length; empty where
    there are none. space: the encoder's that they belong to. took_back: `standing` left out what the picture had given.
    """

    event_id: str
    kind: int
    media_id: str
    occurred_at_ms: int
    findings: tuple[Finding, ...]
    interest: str = ""
    text: str = ""
    box: Box | None = None
    vectors: bytes = b""
    space: str = ""
    took_back: bool = False

    @property
    def place(self) -> tuple[int, str]:
        """Where it belongs in the journal."""
        return (self.occurred_at_ms, self.event_id)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of an interest. name: what they call it; empty: as the taxonomy does."""

    followed: bool = False
    muted: bool = False
    pinned: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A person after the entry at `last`. corrections: by interest, of those that something was said of.

    clusters, labels, negatives (what was hidden), session (what was pointed at last): see `services.profile.tastes` for what
    they are at a moment, without what is muted.
    """

    interests: Mapping[str, Weighed] = field(default_factory=dict)
    last: tuple[int, str] = (0, "")
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    clusters: Clusters = NO_CLUSTERS
    labels: Mapping[str, LabelWeight] = field(default_factory=dict)
    negatives: tuple[Pointed, ...] = ()
    session: tuple[Pointed, ...] = ()


NOTHING = State()
UNSAID = Correction()
CORRECTIONS: Mapping[int, Mapping[str, Any]] = {
    pb.ACTIVITY_KIND_INTEREST_FOLLOWED: {"followed": True},
    pb.ACTIVITY_KIND_INTEREST_UNFOLLOWED: {"followed": False},
    pb.ACTIVITY_KIND_INTEREST_MUTED: {"muted": True},
    pb.ACTIVITY_KIND_INTEREST_UNMUTED: {"muted": False},
    pb.ACTIVITY_KIND_INTEREST_PINNED: {"pinned": True},
    pb.ACTIVITY_KIND_INTEREST_UNPINNED: {"pinned": False},
    pb.ACTIVITY_KIND_INTEREST_RENAMED: {},
    pb.ACTIVITY_KIND_INTEREST_DELETED: {},
}  # what each kind says


@dataclass(frozen=True, slots=True)
class Rules:
    """gains: ActivityKind -> pictures, below zero where it takes away. half_life_ms > 0. space: the encoder's whose vectors
    count; empty: those without one. likeness: cosine from which a part joins a cluster."""

    gains: Mapping[int, float]
    half_life_ms: float
    space: str = ""
    likeness: float = LIKENESS

    @property
    def fingerprint(self) -> str:
        """Changes with the rules: a state folded under others must be folded again."""
        said = [5, self.half_life_ms, self.space, self.likeness, sorted(self.gains.items())]
        return json.dumps(said, separators=(",", ":"))

    def kept(self, age_ms: float) -> float:
        """The share of an evidence that is left after `age_ms`."""
        return float(0.5 ** (max(age_ms, 0.0) / self.half_life_ms))


def fold(state: State, entries: Iterable[Entry], rules: Rules) -> State:
    """The state after `entries`, which must be `standing`, in order and later than what is folded already.

    A picture counts at most once its gain for an interest, however often the interest is seen in it. What is hidden and
    had given nothing takes away what it would have given, never below zero. What is said of an interest stays until
    something else is said; deleting it forgets its evidence until then.
    Raises OutOfOrder. Source: exponential decay, Cormode et al., "Forward Decay", ICDE 2009.
    """
    for entry in entries:
        if entry.place <= state.last:
            raise OutOfOrder(f"{entry.place} is not after {state.last}")
        state = replace(_corrected(state, entry) if entry.interest else _seen(state, entry, rules), last=entry.place)
    return state


def parts_of(findings: Iterable[Finding], box: Box | None) -> dict[Box, tuple[tuple[str, float], ...]]:
    """The parts of a picture that have a vector each, and the interests that each speaks for: those of its findings,
    surest first, PARTS_KEPT at most; where it has none, what was pointed at."""
    parts: dict[Box, tuple[tuple[str, float], ...]] = {}
    for finding in findings:
        if finding.box in parts or len(parts) < PARTS_KEPT:
            parts[finding.box] = (*parts.get(finding.box, ()), (finding.interest, finding.score))
    return parts or {box or WHOLE: ()}


def weights_at(state: State, now_ms: int, rules: Rules) -> list[tuple[str, float, Weighed]]:
    """Interests with their weight decayed to `now_ms`, heaviest first; ties by id."""
    weighed = ((id_, w.at(now_ms, rules.half_life_ms), w) for id_, w in state.interests.items())
    return sorted((found for found in weighed if found[1] >= NEGLIGIBLE), key=lambda found: (-found[1], found[0]))


def refusal(activity: Activity, *, consented_at_ms: int | None, removed: bool, now_ms: int) -> str | None:
    """Why this activity may not enter the journal; None where it may.

    consented_at_ms: since when the consent image_interest is given, None where it is not. What occurred before it was
    given stays out, so that a replay never brings back what a withdrawal removed.
    """
    if consented_at_ms is None:
        return "no consent"
    if activity.occurred_at_ms < consented_at_ms:
        return "it occurred before the consent was given"
    if activity.occurred_at_ms < oldest_kept_ms(now_ms):
        return f"it is older than {KEPT_DAYS} days"
    if removed:
        return "the picture was deleted"
    return None


def today(now_ms: int) -> int:
    """Days since the epoch, UTC."""
    return now_ms // DAY_MS


def oldest_kept_ms(now_ms: int) -> int:
    """What occurred before this is dropped. The same all day, so that a day's folds agree."""
    return (today(now_ms) - KEPT_DAYS) * DAY_MS


def _corrected(state: State, entry: Entry) -> State:
    said = replace(state.corrections.get(entry.interest, UNSAID), **CORRECTIONS[entry.kind])
    if entry.kind == pb.ACTIVITY_KIND_INTEREST_RENAMED:
        said = replace(said, name=entry.text)
    corrections = {id_: one for id_, one in state.corrections.items() if id_ != entry.interest}
    if said != UNSAID:
        corrections[entry.interest] = said
    corrected = replace(state, corrections=corrections)
    return _forgotten(corrected, entry.interest) if entry.kind == pb.ACTIVITY_KIND_INTEREST_DELETED else corrected


def _forgotten(state: State, interest: str) -> State:
    return replace(
        state,
        interests={id_: one for id_, one in state.interests.items() if id_ != interest},
        clusters=without(state.clusters, speak_mostly_for(state.clusters, [interest])),
        labels={id_: one for id_, one in state.labels.items() if interest not in one.interests},
        session=tuple(one for one in state.session if interest not in one.interests),
    )


def _seen(state: State, entry: Entry, rules: Rules) -> State:
    gain = 0.0 if entry.took_back else rules.gains.get(entry.kind, 0.0)
    interests = dict(state.interests)
    for finding in entry.findings:
        folded = _fold_one(interests.get(finding.interest), entry, finding, gain, rules)
        if folded is None:
            interests.pop(finding.interest, None)
        else:
            interests[finding.interest] = folded
    state = replace(state, interests=within_bounds(interests, entry.occurred_at_ms, rules.half_life_ms))
    parts = _parts(entry, rules)
    if entry.kind == HIDDEN:
        negatives = state.negatives
        for part in reversed(parts):
            negatives = remembered(negatives, _pointed(entry, part), NEGATIVES_KEPT)
        return replace(state, negatives=negatives, session=without_picture(state.session, entry.media_id))
    return _liked(state, entry, parts, gain, rules) if gain > 0 else state


def _liked(state: State, entry: Entry, parts: list[Part], gain: float, rules: Rules) -> State:
    """What it does beside interests. A picture counts once, so its parts share its gain."""
    clusters = state.clusters
    for part in parts:
        clusters = fold_part(clusters, part, gain / len(parts), entry.occurred_at_ms, rules.likeness)
    session = state.session
    if parts and entry.kind not in NOT_POINTED:
        session = remembered(session, _pointed(entry, parts[0]), SESSION_KEPT)
    return replace(
        state,
        clusters=clusters,
        labels=fold_labels(state.labels, _labels_of(entry.findings), entry.media_id, gain, entry.occurred_at_ms),
        negatives=without_picture(state.negatives, entry.media_id),  # who likes it now has changed their mind
        session=session,
    )


def _fold_one(known: Weighed | None, entry: Entry, finding: Finding, gain: float, rules: Rules) -> Weighed | None:
    amount = gain * min(finding.score, 1.0)
    if amount > 0:
        at_ms = entry.occurred_at_ms
        reason = Reason(entry.event_id, entry.kind, entry.media_id, at_ms, amount, finding.box, finding.labels)
        return with_reason(known, reason, rules.half_life_ms)
    if amount < 0:
        return without_amount(known, -amount, entry.media_id, entry.occurred_at_ms, rules.half_life_ms)
    return known


def _parts(entry: Entry, rules: Rules) -> list[Part]:
    if not entry.vectors or entry.space != rules.space:
        return []
    parts = parts_of(entry.findings, entry.box)
    vectors = np.frombuffer(entry.vectors, dtype="<f2").reshape(len(parts), -1).astype(np.float32)
    return [
        Part(entry.media_id, box, vector, spoken) for (box, spoken), vector in zip(parts.items(), vectors, strict=True)
    ]


def _pointed(entry: Entry, part: Part) -> Pointed:
    vector = coarse(part.vector).tobytes()
    interests = tuple(sorted(id_ for id_, _ in part.interests))
    return Pointed(entry.media_id, part.box, entry.kind, entry.occurred_at_ms, interests, vector)


def _labels_of(findings: Iterable[Finding]) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Each label that was seen, how probably at best, and the interests that it speaks for."""
    shown: dict[str, tuple[float, tuple[str, ...]]] = {}
    for finding in findings:
        for label, p in finding.labels:
            if p >= SUREST:
                best, interests = shown.get(label, (0.0, ()))
                shown[label] = (max(best, p), tuple(sorted({*interests, finding.interest})))
    return shown
