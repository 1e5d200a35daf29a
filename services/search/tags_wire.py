"""Chips and words as messages: tags with their names in both languages."""

from __future__ import annotations

from collections.abc import Iterable

from nungil.api.common.v1 import common_pb2
from nungil.api.search.v1 import search_pb2 as pb
from nungil.taxonomy.taxonomy import load_taxonomy
from services.search.core import Tag, TagKind
from services.search.errors import InvalidQuery
from services.search.words.reading import MAX_TEXT
from services.search.words.vocabulary import last_level

MAX_CHIPS = 50


def tags_of_chips(chips: Iterable[pb.Chip]) -> tuple[Tag, ...]:
    """The tags that these chips name, each once. Raises InvalidQuery for what is no tag."""
    tags = tuple(dict.fromkeys(_tag_of(chip) for chip in chips))
    if len(tags) > MAX_CHIPS:
        raise InvalidQuery(f"{len(tags)} chips at once; at most {MAX_CHIPS}")
    return tags


def checked_text(text: str) -> str:
    """The same. Raises InvalidQuery where it is too long to be words."""
    if len(text) > MAX_TEXT:
        raise InvalidQuery(f"the text has {len(text)} letters; at most {MAX_TEXT} are read")
    return text.strip()


def chip_to_proto(tag: Tag, count: int = 0) -> pb.Chip:
    return pb.Chip(kind=pb.Chip.Kind.ValueType(tag.kind.value), id=tag.id, name=name_of(tag), count=count)


def name_of(tag: Tag) -> common_pb2.Name:
    """What people call it; what the feed named is called so in both languages."""
    taxonomy = load_taxonomy()
    if tag.kind is TagKind.LABEL:
        entry = taxonomy.interests.get(tag.id) or taxonomy.labels[tag.id]
        return common_pb2.Name(ko=entry.name.ko, en=entry.name.en)
    if tag.kind is TagKind.COLOUR:
        colour = taxonomy.colours[tag.id]
        return common_pb2.Name(ko=colour.name.ko, en=colour.name.en)
    shown = last_level(tag.id) if tag.kind is TagKind.CATEGORY else tag.id
    return common_pb2.Name(ko=shown, en=shown)


def _tag_of(chip: pb.Chip) -> Tag:
    if chip.kind not in {kind.value for kind in TagKind} or not chip.id:
        kinds = ", ".join(kind.name.lower() for kind in TagKind)
        raise InvalidQuery(f"a chip needs an id and one of the kinds {kinds}")
    taxonomy, kind = load_taxonomy(), TagKind(chip.kind)
    if kind is TagKind.COLOUR and chip.id not in taxonomy.colours:
        raise InvalidQuery(f"no colour {chip.id!r} is known; there are: {', '.join(taxonomy.colours)}")
    if kind is TagKind.LABEL and chip.id not in taxonomy.labels and chip.id not in taxonomy.interests:
        roots = ", ".join(interest.id for interest in taxonomy.roots())
        raise InvalidQuery(
            f"no label {chip.id!r} is known; it is a label or an interest of the taxonomy, such as {roots}"
        )
    return Tag(kind, chip.id)
