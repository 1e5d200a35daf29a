"""The rules of interests: a pure fold of a person's journal. The same entries give the same bytes, always."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import Box
from services.profile.errors import OutOfOrder

REASONS_KEPT = 16
DAY_MS = 24 * 3600 * 1000
KEPT_DAYS = 90
AHEAD_MS = 5 * 60 * 1000
NEGLIGIBLE = 0.01  # pictures: less than this is not shown
_ROUNDING = 1e-9  # what is left of a weight that was taken away whole

Labels = tuple[tuple[str, float], ...]  # label id, probability; best first


@dataclass(frozen=True, slots=True)
class Finding:
    """What one picture says of one interest: how surely (0 to 1), which part of it says so, and by which labels."""

    interest: str
    score: float
    box: Box
    labels: Labels


@dataclass(frozen=True, slots=True)
class KeptConsent:
    """What a person answered for one purpose. changed_at_ms 0: never asked, so not given."""

    given: bool = False
    changed_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that a person did with a picture, or said of `interest`. box None: the whole picture."""

    event_id: str
    tenant: str
    person_id: str
    kind: int
    media_id: str
    box: Box | None
    occurred_at_ms: int
    interest: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a journal: what was done with a picture and seen in it, or what was said of `interest`.

    Each interest occurs once in `findings`. text: what was said, where it was a name.
    """

    event_id: str
    kind: int
    media_id: str
    occurred_at_ms: int
    findings: tuple[Finding, ...]
    interest: str = ""
    text: str = ""

    @property
    def place(self) -> tuple[int, str]:
        """Where it belongs in the journal."""
        return (self.occurred_at_ms, self.event_id)


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


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of an interest. name: what they call it; empty: as the taxonomy does."""

    followed: bool = False
    muted: bool = False
    pinned: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A person's interests after the entry at `last`. corrections: by interest, of those that something was said of."""

    interests: Mapping[str, Weighed] = field(default_factory=dict)
    last: tuple[int, str] = (0, "")
    corrections: Mapping[str, Correction] = field(default_factory=dict)


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
    """gains: ActivityKind -> pictures, below zero where it takes away. half_life_ms > 0."""

    gains: Mapping[int, float]
    half_life_ms: float

    @property
    def fingerprint(self) -> str:
        """Changes with the rules: a state folded under others must be folded again."""
        return json.dumps([2, self.half_life_ms, sorted(self.gains.items())], separators=(",", ":"))

    def kept(self, age_ms: float) -> float:
        """The share of an evidence that is left after `age_ms`."""
        return float(0.5 ** (max(age_ms, 0.0) / self.half_life_ms))


def fold(state: State, entries: Iterable[Entry], rules: Rules) -> State:
    """The state after `entries`, which must be in order and later than what is folded already.

    A picture counts at most once its gain for an interest, however often the interest is seen in it. What is hidden
    takes away what its picture gave, or would have given if that is more, never below zero, and is no reason any more.
    What is said of an interest stays until something else is said; deleting it forgets its evidence until then.
    Raises OutOfOrder. Source: exponential decay, Cormode et al., "Forward Decay", ICDE 2009.
    """
    interests, corrections = dict(state.interests), dict(state.corrections)
    last = state.last
    for entry in entries:
        if entry.place <= last:
            raise OutOfOrder(f"{entry.place} is not after {last}")
        last = entry.place
        if entry.interest:
            _correct(interests, corrections, entry)
        gain = rules.gains.get(entry.kind, 0.0)
        for finding in entry.findings:
            folded = _fold_one(interests.get(finding.interest), entry, finding, gain, rules)
            if folded is None:
                interests.pop(finding.interest, None)
            else:
                interests[finding.interest] = folded
    return State(interests, last, corrections)


def weights_at(state: State, now_ms: int, rules: Rules) -> list[tuple[str, float, Weighed]]:
    """Interests with their weight decayed to `now_ms`, heaviest first; ties by id."""
    weighed = ((id_, rules.kept(now_ms - w.at_ms) * w.weight, w) for id_, w in state.interests.items())
    return sorted((found for found in weighed if found[1] >= NEGLIGIBLE), key=lambda found: (-found[1], found[0]))


def encode_state(state: State) -> str:
    """Canonical JSON: equal states give equal text, and floats survive unchanged."""
    return _canonical(
        {
            "last": state.last,
            "corrections": {
                id_: [said.followed, said.muted, said.pinned, said.name] for id_, said in state.corrections.items()
            },
            "interests": {
                id_: {"weight": w.weight, "at_ms": w.at_ms, "reasons": [_reason_to_json(r) for r in w.reasons]}
                for id_, w in state.interests.items()
            },
        }
    )


def decode_state(text: str) -> State:
    """Back from `encode_state`."""
    loaded = json.loads(text)
    return State(
        {
            id_: Weighed(w["weight"], w["at_ms"], tuple(_reason_from_json(r) for r in w["reasons"]))
            for id_, w in loaded["interests"].items()
        },
        (loaded["last"][0], loaded["last"][1]),
        {id_: Correction(*said) for id_, said in loaded.get("corrections", {}).items()},
    )


def encode_findings(findings: Iterable[Finding]) -> str:
    """Canonical JSON, as a journal keeps it."""
    return _canonical(
        [[f.interest, f.score, _box_to_json(f.box), [list(label) for label in f.labels]] for f in findings]
    )


def decode_findings(text: str) -> tuple[Finding, ...]:
    """Back from `encode_findings`."""
    return tuple(
        Finding(interest, score, Box(*box), tuple((label, p) for label, p in labels))
        for interest, score, box, labels in json.loads(text)
    )


def encode_box(box: Box | None) -> str | None:
    """As a journal keeps it."""
    return None if box is None else _canonical(_box_to_json(box))


def decode_box(text: str | None) -> Box | None:
    """Back from `encode_box`."""
    return None if text is None else Box(*json.loads(text))


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


def _correct(interests: dict[str, Weighed], corrections: dict[str, Correction], entry: Entry) -> None:
    if entry.kind == pb.ACTIVITY_KIND_INTEREST_DELETED:
        interests.pop(entry.interest, None)
    said = replace(corrections.get(entry.interest, UNSAID), **CORRECTIONS[entry.kind])
    if entry.kind == pb.ACTIVITY_KIND_INTEREST_RENAMED:
        said = replace(said, name=entry.text)
    if said == UNSAID:
        corrections.pop(entry.interest, None)
    else:
        corrections[entry.interest] = said


def _fold_one(known: Weighed | None, entry: Entry, finding: Finding, gain: float, rules: Rules) -> Weighed | None:
    amount = gain * min(finding.score, 1.0)
    weight = known.weight * rules.kept(entry.occurred_at_ms - known.at_ms) if known else 0.0
    reasons = known.reasons if known else ()
    if amount > 0:
        weight += amount
        reasons = _strongest((*reasons, _reason(entry, finding, amount)), rules)
    elif amount < 0:
        of_it = [reason for reason in reasons if reason.media_id == entry.media_id]
        gave = sum(reason.amount * rules.kept(entry.occurred_at_ms - reason.occurred_at_ms) for reason in of_it)
        weight -= max(gave, -amount)
        reasons = tuple(reason for reason in reasons if reason.media_id != entry.media_id)
    return Weighed(weight, entry.occurred_at_ms, reasons) if weight > _ROUNDING else None


def _reason(entry: Entry, finding: Finding, amount: float) -> Reason:
    return Reason(entry.event_id, entry.kind, entry.media_id, entry.occurred_at_ms, amount, finding.box, finding.labels)


def _strongest(reasons: tuple[Reason, ...], rules: Rules) -> tuple[Reason, ...]:
    def rank(reason: Reason) -> tuple[float, str]:
        # All evidence fades at one rate, so this order is the same at every moment.
        return (-(math.log2(reason.amount) + reason.occurred_at_ms / rules.half_life_ms), reason.event_id)

    return tuple(sorted(reasons, key=rank)[:REASONS_KEPT])


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _box_to_json(box: Box) -> list[float]:
    return [box.x, box.y, box.width, box.height]


def _reason_to_json(r: Reason) -> list[Any]:
    return [
        r.event_id,
        r.kind,
        r.media_id,
        r.occurred_at_ms,
        r.amount,
        _box_to_json(r.box),
        [list(p) for p in r.labels],
    ]


def _reason_from_json(values: list[Any]) -> Reason:
    event_id, kind, media_id, occurred_at_ms, amount, box, labels = values
    return Reason(event_id, kind, media_id, occurred_at_ms, amount, Box(*box), tuple((a, b) for a, b in labels))
