"""What a picture says of a person's interests, and which part of it says so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nungil.pictures.boxes import Box, clip
from nungil.pictures.features import Features
from nungil.pictures.pooling import pool_box, summed_area
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.core import Finding, Labels

FINDINGS_KEPT = 12
LABELS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture and the probability of each label in it."""

    box: Box
    labels: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """How features become findings. floor: an interest less probable than this, in every part, is noise."""

    taxonomy: Taxonomy
    floor: float

    def __call__(self, features: Features, box: Box | None) -> tuple[Finding, ...]:
        """What the picture, or the part of it under `box`, says: surest first, FINDINGS_KEPT at most.

        The probabilities of labels that speak for one interest are added up before anything is cut off: a dog of
        uncertain breed has many small ones. Over the parts of a picture the surest counts. Raises InvalidBox.
        """
        best: dict[str, Finding] = {}
        for part in parts(features) if box is None else [under(features, box)]:
            for finding in self._of(part):
                known = best.get(finding.interest)
                if known is None or finding.score > known.score:
                    best[finding.interest] = finding
        return tuple(sorted(best.values(), key=lambda f: (-f.score, f.interest))[:FINDINGS_KEPT])

    def _of(self, part: Part) -> Iterator[Finding]:
        spoken: dict[str, list[tuple[str, float]]] = {}
        for label, probability in part.labels.items():
            for interest, strength in interests_of(self.taxonomy, label).items():
                spoken.setdefault(interest, []).append((label, probability * strength))
        for interest, labels in spoken.items():
            score = min(sum(evidence for _, evidence in labels), 1.0)
            if score >= self.floor:
                yield Finding(interest, round(score, 4), _rounded(part.box), _best(labels))


def parts(features: Features) -> Iterator[Part]:
    """Every region of a picture, the whole first."""
    for region in features.regions:
        labels = region.labels or (features.labels if region.n == 0 else ())
        yield Part(region.box, {label.id: label.score for label in labels})


def under(features: Features, box: Box) -> Part:
    """The part of a picture under a box, its labels pooled from the map of labels."""
    clipped, _ = clip(box)
    pooled = pool_box(summed_area(np.moveaxis(features.label_map, 0, -1)), clipped)
    return Part(clipped, {label.id: float(p) for label, p in zip(features.labels, pooled, strict=True)})


def interests_of(taxonomy: Taxonomy, label: str) -> dict[str, float]:
    """The interests that a label speaks for and how strongly, those above them included; none for an unknown label."""
    entry = taxonomy.labels.get(label)
    found: dict[str, float] = {}
    for interest, strength in entry.interests.items() if entry else ():
        above: str | None = interest
        while above is not None:
            found[above] = max(found.get(above, 0.0), strength)
            above = taxonomy.interests[above].parent
    return found


def _best(labels: list[tuple[str, float]]) -> Labels:
    ranked = sorted(labels, key=lambda label: (-label[1], label[0]))
    return tuple((label, round(p, 4)) for label, p in ranked[:LABELS_KEPT])


def _rounded(box: Box) -> Box:
    return Box(*(round(number, 4) for number in (box.x, box.y, box.width, box.height)))
