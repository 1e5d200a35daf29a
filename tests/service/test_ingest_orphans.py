"""Objects that a dead upload left behind: they go when they are old, and nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ingest_builders import (
    MINA,
    ORPHAN_AGE_MS,
    STRANGER,
    Ingest,
    a_record,
    an_embedded,
    an_ingest,
    an_upload,
    features_key_of,
    some_features,
)
from picture_builders import a_picture

from nungil.object_store import keys
from nungil.object_store.errors import ObjectStoreAway
from nungil.object_store.port import ObjectStore
from nungil.runtime.ids import new_media_id
from services.ingest.errors import UploadStoodStill
from services.ingest.handlers import sweeps
from services.ingest.handlers.pictures import Put
from services.ingest.handlers.sweeps import Orphans, sweep_until
from services.ingest.wire import Embedded

DIED = "the process died"


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        ingest.put(STRANGER, a_picture(seed=99))
        yield ingest


@dataclass
class Meanwhile:
    """An object store where something happens after a put."""

    objects: ObjectStore
    happens: Callable[[str], None]

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        self.objects.put(key, data, content_type=content_type)
        self.happens(key)

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)


def dies_after(beginning: str) -> Callable[[str], None]:
    def happens(key: str) -> None:
        if key.startswith(beginning):
            raise KeyboardInterrupt(DIED)

    return happens


def an_upload_that_died(ingest: Ingest, after: str = keys.RENDITIONS) -> list[str]:
    """The keys that it left, as a process that is killed before the row leaves them."""
    before = set(ingest.stored())
    pictures = replace(ingest.pictures, objects=Meanwhile(ingest.objects, dies_after(after)))
    with pytest.raises(KeyboardInterrupt, match=DIED):
        pictures.put(MINA, an_upload(a_picture(seed=7)))
    return sorted(set(ingest.stored()) - before)


def keys_of(put: Put) -> list[str]:
    named = (put.media.tenant, put.media.media_id)
    return [keys.original_key(*named), keys.rendition_key(*named)]


@pytest.mark.parametrize(("after", "how_many"), [(keys.ORIGINALS, 1), (keys.RENDITIONS, 2)])
def test_what_a_dead_upload_left_goes_once_it_is_old(ingest: Ingest, after: str, how_many: int) -> None:
    kept = ingest.stored()
    assert len(an_upload_that_died(ingest, after)) == how_many
    ingest.clock.ms += ORPHAN_AGE_MS + 60_000
    assert ingest.swept(ingest.orphans) == how_many
    assert ingest.stored() == kept
    assert ingest.swept(ingest.orphans) == 0


def test_what_is_young_stays(ingest: Ingest) -> None:
    left = an_upload_that_died(ingest)
    ingest.clock.ms += ORPHAN_AGE_MS - 60_000
    assert ingest.swept(ingest.orphans) == 0
    assert set(left) <= set(ingest.stored())


def test_a_picture_with_a_row_stays_whatever_its_state(ingest: Ingest) -> None:
    accepted, searchable, rejected, deleted = (ingest.put(data=a_picture(seed=seed)) for seed in range(4))
    ingest.embedded(searchable)
    ingest.objects.put(features_key_of(searchable), some_features(searchable))
    ingest.embedded(rejected, outcome=Embedded.OUTCOME_REJECTED, reason="dark")
    ingest.pictures.delete(MINA, deleted.media.media_id)
    kept = ingest.stored()
    assert set(keys_of(accepted)) < set(kept)
    ingest.clock.ms += 400 * ORPHAN_AGE_MS
    assert ingest.swept(ingest.orphans) == 0
    assert ingest.stored() == kept


def test_features_that_came_after_their_picture_was_removed_go_too(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.pictures.delete(MINA, put.media.media_id)
    removed = an_embedded(put, version=2, outcome=Embedded.OUTCOME_REMOVED)
    ingest.read_embedded([a_record(removed)])
    kept = ingest.stored()
    ingest.objects.put(features_key_of(put), some_features(put))
    ingest.clock.ms += 2 * ORPHAN_AGE_MS
    assert ingest.swept(ingest.orphans) == 1
    assert ingest.stored() == kept


def test_a_row_of_one_tenant_keeps_nothing_of_another_and_the_other_way_round(ingest: Ingest) -> None:
    put = ingest.put()
    kept = ingest.stored()
    ingest.objects.put(keys.rendition_key("globex", put.media.media_id), b"same id, another tenant")
    ingest.clock.ms += 2 * ORPHAN_AGE_MS
    assert ingest.swept(ingest.orphans) == 1
    assert ingest.stored() == kept


def test_what_is_no_picture_of_ours_is_left_alone(ingest: Ingest) -> None:
    strangers = [
        "originals/acme/not-an-id",
        "originals/acme/01900000-0000-4000-8000-000000000000",
        "renditions/readme.txt",
        "backup/originals/acme/01900000-0000-7000-8000-000000000000",
        keys.tombstone_key("acme", "01900000-0000-7000-8000-000000000000"),
    ]
    for key in strangers:
        ingest.objects.put(key, b"x")
    ingest.clock.ms += 2 * ORPHAN_AGE_MS
    assert ingest.swept(ingest.orphans) == 0
    assert set(strangers) < set(ingest.stored())


def test_nothing_goes_where_the_database_knows_no_picture_at_all(tmp_path: Path) -> None:
    with an_ingest(tmp_path) as ingest:
        left = an_upload_that_died(ingest)
        ingest.clock.ms += 2 * ORPHAN_AGE_MS
        assert ingest.swept(ingest.orphans) == 0
        assert ingest.stored() == left


def test_more_objects_than_one_query_looks_up_are_all_judged(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "LOOKED_UP_AT_ONCE", 3)
    puts = [ingest.put(data=a_picture(seed=seed)) for seed in range(4)]
    kept = ingest.stored()
    for tenant in ("acme", "globex", "initech"):
        for _ in range(4):
            ingest.objects.put(keys.original_key(tenant, new_media_id()), b"x")
    ingest.clock.ms += 2 * ORPHAN_AGE_MS
    assert ingest.swept(ingest.orphans) == 12
    assert ingest.stored() == kept
    assert all(ingest.pictures.image(MINA, put.media.media_id, max_width_px=0) for put in puts)


def test_a_picture_that_is_being_uploaded_meanwhile_is_safe(ingest: Ingest) -> None:
    swept: list[int] = []

    def sweep(key: str) -> None:
        swept.append(ingest.swept(ingest.orphans))

    ingest.clock.ms += ORPHAN_AGE_MS // 2
    put = replace(ingest.pictures, objects=Meanwhile(ingest.objects, sweep)).put(MINA, an_upload())
    assert swept == [0, 0]
    assert set(keys_of(put)) < set(ingest.stored())


def test_an_upload_that_stood_still_until_it_was_swept_is_no_picture_without_its_objects(ingest: Ingest) -> None:
    kept = ingest.stored()

    def sleeps(key: str) -> None:
        if key.startswith(keys.RENDITIONS):
            ingest.clock.ms += 2 * ORPHAN_AGE_MS
            assert ingest.swept(ingest.orphans) == 2

    pictures = replace(ingest.pictures, objects=Meanwhile(ingest.objects, sleeps))
    with pytest.raises(UploadStoodStill, match="Send the picture again"):
        pictures.put(MINA, an_upload())
    assert ingest.stored() == kept
    assert not ingest.put().duplicate


def test_a_sweep_waits_for_an_upload_that_is_writing_its_row(ingest: Ingest) -> None:
    ahead = Orphans(ingest.engine, ingest.objects, lambda: ingest.clock() + 2 * ORPHAN_AGE_MS, ORPHAN_AGE_MS)
    done, removed, told = threading.Event(), [], []

    def sweep() -> None:
        removed.append(ingest.swept(ahead))
        done.set()

    thread = threading.Thread(target=sweep)

    def clock() -> int:
        told.append("time")
        if len(told) == 2:  # asked for within the row's transaction
            thread.start()
            assert not done.wait(0.5)
        return ingest.clock()

    put = replace(ingest.pictures, clock=clock).put(MINA, an_upload())
    thread.join()
    assert removed == [0]
    assert set(keys_of(put)) < set(ingest.stored())


def test_a_store_that_is_away_is_swept_the_next_time(ingest: Ingest) -> None:
    stop = threading.Event()

    class AwayOnce:
        asked = 0

        def once(self, stop: threading.Event) -> int:
            self.asked += 1
            if self.asked == 1:
                raise ObjectStoreAway("away")
            stop.set()
            return ingest.swept(ingest.orphans)

    sweep = AwayOnce()
    sweep_until(stop, sweep, every_s=0.01)
    assert sweep.asked == 2


def test_a_sweep_ends_when_the_service_stops(ingest: Ingest) -> None:
    left = an_upload_that_died(ingest)
    ingest.clock.ms += 2 * ORPHAN_AGE_MS
    stop = threading.Event()
    stop.set()
    assert ingest.orphans.once(stop) == 0
    assert set(left) < set(ingest.stored())
