"""The taxonomy: what labels are called, which interests they speak for, and what colours are called and say.

Kept as YAML beside this file, so that a person can read and correct it: labels.yaml, interests.yaml, colours.yaml, prompts.yaml.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from nungil.runtime.errors import Misconfigured

LOOKS = "looks"  # the root of styles, colours and materials
SCENES, MATERIALS, STYLES = FACETS = ("scenes", "materials", "styles")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in both languages."""

    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """One thing that an encoder can see. interests: interest id -> how strongly the label speaks for it, 0 to 1.

    no_interest: why a label without interests must say nothing of a person; None where it has interests.
    words: what else people call it, in either language.
    """

    id: str
    name: Name
    interests: Mapping[str, float]
    no_interest: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interest:
    """Something that a person may care for. parent: the id of the broader interest; None for a root. words: what else it is called."""

    id: str
    name: Name
    parent: str | None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColourEntry:
    """A basic colour term and the sRGB value that stands for it, 0xRRGGBB. words: what else it is called, adjectives among them."""

    id: str
    name: Name
    rgb: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours that speak for an interest, in CIELAB: ranges of lightness (0 to 100), of chroma, and of hue (degrees).

    share: of a picture that they must cover. weight: how strongly they speak where they cover all of it.
    """

    interest: str
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    hue: tuple[float, float]
    share: float
    weight: float


@dataclass(frozen=True, slots=True)
class Prompted:
    """What a text tower is asked. of: SCENES, MATERIALS or STYLES. told: whether it is a label; the others take up what is none of their kind."""

    id: str
    of: str
    told: bool
    en: tuple[str, ...]
    ko: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Look-ups by id. `imagenet` lists label ids in the order of the 1,000 ImageNet classes. palettes: by their interest.
    weights: of interests that count for more or less than 1 here.

    `labels` holds the prompted ones as well, which only an encoder with a text tower finds.
    """

    labels: Mapping[str, LabelEntry]
    interests: Mapping[str, Interest]
    colours: Mapping[str, ColourEntry]
    imagenet: tuple[str, ...]
    palettes: Mapping[str, Palette] = field(default_factory=dict)
    prompted: tuple[Prompted, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def roots(self) -> tuple[Interest, ...]:
        """The broadest interests, in the order of the file."""
        return tuple(interest for interest in self.interests.values() if interest.parent is None)

    def ancestors(self, interest_id: str) -> tuple[Interest, ...]:
        """The broader interests, nearest first; empty for a root. Raises KeyError for an unknown id."""
        above = []
        parent = self.interests[interest_id].parent
        while parent is not None:
            above.append(self.interests[parent])
            parent = self.interests[parent].parent
        return tuple(above)

    def is_look(self, interest_id: str) -> bool:
        """Whether it is a style, a colour or a material, and no thing that one would search for by that word."""
        return LOOKS in (interest_id, *(interest.id for interest in self.ancestors(interest_id)))

    def interests_of(self, label_id: str) -> Mapping[str, float]:
        """All that a label speaks for: its interests and those above them, each at the largest weight that leads to it,
        times its own, 1 at most.

        Raises KeyError for an unknown id.
        """
        weights: dict[str, float] = {}
        for interest_id, weight in self.labels[label_id].interests.items():
            for reached in (interest_id, *(interest.id for interest in self.ancestors(interest_id))):
                weights[reached] = max(weight, weights.get(reached, 0.0))
        return {id_: self.weighed(id_, weight) for id_, weight in weights.items()} if self.weights else weights

    def weighed(self, interest_id: str, strength: float) -> float:
        """How strongly an interest is spoken for here, 0 to 1."""
        return min(1.0, strength * self.weights.get(interest_id, 1.0))


@cache
def load_taxonomy() -> Taxonomy:
    """The taxonomy that ships with this package. Raises Misconfigured where a file contradicts itself."""
    label_entries, prompt_entries = _read("labels"), _read("prompts")
    prompted = tuple(map(_prompted, prompt_entries))
    told = [entry for entry, one in zip(prompt_entries, prompted, strict=True) if one.told]
    labels = {entry["id"]: _label(entry) for entry in (*label_entries, *told)}
    interests = {
        entry["id"]: Interest(entry["id"], _name(entry), entry.get("parent"), _words(entry))
        for entry in _read("interests")
    }
    colours = {
        entry["id"]: ColourEntry(entry["id"], _name(entry), entry["rgb"], _words(entry)) for entry in _read("colours")
    }
    palettes = {entry["id"]: _palette(entry) for entry in _read("palettes", of="colours")}
    check_interests(interests)
    check_labels(labels, interests)
    if len(labels) < len(label_entries) + len(told) or not set(palettes) <= set(interests):
        raise Misconfigured("prompts.yaml gives an id of labels.yaml again, or a palette speaks for no known interest")
    imagenet = tuple(entry["id"] for entry in label_entries if "imagenet" in entry)
    return Taxonomy(labels, interests, colours, imagenet, palettes, prompted)


def check_interests(interests: Mapping[str, Interest]) -> None:
    """Raises Misconfigured where a parent is unknown or an interest lies above itself."""
    for interest in interests.values():
        passed = {interest.id}
        parent = interest.parent
        while parent is not None:
            if parent not in interests:
                raise Misconfigured(f"interest {interest.id} has the unknown parent {parent} above it")
            if parent in passed:
                raise Misconfigured(f"interest {interest.id} lies in a circle with {parent}")
            passed.add(parent)
            parent = interests[parent].parent


def check_labels(labels: Mapping[str, LabelEntry], interests: Mapping[str, Interest]) -> None:
    """Raises Misconfigured where a label names an unknown interest, or has not one of interests and no_interest."""
    for label in labels.values():
        unknown = set(label.interests) - set(interests)
        if unknown:
            raise Misconfigured(f"label {label.id} names unknown interests: {', '.join(sorted(unknown))}")
        if bool(label.interests) == bool(label.no_interest):
            raise Misconfigured(f"label {label.id} needs either interests or a reason for no_interest")


def _name(entry: Mapping[str, Any]) -> Name:
    return Name(entry["ko"], entry["en"])


def _label(entry: Mapping[str, Any]) -> LabelEntry:
    return LabelEntry(entry["id"], _name(entry), entry.get("interests", {}), entry.get("no_interest"), _words(entry))


def _palette(entry: Mapping[str, Any]) -> Palette:
    ranges = (entry.get("lightness", (0, 100)), entry.get("chroma", (0, 200)), entry.get("hue", (0, 360)))
    lightness, chroma, hue = ((low, high) for low, high in ranges)
    return Palette(entry["id"], lightness, chroma, hue, entry["share"], entry["weight"])


def _prompted(entry: Mapping[str, Any]) -> Prompted:
    asked = entry["asked"]
    return Prompted(entry["id"], entry["of"], "interests" in entry, tuple(asked["en"]), tuple(asked["ko"]))


def _words(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, entry.get("words", ())))


def _read(name: str, *, of: str = "") -> list[dict[str, Any]]:
    """The section `name` of a file, which is called so as well where `of` does not say otherwise."""
    file = f"{of or name}.yaml"
    text = resources.files(__package__).joinpath(file).read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: list[dict[str, Any]] = yaml.load(text, Loader=loader)[name]  # noqa: S506  # both are safe; the C one reads 1,000 labels ten times faster
    twice = [entry_id for entry_id, times in Counter(entry["id"] for entry in entries).items() if times > 1]
    if twice:
        raise Misconfigured(f"{file} gives these ids twice: {', '.join(twice)}")
    return entries
