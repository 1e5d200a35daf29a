"""The API's errors on the Korean page."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import nungil.database.errors
import nungil.event_log.errors
import nungil.object_store.errors
import nungil.pictures.errors
import nungil.vector_index.errors
from nungil.runtime.errors import NungilError

WEB = Path(__file__).resolve().parents[2] / "web"
NO_CLASSES = {"invalid-box", "unforeseen"}  # named where they are told
SERVICES = ("embed", "gateway", "ingest", "profile", "search")


def of(error: type[NungilError]) -> Iterator[str]:
    """The names of an error and of all that derive from it."""
    bare = error.__new__(error)  # some need to know what is missing
    NungilError.__init__(bare)
    yield bare.slug
    for derived in error.__subclasses__():
        yield from of(derived)


def test_every_name_is_one_that_the_api_has() -> None:
    for service in SERVICES:
        importlib.import_module(f"services.{service}.errors")
    named = set(re.findall(r'^  "([a-z-]+)": ', (WEB / "faults-ko.js").read_text("utf-8"), re.MULTILINE))
    assert len(named) > 30
    assert sorted(named - NO_CLASSES - set(of(NungilError))) == []


def test_each_way_in_which_a_picture_is_refused_is_told_in_korean() -> None:
    told = (WEB / "faults-ko.js").read_text("utf-8")
    refusals = [
        each for each in vars(nungil.pictures.errors).values() if isinstance(each, type) and each.__module__ == "nungil.pictures.errors"
    ]  # fmt: skip
    assert [
        e.__name__ for e in refusals if issubclass(e, nungil.pictures.errors.Rejected) and e().slug not in told
    ] == []
