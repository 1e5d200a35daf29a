"""What words may name: labels, interests and colours of the taxonomy, and one tenant's categories, brands and shops. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from nungil.taxonomy.taxonomy import Taxonomy, load_taxonomy
from services.search.core import Tag, TagKind
from services.search.words.normal import initials, is_hangul, is_initials, key
from services.search.words.sounds import Sound, distance, sound_alike, sound_of

_MIN_INITIALS = 2  # "ㅅ" says nothing
_MIN_SOUND, _MAX_SOUND = 2, 24  # letters
_PARENTHESISED = re.compile(r"^(.*?)\s*\((.*?)\)\s*$")
_SEVERAL = re.compile(r"(?<=[가-힣])[와과]\s+|·|,\s*|\s+and\s+")
_LEVELS = re.compile(r"\s*[/>]\s*")

Names = Mapping[str, tuple[Tag, ...]]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """names: key -> what it names, the likeliest first. initials: of Korean names. sounds: of brands. currency: of prices that name none."""

    names: Names = field(default_factory=dict)
    initials: Names = field(default_factory=dict)
    sounds: tuple[tuple[Sound, Tag], ...] = ()
    currency: str = "KRW"

    @property
    def tags(self) -> frozenset[Tag]:
        """All that its names name."""
        return frozenset(tag for tags in self.names.values() for tag in tags)

    def named(self, name: str) -> Tag | None:
        """What a key names: what is the tenant's own first, then a colour, an interest, a label."""
        for names in (self.names, of_taxonomy().names):
            if name in names:
                return names[name][0]
        return None

    def begun_by(self, letters: str) -> Tag | None:
        """What is meant by first consonants: the one thing of its kind whose name has them, and no other."""
        if not is_initials(letters) or len(letters) < _MIN_INITIALS:
            return None
        for names in (self.initials, of_taxonomy().initials):
            tags = names.get(letters, ())
            same = [tag for tag in tags if tag.kind is tags[0].kind]
            if len(same) == 1:
                return same[0]
        return None

    def sounding(self, name: str) -> Tag | None:
        """The brand that sounds most like a name in the other script."""
        sound = sound_of(name) if _MIN_SOUND <= len(name) <= _MAX_SOUND else None
        if sound is None:
            return None
        alike = [(_far(sound, its), tag.id, tag) for its, tag in self.sounds if sound_alike(sound, its)]
        return min(alike, key=lambda each: each[:2])[2] if alike else None


def vocabulary_of(
    categories: Iterable[str], shops: Iterable[str], brands: Iterable[str], currency: str = "KRW"
) -> Vocabulary:
    """The words of a tenant beside those of the taxonomy."""
    said: list[tuple[str, Tag]] = []
    ends: dict[str, list[Tag]] = {}
    for category in categories:
        tag = Tag(TagKind.CATEGORY, category)
        said.append((category, tag))
        ends.setdefault(key(last_level(category)), []).append(tag)
    brand_tags = [Tag(TagKind.BRAND, brand) for brand in brands if brand]
    said += [(tag.id, tag) for tag in brand_tags]
    said += [(shop, Tag(TagKind.SHOP, shop)) for shop in shops]
    said += [(end, tags[0]) for end, tags in ends.items() if len(tags) == 1]  # an end that two have names neither
    sounds = tuple((sound, tag) for tag in brand_tags if (sound := sound_of(tag.id)))
    return Vocabulary(*_indexed(said), sounds, currency)


@cache
def of_taxonomy() -> Vocabulary:
    """The words of the taxonomy that ships."""
    return _of_taxonomy(load_taxonomy())


def last_level(category: str) -> str:
    """ "food/fruit/apple" and "Food > Fruit > Apple" are apples."""
    return _LEVELS.split(category.strip())[-1]


def _of_taxonomy(taxonomy: Taxonomy) -> Vocabulary:
    """Looks and what only a text tower finds stay out: "wood" asks for things whose titles say so, not for every fence."""
    prompted = {one.id for one in taxonomy.prompted}
    things = {id_: interest for id_, interest in taxonomy.interests.items() if not taxonomy.is_look(id_)}
    labels = {id_: label for id_, label in taxonomy.labels.items() if id_ not in prompted}
    said = [
        (spelling, Tag(kind, entry.id))
        for kind, entries in (
            (TagKind.COLOUR, taxonomy.colours),
            (TagKind.LABEL, things),
            (TagKind.LABEL, labels),
        )
        for entry in entries.values()
        for name in (entry.name.ko, entry.name.en, *entry.words)
        for spelling in _spellings(name)
    ]
    several = [
        (part, Tag(TagKind.LABEL, interest.id))
        for interest in things.values()
        for name in (interest.name.ko, interest.name.en)
        for part in _SEVERAL.split(name)
    ]
    return Vocabulary(*_indexed(said + several))


def _spellings(name: str) -> list[str]:
    """A name, and what its parentheses say: "야구공", "역기(바벨)" is both."""
    found = _PARENTHESISED.match(name)
    return [found[1], found[2]] if found else [name]


def _indexed(said: Iterable[tuple[str, Tag]]) -> tuple[Names, Names]:
    names: dict[str, dict[Tag, None]] = {}
    begun: dict[str, dict[Tag, None]] = {}
    for spelling, tag in said:
        for form in _numbers(key(spelling)):
            names.setdefault(form, {})[tag] = None
        letters = key(spelling)
        if is_hangul(letters):
            begun.setdefault(initials(letters), {})[tag] = None
    return {name: tuple(tags) for name, tags in names.items() if name}, {
        name: tuple(tags) for name, tags in begun.items()
    }


def _numbers(name: str) -> list[str]:
    """An English name in the singular and the plural."""
    if not name.isascii() or not name.isalpha() or len(name) < 3:
        return [name]
    if name.endswith("ies"):
        return [name, f"{name[:-3]}y"]
    if name.endswith(("ses", "xes", "ches", "shes")):
        return [name, name[:-2], name[:-1]]
    if name.endswith("s") and not name.endswith("ss"):
        return [name, name[:-1]]
    if name.endswith("y") and name[-2] not in "aeiou":
        return [name, f"{name[:-1]}ies"]
    return [name, f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"]


def _far(one: Sound, other: Sound) -> float:
    return distance(other, one) if one.hangul else distance(one, other)
