"""The taxonomy: what labels are called, which interests they speak for, and what colours are called.

Kept as YAML beside this file, so that a person can read and correct it: labels.yaml, interests.yaml, colours.yaml.
"""

from __future__ import annotations

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
    """One thing that an encoder can see. interests: interest id -> how strongly the label speaks for it, 0 to 1."""

    id: str
    name: Name
    interests: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Interest:
    """Something that a person may care for. parent: the id of the broader interest; None for a root."""

    id: str
    name: Name
    parent: str | None


@dataclass(frozen=True, slots=True)
class ColourEntry:
    """A basic colour term and the sRGB value that stands for it, 0xRRGGBB."""

    id: str
    name: Name
    rgb: int


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


@cache
def load_taxonomy() -> Taxonomy:
    """The taxonomy that ships with this package. Raises Misconfigured where a file contradicts itself."""
    labels_file, interests_file, colours_file = (_read(f"{name}.yaml") for name in ("labels", "interests", "colours"))
    interests = {
        entry["id"]: Interest(entry["id"], Name(entry["ko"], entry["en"]), entry.get("parent"))
        for entry in interests_file["interests"]
    }
    labels = {
        entry["id"]: LabelEntry(entry["id"], Name(entry["ko"], entry["en"]), entry.get("interests", {}))
        for entry in labels_file["labels"]
    }
    colours = {
        entry["id"]: ColourEntry(entry["id"], Name(entry["ko"], entry["en"]), entry["rgb"])
        for entry in colours_file["colours"]
    }
    for interest in interests.values():
        if interest.parent is not None and interest.parent not in interests:
            raise Misconfigured(f"interest {interest.id} names the unknown parent {interest.parent}")
    for label in labels.values():
        unknown = set(label.interests) - set(interests)
        if unknown:
            raise Misconfigured(f"label {label.id} names unknown interests: {', '.join(sorted(unknown))}")
    imagenet = tuple(entry["id"] for entry in labels_file["labels"] if "imagenet" in entry)
    return Taxonomy(labels, interests, colours, imagenet)


def _read(name: str) -> dict[str, list[dict[str, Any]]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    loaded: dict[str, list[dict[str, Any]]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe; the C one reads 1,000 labels ten times faster
    return loaded
