"""A person leaves a system on one machine: nothing of them is in any file, and nothing that comes later brings them back."""

from __future__ import annotations

from pathlib import Path

import pytest
from leaving import (
    GREEN,
    SUBJECT,
    Person,
    a_key,
    dead_letters,
    everything_comes_again,
    has_a_life,
    is_quiet,
    leaves,
    open_log,
)
from local_system import a_system, paint, wait_until

from nungil.encoder.open import space_of
from nungil.vector_index.open import open_vector_index
from tests.scanners.canaries import Canaries, raw
from tests.scanners.packed import features, parquet

pytestmark = [pytest.mark.system]

OF_FEATURES = ("vector", "map", "media_id", "owner")
OF_INDEX = ("vector", "media_id", "owner")


def scanned(data: Path, canaries: Canaries) -> dict[str, dict[str, list[str]]]:
    """Store -> what its scanner found."""
    objects, databases = data / "objects", data / "databases"
    content = canaries.only("subject", "title", "board", "note")
    return {
        "pictures": canaries.only("picture").found(raw(objects)),
        "features": canaries.only(*OF_FEATURES).found([*features(objects), *raw(objects, "features/*")]),
        "index": canaries.only(*OF_INDEX).found(parquet(data / "index")),
        "gateway": canaries.only("subject", "title").found(raw(databases, "gateway.db*")),
        "ingest": canaries.only("title", "media_id").found(raw(databases, "ingest.db*")),
        "search": canaries.only("media_id").found(raw(databases, "search.db*")),
        "profile": canaries.only("subject", "board", "note").found(raw(databases, "profile.db*")),
        "log": content.found(raw(data, "log.db*")),
        "anywhere": canaries.only("subject", "title", "board", "note", "picture", "vector", "map").found(raw(data)),
    }


def test_nothing_of_a_person_who_left_is_in_any_file_and_late_events_bring_nothing_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with a_system(data) as system:
        key = a_key(system, tmp_path)
        leaver, stays = Person(system, key, SUBJECT), Person(system, key, "stays")
        kept = stays.gives(*paint(tmp_path / "stays", 1, [GREEN], seed=3))
        canaries = has_a_life(leaver, tmp_path)
        wait_until(lambda: is_quiet(system), 60)
        before = scanned(data, canaries)
        assert {name: set(found) for name, found in before.items()} == {
            "pictures": {"picture"},
            "features": set(OF_FEATURES),
            "index": set(OF_INDEX),
            "gateway": {"title"},
            "ingest": {"title", "media_id"},
            "search": {"media_id"},
            "profile": {"subject", "board", "note"},
            "log": set(),  # ids alone: content never enters an event
            "anywhere": {"subject", "title", "board", "note", "picture", "vector", "map"},
        }

        receipt = leaves(leaver, tmp_path / "receipt.json")
        assert receipt["missing"] == []
        gone = {(one["service"], one["store"]): one["gone_by"] == one["at"] for one in receipt["stores"]}
        assert [store for store, is_gone in gone.items() if not is_gone] == [("log", "events")]
        assert all(
            one["count"] > 0 for one in receipt["stores"] if one["service"] in ("ingest", "embed", "profile", "gateway")
        )
        nothing = {name: {} for name in before}
        wait_until(lambda: is_quiet(system), 60)
        assert scanned(data, canaries) == nothing

        with open_log(system) as log:
            assert everything_comes_again(log, canaries.of["owner"].decode()) > 5
            wait_until(lambda: is_quiet(system), 60)
            assert dead_letters(log) == []
        assert scanned(data, canaries) == nothing
        assert leaver.pictures() == []  # last: who asks is a new person of that name
        assert stays.pictures() == kept
        with open_vector_index(system.runtime.vector_index_url, space_of("tiny://64")) as index:
            assert {row.media_id for row in index.fetch(kept, tenant="local")} == set(kept)
