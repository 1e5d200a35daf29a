"""The taxonomy: what labels are called, which interests they speak for, and what colours are called.

Kept as YAML beside this file, so that a person can read and correct it: labels.yaml, interests.yaml, colours.yaml.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from nungil.runtime.errors import Misconfigured


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
class Taxonomy:
    """Look-ups by id. `imagenet` lists label ids in the order of the 1,000 ImageNet classes."""

    labels: Mapping[str, LabelEntry]
    interests: Mapping[str, Interest]
    colours: Mapping[str, ColourEntry]
    imagenet: tuple[str, ...]

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

    def interests_of(self, label_id: str) -> Mapping[str, float]:
        """All that a label speaks for: its interests and those above them, each at the largest weight that leads to it.

        Raises KeyError for an unknown id.
        """
        weights: dict[str, float] = {}
        for interest_id, weight in self.labels[label_id].interests.items():
            for reached in (interest_id, *(interest.id for interest in self.ancestors(interest_id))):
                weights[reached] = max(weight, weights.get(reached, 0.0))
        return weights


@cache
def load_taxonomy() -> Taxonomy:
    """The taxonomy that ships with this package. Raises Misconfigured where a file contradicts itself."""
    label_entries = _read("labels")
    labels = {
        entry["id"]: LabelEntry(
            entry["id"],
            Name(entry["ko"], entry["en"]),
            entry.get("interests", {}),
            entry.get("no_interest"),
            _words(entry),
        )
        for entry in label_entries
    }
    interests = {
        entry["id"]: Interest(entry["id"], Name(entry["ko"], entry["en"]), entry.get("parent"), _words(entry))
        for entry in _read("interests")
    }
    colours = {
        entry["id"]: ColourEntry(entry["id"], Name(entry["ko"], entry["en"]), entry["rgb"], _words(entry))
        for entry in _read("colours")
    }
    check_interests(interests)
    check_labels(labels, interests)
    imagenet = tuple(entry["id"] for entry in label_entries if "imagenet" in entry)
    return Taxonomy(labels, interests, colours, imagenet)


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


def _words(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, entry.get("words", ())))


def _read(name: str) -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries: list[dict[str, Any]] = yaml.load(text, Loader=loader)[name]  # noqa: S506  # both are safe; the C one reads 1,000 labels ten times faster
    twice = [entry_id for entry_id, times in Counter(entry["id"] for entry in entries).items() if times > 1]
    if twice:
        raise Misconfigured(f"{name}.yaml gives these ids twice: {', '.join(twice)}")
    return entries
