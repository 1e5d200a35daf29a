"""What a tenant lays over the taxonomy: its own names, interests, label weights and weights, and what it does not ask for.

One YAML file a tenant, `<tenant>.yaml`; docs/guide/taxonomy.md describes it. Every fault is told at once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from nungil.runtime.errors import Misconfigured
from nungil.runtime.ids import ID
from nungil.taxonomy.refused import refusal_of_words
from nungil.taxonomy.taxonomy import Interest, LabelEntry, Name, Taxonomy, load_taxonomy

SECTIONS = ("names", "interests", "labels", "hidden", "weights")
HEAVIEST = 3.0  # the largest weight of an interest
MOST = 500  # entries of a section
LONGEST = 80  # characters of a name
_ID = re.compile("[a-z0-9]+(_[a-z0-9]+)*")

Document = Mapping[str, Any]


def read_overlay(path: Path) -> Document:
    """The document of a file, not yet looked at. Raises Misconfigured where it cannot be read or is no YAML mapping."""
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{path} is no YAML: {str(error).replace(chr(10), ' ')}") from error
    if read is not None and not isinstance(read, dict):
        raise Misconfigured(f"{path} holds no sections; it takes {', '.join(SECTIONS)}")
    return read or {}


def overlaid(taxonomy: Taxonomy, document: Document) -> Taxonomy:
    """The taxonomy as this tenant has it. Raises Misconfigured with every fault, one a line."""
    if faults := faults_of(taxonomy, document):
        raise Misconfigured("\n".join(faults))
    interests = dict(taxonomy.interests)
    for entry in document.get("interests") or ():
        words = tuple(map(str, entry.get("words") or ()))
        interests[entry["id"]] = Interest(entry["id"], Name(entry["ko"], entry["en"]), entry.get("parent"), words)
    for id_, name in _of(document, "names").items():
        interests[id_] = replace(interests[id_], name=Name(name["ko"], name["en"]))
    changed = _of(document, "labels")
    whole = replace(
        taxonomy,
        interests=interests,
        labels={
            id_: replace(label, interests=dict(changed[id_]), no_interest=None) if id_ in changed else label
            for id_, label in taxonomy.labels.items()
        },
        weights={id_: float(weight) for id_, weight in _of(document, "weights").items()},
    )
    return _without(whole, frozenset(document.get("hidden") or ()))


def digest_of(document: Document) -> str:
    """Changes with what the document says, and not with how it is written."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_overlays(folder: Path) -> dict[str, Document]:
    """By tenant, of the files <tenant>.yaml. Raises Misconfigured where one cannot be read or is named after no tenant."""
    if not folder.is_dir():
        raise Misconfigured(f"{folder} is no folder: it should hold one <tenant>.yaml for each tenant with an overlay")
    documents = {}
    for path in sorted(folder.glob("*.yaml")):
        if not ID.fullmatch(path.stem):
            raise Misconfigured(f"{path.name} is named after no tenant: letters, digits, '.', '_' and '-'")
        documents[path.stem] = read_overlay(path)
    return documents


def faults_of_overlays(folder: Path) -> list[str]:
    """All that is wrong with the files of a folder. Raises Misconfigured where one cannot be read."""
    shipped = load_taxonomy()
    documents = read_overlays(folder)
    return [f"{tenant}.yaml: {fault}" for tenant, one in documents.items() for fault in faults_of(shipped, one)]


def faults_of(taxonomy: Taxonomy, document: Document) -> list[str]:
    """All that is wrong, each as 'section.entry: what, and what to do'. Empty: it can be laid over."""
    faults = [f"{key}: there is no such section; use {', '.join(SECTIONS)}" for key in document if key not in SECTIONS]
    shapeless = list(_faults_of_shape(document))
    if shapeless:
        return faults + shapeless  # what is in such a section cannot be looked at
    added = {str(entry.get("id")): entry for entry in document.get("interests") or () if isinstance(entry, dict)}
    known = {*taxonomy.interests, *added}
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _faults_of_interests(taxonomy, document, known),
        lambda: _faults_of_names(document, known),
        lambda: _faults_of_labels(taxonomy, document, known),
        lambda: _faults_of_ids("hidden", document.get("hidden") or (), known),
        lambda: _faults_of_weights(document, known),
    )
    return [*faults, *(fault for check in checks for fault in check())]


def _faults_of_shape(document: Document) -> Iterator[str]:
    for section in SECTIONS:
        given, kind = document.get(section), list if section in ("interests", "hidden") else dict
        if given is not None and not isinstance(given, kind):
            yield f"{section}: it should be a {'list' if kind is list else 'mapping'}"
        elif given is not None and len(given) > MOST:
            yield f"{section}: {len(given)} entries; at most {MOST} are taken"


def _faults_of_interests(taxonomy: Taxonomy, document: Document, known: set[str]) -> Iterator[str]:
    entries = document.get("interests") or ()
    parents = {id_: interest.parent for id_, interest in taxonomy.interests.items()}
    parents |= {
        entry["id"]: entry.get("parent") for entry in entries if isinstance(entry, dict) and _is_id(entry.get("id"))
    }
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not _is_id(entry.get("id")):
            yield f"interests[{number}]: it needs an id of small letters, digits and '_'"
            continue
        id_, parent = entry["id"], entry.get("parent")
        where = f"interests.{id_}"
        if id_ in taxonomy.interests:
            yield f"{where}: there is one already; rename it under names"
        if id_ in seen:
            yield f"{where}: given twice"
        seen.add(id_)
        if refusal := refusal_of_words(id_):
            yield f"{where}: {id_!r} is refused: {refusal.why.en}"
        for key in sorted(set(entry) - {"id", "ko", "en", "parent", "words"}, key=str):
            yield f"{where}.{key}: there is no such field; use id, ko, en, parent, words"
        yield from _faults_of_name(where, entry)
        yield from _faults_of_words(where, entry.get("words"))
        if parent is not None and (not isinstance(parent, str) or parent not in known):
            yield f"{where}.parent: there is no interest {parent!r}"
        elif _lies_above_itself(id_, parents):
            yield f"{where}.parent: it lies in a circle"


def _faults_of_names(document: Document, known: set[str]) -> Iterator[str]:
    yield from _faults_of_ids("names", _of(document, "names"), known)
    for id_, name in _of(document, "names").items():
        if not isinstance(name, dict):
            yield f"names.{id_}: it should be {{ko: …, en: …}}"
            continue
        for key in sorted(set(name) - {"ko", "en"}, key=str):
            yield f"names.{id_}.{key}: there is no such field; use ko and en"
        yield from _faults_of_name(f"names.{id_}", name)


def _faults_of_labels(taxonomy: Taxonomy, document: Document, known: set[str]) -> Iterator[str]:
    for id_, interests in _of(document, "labels").items():
        where, label = f"labels.{id_}", taxonomy.labels.get(id_)
        if label is None:
            yield f"{where}: there is no such label"
        elif _says_nothing(label):
            yield f"{where}: it says nothing of a person ({label.no_interest}), and that stays"
        if not isinstance(interests, dict):
            yield f"{where}: it should be a mapping of interests to weights, as {{dogs: 1.0}}"
            continue
        yield from _faults_of_ids(where, interests, known)
        for interest, weight in interests.items():
            if not _is_number(weight) or not 0 < weight <= 1:
                yield f"{where}.{interest}: {weight!r} is no weight above 0 and up to 1; leave the interest out for none"


def _faults_of_weights(document: Document, known: set[str]) -> Iterator[str]:
    weights = _of(document, "weights")
    yield from _faults_of_ids("weights", weights, known)
    for id_, weight in weights.items():
        if not _is_number(weight) or not 0 < weight <= HEAVIEST:
            yield f"weights.{id_}: {weight!r} is no weight above 0 and up to {HEAVIEST:g}; use hidden for none"


def _faults_of_ids(where: str, ids: Any, known: set[str]) -> Iterator[str]:
    for id_ in ids:
        if not isinstance(id_, str) or id_ not in known:
            yield f"{where}: there is no interest {id_!r}"


def _faults_of_name(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    for language in ("ko", "en"):
        name = entry.get(language)
        if not isinstance(name, str) or not name.strip():
            yield f"{where}.{language}: the name is missing; both languages are shown"
        elif len(name) > LONGEST:
            yield f"{where}.{language}: {len(name)} characters; at most {LONGEST} are shown"
        elif refusal := refusal_of_words(name):
            yield f"{where}.{language}: {name!r} is refused: {refusal.why.en}"


def _faults_of_words(where: str, words: Any) -> Iterator[str]:
    if words is not None and not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        yield f"{where}.words: it should be a list of words"
        return
    for word in words or ():
        if refusal := refusal_of_words(word):
            yield f"{where}.words: {word!r} is refused: {refusal.why.en}"


def _without(taxonomy: Taxonomy, hidden: frozenset[str]) -> Taxonomy:
    """Without these interests and all that lies below them."""
    gone = {
        id_
        for id_ in taxonomy.interests
        if id_ in hidden or any(above.id in hidden for above in taxonomy.ancestors(id_))
    }
    if not gone:
        return taxonomy
    return replace(
        taxonomy,
        interests={id_: interest for id_, interest in taxonomy.interests.items() if id_ not in gone},
        labels={
            id_: replace(label, interests={each: w for each, w in label.interests.items() if each not in gone})
            if gone & set(label.interests)
            else label
            for id_, label in taxonomy.labels.items()
        },
        palettes={id_: palette for id_, palette in taxonomy.palettes.items() if id_ not in gone},
    )


def _of(document: Document, section: str) -> Mapping[str, Any]:
    given: Mapping[str, Any] = document.get(section) or {}
    return given


def _lies_above_itself(id_: str, parents: Mapping[str, str | None]) -> bool:
    passed, above = {id_}, parents.get(id_)
    while above is not None and above not in passed:
        passed.add(above)
        above = parents.get(above)
    return above is not None


def _says_nothing(label: LabelEntry) -> bool:
    """For a reason that no tenant can lift; 'everyone passes it by' is one that it may see otherwise."""
    return label.no_interest is not None and label.no_interest != "says_nothing"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and _ID.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
