"""Reading a definition that a stranger wrote: every fault at once, each with its place. Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from nungil.api.profile.v1 import profile_pb2
from nungil.commerce import MARKETS
from nungil.taxonomy.refused import Refusal, refusal_of_label, refusal_of_words
from nungil.taxonomy.taxonomy import Name, Taxonomy
from services.profile.abouts import WORDS
from services.profile.segments.definition import (
    DAYS_KEPT,
    Acted,
    AllOf,
    AnyOf,
    AsksFor,
    Condition,
    Definition,
    Follows,
    InterestWeighs,
    LabelSeen,
    Not,
    Stated,
    leaves,
    stating_another,
)
from services.profile.segments.errors import InvalidSegment, RefusedSegment
from services.profile.segments.evaluation import NOBODY, course

MOST_BYTES = 20_000
MOST_LEAVES = 32
MOST_DEPTH = 6
MOST_COUNTED = 20  # a state counts different pictures and days of a label a little further than this
MOST_TIMES = 1_000
MOST_WEIGHT = 1_000.0
LEAVES_AT = 0.75  # of the weight that lets in, where no other is said
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ACTIVITIES = tuple(
    name.removeprefix("ACTIVITY_KIND_").lower()
    for name in profile_pb2.ActivityKind.keys()  # noqa: SIM118  # an EnumTypeWrapper is no dict
    if name != "ACTIVITY_KIND_UNSPECIFIED" and not name.startswith("ACTIVITY_KIND_INTEREST_")
)
_FIELDS: Mapping[str, frozenset[str]] = {
    "interest": frozenset({"interest", "weight", "leave_below"}),
    "label": frozenset({"label", "images", "days", "within_days", "leave_below"}),
    "activity": frozenset({"activity", "times", "within_days", "leave_below"}),
    "follows": frozenset({"follows"}),
    "market": frozenset({"market"}),
    "stated": frozenset({"stated"}),
    "all": frozenset({"all"}),
    "any": frozenset({"any"}),
    "not": frozenset({"not"}),
}
_STATABLE = ("age", "gender")  # refusals of what may not be inferred, and may be stated
_NOTHING: Condition = AnyOf(())


def read(segment_id: str, text: str, taxonomy: Taxonomy) -> Definition:
    """The definition that YAML, or JSON, says.

    Raises RefusedSegment where it asks for what is refused, by its names or its conditions, and else InvalidSegment with every fault.
    """
    reading = _Reading(taxonomy)
    if not ID.fullmatch(segment_id):
        reading.faults.append("the id must be 1 to 64 of a-z, 0-9, _ and -, and begin with a letter or digit")
    reading.words("the id", segment_id)
    definition = reading.definition(_loaded(text))
    definition = replace(definition, who=stating_another(definition.who))
    if reading.refused:
        raise RefusedSegment("; ".join(reading.refused))
    if not reading.faults:
        reading.whole(definition.who)
    if reading.faults:
        raise InvalidSegment("; ".join(reading.faults))
    return definition


@dataclass
class _Reading:
    taxonomy: Taxonomy
    faults: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def definition(self, document: Any) -> Definition:
        if not isinstance(document, Mapping):
            self.faults.append("a definition is a mapping with `name` and `who`")
            return Definition(Name("", ""), _NOTHING)
        self._known(document, {"name", "who"}, "the definition")
        name = self._name(document.get("name"))
        if "who" not in document:
            self.faults.append("`who` is missing: the condition that a person must meet")
        return Definition(name, self.condition(document.get("who", {"any": []}), "who", 1))

    def condition(self, written: Any, place: str, depth: int) -> Condition:
        if depth > MOST_DEPTH:
            self.faults.append(f"{place} lies too deep: {MOST_DEPTH} levels are read")
            return _NOTHING
        if not isinstance(written, Mapping) or not written:
            self.faults.append(f"{place} must be a mapping with one of {', '.join(_FIELDS)}")
            return _NOTHING
        kinds = [kind for kind in _FIELDS if kind in written]
        if len(kinds) != 1:
            self._known(written, set().union(*_FIELDS.values()), place)
            said = f"has {' and '.join(kinds)}" if kinds else "has none"
            self.faults.append(f"{place} needs exactly one of {', '.join(_FIELDS)}, and {said}")
            return _NOTHING
        self._known(written, _FIELDS[kinds[0]], place)
        read_one = getattr(self, f"_{kinds[0]}")
        found: Condition = read_one(written, place, depth)
        return found

    def whole(self, who: Condition) -> None:
        """What only the whole can be wrong in."""
        count = sum(1 for _ in leaves(who))
        if count > MOST_LEAVES:
            self.faults.append(f"it has {count} conditions; at most {MOST_LEAVES} are taken")
        elif of_no_word := [leaf.field for leaf, _ in leaves(who) if isinstance(leaf, Stated) and not leaf.words]:
            self.faults.append(f"`not` leaves no word of {of_no_word[0]} to state: nobody could meet that")
        elif course(who, NOBODY, member=False, now_ms=0).holds:
            self.faults.append(
                "it holds for people of whom nothing is known: add, with `all`, something that they must have shown or said"
            )

    def words(self, place: str, text: str) -> None:
        """Refuses what the words ask for."""
        if refusal := refusal_of_words(text):
            self._refuse(place, text, refusal)

    def _refuse(self, place: str, what: str, refusal: Refusal) -> None:
        self.refused.append(
            f"{place}: {what[:80]!r} is refused: {refusal.why.en}, not even by proxy ({refusal.why.ko})"
        )

    def _known(self, written: Mapping[Any, Any], known: Iterable[str], place: str) -> None:
        for key in sorted(map(str, set(written) - set(known))):
            self.faults.append(f"{place} has {key[:40]!r}, which is no field of it")
            self.words(f"{place}.{key[:40]}", key)
            self.words(f"{place}.{key[:40]}", str(written.get(key, ""))[:200])

    def _name(self, written: Any) -> Name:
        if isinstance(written, Mapping):
            self._known(written, {"ko", "en"}, "name")
        ko, en = (written.get("ko"), written.get("en")) if isinstance(written, Mapping) else (None, None)
        if not (
            isinstance(ko, str) and isinstance(en, str) and 0 < len(ko.strip()) <= 80 and 0 < len(en.strip()) <= 80
        ):
            self.faults.append(
                "name needs `ko` and `en`, each of 1 to 80 characters: people are told it in their language"
            )
        for language, text in (("ko", ko), ("en", en)):
            if isinstance(text, str):
                self.words(f"name.{language}", text)
        return Name(str(ko or "").strip(), str(en or "").strip())

    def _all(self, written: Mapping[str, Any], place: str, depth: int) -> Condition:
        return AllOf(self._several(written["all"], f"{place}.all", depth))

    def _any(self, written: Mapping[str, Any], place: str, depth: int) -> Condition:
        return AnyOf(self._several(written["any"], f"{place}.any", depth))

    def _not(self, written: Mapping[str, Any], place: str, depth: int) -> Condition:
        return Not(self.condition(written["not"], f"{place}.not", depth + 1))

    def _several(self, written: Any, place: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(written, list) or not written:
            self.faults.append(f"{place} must be a list of at least one condition")
            return ()
        return tuple(self.condition(one, f"{place}[{n}]", depth + 1) for n, one in enumerate(written))

    def _interest(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        interest = self._interest_id(written["interest"], f"{place}.interest")
        weight = self._number(written, "weight", place, 1.0, 0.05, MOST_WEIGHT)
        leave = self._number(written, "leave_below", place, round(LEAVES_AT * weight, 4), 0.01, weight)
        return InterestWeighs(interest, weight, leave)

    def _label(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        label = self._label_id(written["label"], f"{place}.label")
        images = self._count(written, "images", place, 1, MOST_COUNTED)
        days = self._count(written, "days", place, 1, MOST_COUNTED)
        within = self._count(written, "within_days", place, DAYS_KEPT, DAYS_KEPT)
        return LabelSeen(label, images, days, within, self._count(written, "leave_below", place, images, images))

    def _activity(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        activity = written["activity"]
        if activity not in ACTIVITIES:
            self.faults.append(f"{place}.activity is {str(activity)[:40]!r}; it must be one of {', '.join(ACTIVITIES)}")
            self.words(f"{place}.activity", str(activity))
        times = self._count(written, "times", place, 1, MOST_TIMES)
        within = self._count(written, "within_days", place, DAYS_KEPT, DAYS_KEPT)
        return Acted(str(activity), times, within, self._count(written, "leave_below", place, times, times))

    def _follows(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        return Follows(self._interest_id(written["follows"], f"{place}.follows"))

    def _market(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        market = written["market"]
        if market not in MARKETS:
            self.faults.append(
                f"{place}.market is {str(market)[:40]!r}; it must be an ISO 3166-1 alpha-2 code such as KR"
            )
            self.words(f"{place}.market", str(market))
        return AsksFor(str(market))

    def _stated(self, written: Mapping[str, Any], place: str, _: int) -> Condition:
        said, place = written["stated"], f"{place}.stated"
        if not isinstance(said, Mapping) or len(said) != 1 or not set(said) <= set(WORDS):
            self.faults.append(f"{place} needs exactly one of {', '.join(WORDS)}, with one word or a list of words")
            for name, words in said.items() if isinstance(said, Mapping) else [("", said)]:
                self._unstatable(place, f"{name} {words}"[:200])
            return _NOTHING
        [(name, words)] = said.items()
        each = words if isinstance(words, list) else [words]
        for unknown in [word for word in each if word not in WORDS[name]] or ([] if each else [""]):
            self.faults.append(f"{place}.{name} has {str(unknown)[:40]!r}; its words are {', '.join(WORDS[name])}")
            self._unstatable(f"{place}.{name}", str(unknown)[:200])
        return Stated(name, tuple(word for word in WORDS[name] if word in each))

    def _unstatable(self, place: str, text: str) -> None:
        refusal = refusal_of_words(text)
        if refusal and refusal.id not in _STATABLE:
            self._refuse(place, text, refusal)

    def _interest_id(self, written: Any, place: str) -> str:
        id_ = str(written)
        if id_ not in self.taxonomy.interests:
            self.words(place, id_)
            self.faults.append(f"{place}: there is no interest {id_[:60]!r}{_perhaps(id_, self.taxonomy.interests)}")
        return id_

    def _label_id(self, written: Any, place: str) -> str:
        id_ = str(written)
        label = self.taxonomy.labels.get(id_)
        if label is None:
            self.words(place, id_)
            self.faults.append(f"{place}: there is no label {id_[:60]!r}{_perhaps(id_, self.taxonomy.labels)}")
            return id_
        if refusal := refusal_of_label(label):
            self._refuse(place, id_, refusal)
        return id_

    def _number(
        self, written: Mapping[str, Any], name: str, place: str, usual: float, low: float, high: float
    ) -> float:
        value = written.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.faults.append(f"{place}.{name} is {str(value)[:40]!r}; it must be a number")
            return usual
        if not low <= value <= high:
            self.faults.append(f"{place}.{name} is {value:g}; it must be {low:g} to {high:g}")
        return float(value)

    def _count(self, written: Mapping[str, Any], name: str, place: str, usual: int, high: int) -> int:
        value = written.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
            self.faults.append(f"{place}.{name} is {str(value)[:40]!r}; it must be a whole number from 1 to {high}")
            return usual
        return value


class _PlainLoader(yaml.SafeLoader):
    """Without aliases, which a few lines of can make gigabytes of."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise InvalidSegment("write each condition out: aliases (*name) are not read")
        return super().compose_node(parent, index)


def _loaded(text: str) -> Any:
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise InvalidSegment(f"a definition has at most {MOST_BYTES:,} bytes")
    try:
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidSegment(f"it is no YAML and no JSON: {' '.join(str(error).split())[:300]}") from error


def _perhaps(written: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(written, list(known), n=1)
    return f"; perhaps {close[0]!r}" if close else ""
