"""A person was erased: what ingest removes and says, and what comes after; and their pictures to take away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_builders import JUN, MINA, NOBODY, SEARCH, Ingest, a_record, an_embedded, an_ingest
from picture_builders import a_picture

from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1.events_pb2 import ErasureConfirmed
from nungil.database.open import reading
from nungil.erasing import Erased
from nungil.event_log import topics
from nungil.object_store.errors import ObjectStoreAway
from services.ingest.core import Caller
from services.ingest.errors import NobodyAsks, NoSuchPicture, OwnerErased
from services.ingest.handlers.erasing import EraseOwner
from services.ingest.handlers.exporting import ExportPictures
from services.ingest.store.erased import media_of
from services.ingest.wire import Embedded

GONE = Erased("e-1", MINA.tenant, MINA.person_id)
KEPT_MS = 1_000_000
RED, GREEN = (200, 30, 30), (30, 200, 30)


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        yield ingest


def erase(ingest: Ingest, erased: Erased = GONE) -> None:
    EraseOwner(ingest.engine, ingest.objects, ingest.clock, threading.Event(), KEPT_MS)(erased)


def rows_of(ingest: Ingest, caller: Caller) -> list[str]:
    with reading(ingest.engine) as connection:
        return [media.media_id for media in media_of(connection, caller.tenant, caller.person_id)]


def confirmations(ingest: Ingest) -> list[tuple[str, str, int]]:
    said = [
        ErasureConfirmed.FromString(v or b"") for topic, _, v in ingest.outbox() if topic == topics.ERASURE_CONFIRMED
    ]
    return [(one.service, one.store, one.count) for one in said]


def test_every_picture_of_the_person_goes_with_its_objects_and_no_other(ingest: Ingest) -> None:
    mine = [ingest.put(MINA, a_picture(colour=colour)).media for colour in (RED, GREEN)]
    ingest.put(MINA, a_picture(colour=RED), purpose=SEARCH)
    theirs = ingest.put(JUN, a_picture(colour=RED)).media
    erase(ingest)
    assert rows_of(ingest, MINA) == []
    assert rows_of(ingest, JUN) == [theirs.media_id]
    assert ingest.stored()
    assert all(theirs.media_id in key for key in ingest.stored())
    deleted = [event for event in ingest.media_events() if event.change == MediaChanged.CHANGE_DELETED]
    assert {(event.media_id, event.version, event.owner_erased) for event in deleted} == {
        (m.media_id, 2, True) for m in mine
    }
    assert confirmations(ingest) == [("ingest", "database", 3), ("ingest", "objects", 5)]


def test_one_who_had_nothing_is_confirmed_too(ingest: Ingest) -> None:
    erase(ingest)
    assert confirmations(ingest) == [("ingest", "database", 0), ("ingest", "objects", 0)]


def test_an_upload_that_comes_after_is_refused_and_leaves_nothing(ingest: Ingest) -> None:
    erase(ingest)
    for purpose in ({}, {"purpose": SEARCH}):
        with pytest.raises(OwnerErased):
            ingest.put(MINA, **purpose)
    assert ingest.stored() == []
    assert ingest.put(JUN).media.owner == JUN.person_id


def test_a_process_that_died_on_the_way_goes_on_and_counts_the_same(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.put(MINA, a_picture(colour=RED))
    ingest.put(MINA, a_picture(colour=GREEN))
    store, deleted = type(ingest.objects), []
    delete = store.delete

    def dies(self: object, key: str) -> None:
        if len(deleted) == 3:
            raise ObjectStoreAway("away")
        deleted.append(key)
        delete(self, key)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "delete", dies)
    with pytest.raises(ObjectStoreAway):
        erase(ingest)
    assert confirmations(ingest) == []
    monkeypatch.undo()
    erase(ingest)
    assert ingest.stored() == []
    assert confirmations(ingest) == [("ingest", "database", 2), ("ingest", "objects", 4)]


def test_what_embed_says_later_brings_nothing_back(ingest: Ingest) -> None:
    put = ingest.put(MINA)
    erase(ingest)
    for outcome in (Embedded.OUTCOME_EMBEDDED, Embedded.OUTCOME_REJECTED, Embedded.OUTCOME_REMOVED):
        assert list(ingest.read_embedded([a_record(an_embedded(put, outcome=outcome))])) == []
    assert rows_of(ingest, MINA) == []
    with pytest.raises(NoSuchPicture):
        ingest.pictures.get(MINA, put.media.media_id)


def test_pictures_are_taken_away_as_they_are_kept_with_an_index(ingest: Ingest) -> None:
    first = ingest.put(MINA, a_picture(colour=RED), file_name="../바다 1.jpg").media
    second = ingest.put(MINA, a_picture(colour=GREEN), file_name="").media
    ingest.put(JUN, a_picture(colour=RED))
    files: dict[str, bytes] = {}
    path = ""
    for named, chunk in ExportPictures(ingest.engine, ingest.objects, ingest.clock)(MINA):
        path = named or path
        files[path] = files.get(path, b"") + chunk
    index = json.loads(files.pop("pictures/index.json"))
    assert {one["media_id"]: one["file"] for one in index} == {
        first.media_id: f"pictures/{first.media_id} 바다 1.jpg",
        second.media_id: f"pictures/{second.media_id}.jpg",
    }
    assert {one["file"]: ingest.objects.get(f"originals/acme/{one['media_id']}") for one in index} == files
    with pytest.raises(NobodyAsks):
        list(ExportPictures(ingest.engine, ingest.objects, ingest.clock)(NOBODY))
