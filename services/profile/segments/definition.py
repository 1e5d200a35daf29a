"""What a segment asks for: the conditions, how they are read, and how they are kept. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nungil.taxonomy.taxonomy import Name
from services.profile.abouts import WORDS

DAYS_KEPT = 90  # of a journal: no window is longer


@dataclass(frozen=True, slots=True)
class InterestWeighs:
    """An interest of at least `weight`, in pictures, to enter; below `leave_below` a member leaves."""

    interest: str
    weight: float
    leave_below: float


@dataclass(frozen=True, slots=True)
class LabelSeen:
    """A label in so many different pictures and on so many different days of the last `within_days`; a member stays with `leave_below`."""

    label: str
    images: int
    days: int
    within_days: int
    leave_below: int


@dataclass(frozen=True, slots=True)
class Acted:
    """So many activities of a kind within the last `within_days`; a member stays with `leave_below`."""

    activity: str
    times: int
    within_days: int
    leave_below: int


@dataclass(frozen=True, slots=True)
class Follows:
    """The person follows this interest."""

    interest: str


@dataclass(frozen=True, slots=True)
class AsksFor:
    """The person waits for something that can be bought in this market (decision 22)."""

    market: str


@dataclass(frozen=True, slots=True)
class Stated:
    """The person states one of these words in this field of `abouts.WORDS`, and lets segments read it. words: in the order of WORDS."""

    field: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each of them."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of them."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: Condition


Leaf = InterestWeighs | LabelSeen | Acted | Follows | AsksFor | Stated
Condition = Leaf | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Definition:
    """A segment: what it is called, and whom it is for."""

    name: Name
    who: Condition


def leaves(condition: Condition, *, negated: bool = False) -> Iterator[tuple[Leaf, bool]]:
    """Every leaf in order, and whether it stands under an odd number of `not`."""
    match condition:
        case AllOf(of) | AnyOf(of):
            for one in of:
                yield from leaves(one, negated=negated)
        case Not(of):
            yield from leaves(of, negated=not negated)
        case _:
            yield condition, negated


def stating_another(condition: Condition, *, negated: bool = False) -> Condition:
    """The same without a `not` over what is stated: who does not state a word must state another one of its field, as silence says nothing."""
    match condition:
        case Stated(field, words):
            return Stated(field, tuple(word for word in WORDS[field] if word not in words)) if negated else condition
        case Not(of) if _names_stated(of):
            return stating_another(of, negated=not negated)
        case AllOf(of) | AnyOf(of) if _names_stated(condition):
            each = tuple(stating_another(one, negated=negated) for one in of)
            return AllOf(each) if isinstance(condition, AllOf) != negated else AnyOf(each)
        case _:
            return Not(condition) if negated else condition


def _names_stated(condition: Condition) -> bool:
    return any(isinstance(leaf, Stated) for leaf, _ in leaves(condition))


def encode(definition: Definition) -> str:
    """Canonical JSON with every default written out: equal definitions give equal text, which is a definition again."""
    document = {"name": {"ko": definition.name.ko, "en": definition.name.en}, "who": _document(definition.who)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Definition:
    """Back from `encode`. Trusts what it is given: `validation.read` is for what a stranger wrote."""
    loaded = json.loads(text)
    return Definition(Name(loaded["name"]["ko"], loaded["name"]["en"]), _condition(loaded["who"]))


def _document(condition: Condition) -> dict[str, Any]:
    match condition:
        case AllOf(of):
            return {"all": [_document(one) for one in of]}
        case AnyOf(of):
            return {"any": [_document(one) for one in of]}
        case Not(of):
            return {"not": _document(of)}
        case AsksFor(market):
            return {"market": market}
        case Follows(interest):
            return {"follows": interest}
        case Stated(field, words):
            return {"stated": {field: list(words)}}
        case InterestWeighs() | LabelSeen() | Acted():
            return {name: getattr(condition, name) for name in condition.__slots__}


def _condition(document: Mapping[str, Any]) -> Condition:
    if "all" in document:
        return AllOf(tuple(_condition(one) for one in document["all"]))
    if "any" in document:
        return AnyOf(tuple(_condition(one) for one in document["any"]))
    if "not" in document:
        return Not(_condition(document["not"]))
    if "follows" in document:
        return Follows(document["follows"])
    if "market" in document:
        return AsksFor(document["market"])
    if "stated" in document:
        [(field, words)] = document["stated"].items()
        return Stated(field, tuple(words))
    kind: type[InterestWeighs | LabelSeen | Acted] = (
        InterestWeighs if "interest" in document else LabelSeen if "label" in document else Acted
    )
    return kind(**document)
