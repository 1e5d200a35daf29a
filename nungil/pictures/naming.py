"""What was found in a picture, with its names in both languages, as messages."""

from __future__ import annotations

from collections.abc import Sequence

from nungil.api.common.v1 import common_pb2
from nungil.pictures.features import Features, FoundLabel, box_to_proto
from nungil.taxonomy.taxonomy import Name, Taxonomy


def name_to_proto(name: Name) -> common_pb2.Name:
    """A name as a message."""
    return common_pb2.Name(ko=name.ko, en=name.en)


def named_regions(features: Features, taxonomy: Taxonomy) -> list[common_pb2.Region]:
    """Every region, n = 0 first."""
    return [
        common_pb2.Region(n=region.n, box=box_to_proto(region.box), labels=named_labels(region.labels, taxonomy))
        for region in features.regions
    ]


def named_labels(found: Sequence[FoundLabel], taxonomy: Taxonomy) -> list[common_pb2.Label]:
    """In the order of `found`."""
    named = []
    for label in found:
        entry = taxonomy.labels.get(label.id)
        name = _name_or_id(entry.name if entry else None, label.id)
        named.append(common_pb2.Label(id=label.id, name=name, score=label.score))
    return named


def named_colours(features: Features, taxonomy: Taxonomy) -> list[common_pb2.Colour]:
    """Largest share first."""
    named = []
    for colour in features.colours:
        entry = taxonomy.colours.get(colour.id)
        name = _name_or_id(entry.name if entry else None, colour.id)
        named.append(common_pb2.Colour(id=colour.id, name=name, rgb=colour.rgb, share=colour.share))
    return named


def _name_or_id(name: Name | None, id_: str) -> common_pb2.Name:
    """What an older encoder found and the taxonomy no longer names goes by its id."""
    return name_to_proto(name) if name else common_pb2.Name(ko=id_, en=id_)
