"""The segments of a tenant that count, and which of them name what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.segments.definition import (
    Acted,
    AsksFor,
    Definition,
    Follows,
    InterestWeighs,
    LabelSeen,
    Leaf,
    Stated,
    leaves,
)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """A published version. activities: that it asks for. markets: whether it asks for any. stated: fields that it asks for."""

    segment_id: str
    version: int
    definition: Definition
    activities: frozenset[str]
    markets: bool
    stated: frozenset[str]


@dataclass(frozen=True, slots=True)
class Published:
    """Of one tenant, as of a revision. naming: from what changed to the segments that name it."""

    revision: int
    segments: Mapping[str, Segment] = field(default_factory=dict)
    naming: Mapping[Key, frozenset[str]] = field(default_factory=dict)

    def touched(self, keys: Iterable[Key]) -> set[str]:
        """The segments that name any of these."""
        found: set[str] = set()
        for key in keys:
            found |= self.naming.get(key, frozenset())
        return found

    def kinds(self, kind: str) -> set[Key]:
        """All keys of a kind that anything names."""
        return {key for key in self.naming if key[0] == kind}


def segment_of(segment_id: str, version: int, definition: Definition) -> Segment:
    """As it is looked at."""
    each = [leaf for leaf, _ in leaves(definition.who)]
    activities = frozenset(leaf.activity for leaf in each if isinstance(leaf, Acted))
    stated = frozenset(leaf.field for leaf in each if isinstance(leaf, Stated))
    markets = any(isinstance(leaf, AsksFor) for leaf in each)
    return Segment(segment_id, version, definition, activities, markets, stated)


def published_of(revision: int, segments: Sequence[Segment], taxonomy: Taxonomy) -> Published:
    """With the index from what changed to the segments that name it."""
    naming: dict[Key, set[str]] = {}
    for segment in segments:
        for leaf, _ in leaves(segment.definition.who):
            for key in keys_of(leaf, taxonomy):
                naming.setdefault(key, set()).add(segment.segment_id)
    return Published(
        revision,
        {segment.segment_id: segment for segment in segments},
        {key: frozenset(ids) for key, ids in naming.items()},
    )


def keys_of(leaf: Leaf, taxonomy: Taxonomy) -> set[Key]:
    """What a leaf depends on: ("interest" | "label" | "activity" | "follows" | "market" | "muted", id), or ("stated", field)."""
    match leaf:
        case InterestWeighs(interest=interest):
            return {("interest", interest), *(("muted", id_) for id_ in _and_above(interest, taxonomy))}
        case LabelSeen(label=label):
            spoken = taxonomy.labels[label].interests if label in taxonomy.labels else {}
            return {("label", label), *(("muted", id_) for one in spoken for id_ in _and_above(one, taxonomy))}
        case Acted(activity=activity):
            return {("activity", activity)}
        case Follows(interest):
            return {("follows", interest)}
        case AsksFor(market):
            return {("market", market)}
        case Stated(field=field_):
            return {("stated", field_)}


def _and_above(interest: str, taxonomy: Taxonomy) -> list[str]:
    known = interest in taxonomy.interests
    return [interest, *(above.id for above in taxonomy.ancestors(interest))] if known else [interest]
