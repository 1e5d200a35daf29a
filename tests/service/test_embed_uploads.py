"""What embed makes of media.changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1.events_pb2 import MediaEncoded
from nungil.event_log import topics
from nungil.object_store.keys import features_key, rendition_key, tombstone_key
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.runtime.tracing import TRACEPARENT
from nungil.vector_index.errors import VectorIndexAway
from nungil.vector_index.exact import ExactVectorIndex
from tests.embed_builders import (
    DELETED,
    DOG,
    MOUNTAIN,
    OWNER,
    TENANT,
    AnEmbed,
    a_change,
    a_picture,
    a_record,
    an_embed,
)


@pytest.fixture
def embed(tmp_path: Path) -> Iterator[AnEmbed]:
    with an_embed(tmp_path) as embed:
        yield embed


def test_an_upload_becomes_features_rows_and_an_event(embed: AnEmbed) -> None:
    media_id = embed.stored("m-1", a_picture(of=MOUNTAIN, with_=DOG))
    assert embed.handle(a_change(media_id)) == []
    features, [event] = embed.features(media_id), embed.events()
    assert event.features_key == features_key(TENANT, media_id, embed.encoder.space.name)
    assert (event.tenant, event.media_id, event.version, event.owner) == (TENANT, media_id, 1, OWNER)
    assert (event.purpose, event.source) == (common_pb2.PURPOSE_PERSONAL, common_pb2.SOURCE_CHAT)
    assert event.encoder_space == features.encoder_space == embed.encoder.space.name
    assert event.regions == len(features.regions) == len(embed.rows(media_id))
    assert embed.outcomes(media_id) == ["embedded"]


def test_features_that_are_stored_are_noted_for_whoever_searches(embed: AnEmbed) -> None:
    media_id = embed.stored("m-1", a_picture(of=MOUNTAIN, with_=DOG))
    assert embed.handle(a_change(media_id, version=3)) == []
    with embed.log.tail([topics.MEDIA_ENCODED], since="start") as tail:
        [record] = tail.poll(max_records=10, timeout_s=10)
    note = MediaEncoded.FromString(record.value or b"")
    assert (record.key, note.tenant, note.media_id, note.version) == (media_id, TENANT, media_id, 3)
    assert note.encoder_space == embed.encoder.space.name
    assert embed.objects.exists(note.features_key)


def test_a_row_holds_what_pooling_its_region_gives(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1", a_picture(of=MOUNTAIN, with_=DOG))))
    features = embed.features("m-1")
    table = summed_area(features.map)
    for row, region in zip(embed.rows("m-1"), features.regions, strict=True):
        assert row.id == f"m-1:{region.n}"
        assert (row.tenant, row.owner) == (TENANT, OWNER)
        np.testing.assert_allclose(row.vector, region.vector, atol=1e-6)
        np.testing.assert_allclose(unit(pool_box(table, region.box)), region.vector, atol=2e-3)  # the map is float16


def test_a_dog_on_a_mountain_is_found_where_it_was_painted(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1", a_picture(of=MOUNTAIN, with_=DOG))))
    features = embed.features("m-1")
    [dog] = [region for region in features.regions[1:] if region.labels[0].id == "golden_retriever"]
    assert (dog.box.x, dog.box.y, dog.box.width, dog.box.height) == pytest.approx((0.5, 0.5, 0.5, 0.5))
    assert [label.id for label in features.labels[:2]] == ["alp", "golden_retriever"]
    assert features.colours[0].share == pytest.approx(0.75, abs=0.02)


def test_a_redelivered_upload_changes_nothing(embed: AnEmbed) -> None:
    upload = a_change(embed.stored("m-1"))
    embed.handle(upload)
    rows, features = embed.rows("m-1"), embed.objects.get(features_key(TENANT, "m-1", embed.encoder.space.name))
    embed.handle(upload)
    assert [row.id for row in embed.rows("m-1")] == [row.id for row in rows]
    assert embed.objects.get(features_key(TENANT, "m-1", embed.encoder.space.name)) == features
    assert {event.version for event in embed.events()} == {1}


def test_many_pictures_at_once_get_what_each_gets_alone(embed: AnEmbed) -> None:
    colours = [(20 * n, 255 - 20 * n, 10 * n) for n in range(11)]  # two full passes and a rest
    for n, colour in enumerate(colours):
        embed.stored(f"m-{n}", a_picture(of=colour, with_=DOG))
    embed.handle(*(a_change(f"m-{n}") for n in range(11)))
    together = [embed.features(f"m-{n}") for n in range(11)]
    for n in range(11):
        embed.handle(a_change(f"m-{n}"))
        np.testing.assert_array_equal(embed.features(f"m-{n}").map, together[n].map)
    assert len({features.map.tobytes() for features in together}) == 11


def test_a_deletion_removes_rows_and_features_and_says_so(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1")), a_change(embed.stored("m-2")))
    embed.handle(a_change("m-1", DELETED, version=2))
    assert embed.rows("m-1") == []
    assert not embed.objects.exists(features_key(TENANT, "m-1", embed.encoder.space.name))
    assert embed.outcomes("m-1") == ["embedded", "removed"]
    assert [event.version for event in embed.events() if event.media_id == "m-1"] == [1, 2]
    assert embed.rows("m-2") != []


def test_a_deletion_of_what_was_never_embedded_is_confirmed_too(embed: AnEmbed) -> None:
    embed.handle(a_change("m-1", DELETED, version=2))
    assert embed.outcomes("m-1") == ["removed"]


def test_a_late_upload_does_not_bring_a_deleted_picture_back(embed: AnEmbed) -> None:
    upload = a_change(embed.stored("m-1"))
    embed.handle(a_change("m-1", DELETED, version=2))
    assert embed.handle(upload) == []
    assert embed.rows("m-1") == []
    assert not embed.objects.exists(features_key(TENANT, "m-1", embed.encoder.space.name))
    assert embed.outcomes("m-1") == ["removed"]


def test_a_late_upload_is_ignored_although_its_rendition_is_gone(embed: AnEmbed) -> None:
    embed.handle(a_change("m-1", DELETED, version=2))
    assert embed.handle(a_change("m-1")) == []
    assert embed.outcomes("m-1") == ["removed"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_batch_with_an_upload_and_a_deletion_of_one_picture_ends_deleted(
    embed: AnEmbed, order: tuple[int, int]
) -> None:
    changes = [a_change(embed.stored("m-1")), a_change("m-1", DELETED, version=2)]
    embed.handle(changes[order[0]], a_change(embed.stored("m-2")), changes[order[1]])
    assert embed.rows("m-1") == []
    assert embed.outcomes("m-1") == ["removed"]
    assert embed.outcomes("m-2") == ["embedded"]


def test_the_tombstone_of_the_latest_deletion_is_kept(embed: AnEmbed) -> None:
    embed.handle(a_change("m-1", DELETED, version=5))
    embed.handle(a_change("m-1", DELETED, version=2))
    assert embed.objects.get(tombstone_key(TENANT, "m-1")) == b"5"


def test_a_picture_deleted_by_another_process_while_it_was_embedded_stays_deleted(
    embed: AnEmbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert = ExactVectorIndex.upsert

    def upsert_late(index: ExactVectorIndex, rows: object) -> None:
        embed.objects.put(tombstone_key(TENANT, "m-1"), b"2")
        upsert(index, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(ExactVectorIndex, "upsert", upsert_late)
    embed.handle(a_change(embed.stored("m-1")), a_change(embed.stored("m-2")))
    assert embed.rows("m-1") == []
    assert not embed.objects.exists(features_key(TENANT, "m-1", embed.encoder.space.name))
    assert [event.media_id for event in embed.events()] == ["m-2"]


def test_a_picture_that_cannot_be_decoded_is_rejected_and_the_others_are_embedded(embed: AnEmbed) -> None:
    embed.objects.put(rendition_key(TENANT, "m-bad"), b"\xff\xd8 no picture")
    bad = a_change("m-bad")
    [(record, error)] = embed.handle(a_change(embed.stored("m-1")), bad, a_change(embed.stored("m-2")))
    assert record is bad
    assert embed.outcomes("m-bad") == ["rejected"]
    assert [event.reason for event in embed.events() if event.media_id == "m-bad"] == [str(error)]
    assert embed.outcomes("m-1") == embed.outcomes("m-2") == ["embedded"]
    assert embed.rows("m-bad") == []


def test_a_missing_rendition_is_rejected_aloud(embed: AnEmbed) -> None:
    [(_, error)] = embed.handle(a_change("m-gone"))
    assert str(error) == "the rendition is missing"
    assert embed.outcomes("m-gone") == ["rejected"]


@pytest.mark.parametrize("value", [None, b"", b"\xff\xff\xff"])
def test_a_record_that_is_no_event_is_returned_and_the_others_are_handled(embed: AnEmbed, value: bytes | None) -> None:
    broken = a_record("m-?", value)
    [(record, _)] = embed.handle(broken, a_change(embed.stored("m-1")))
    assert record is broken
    assert embed.outcomes("m-1") == ["embedded"]


def test_the_same_media_id_in_two_tenants_is_two_pictures(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1")), a_change(embed.stored("m-1", tenant="other"), tenant="other"))
    embed.handle(a_change("m-1", DELETED, version=2, tenant="other"))
    assert embed.rows("m-1") != []
    assert embed.rows("m-1", tenant="other") == []


def test_nothing_is_said_before_the_rows_are_durable(embed: AnEmbed, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(index: ExactVectorIndex) -> None:
        raise VectorIndexAway("gone for a moment")

    upload = a_change(embed.stored("m-1"))
    with monkeypatch.context() as patched, pytest.raises(VectorIndexAway):
        patched.setattr(ExactVectorIndex, "flush", away)
        embed.handle(upload)
    assert embed.events() == []
    embed.handle(upload)
    assert embed.outcomes("m-1") == ["embedded"]


def test_the_event_continues_the_trace_of_its_upload(embed: AnEmbed) -> None:
    trace = {TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01"}
    embed.handle(a_change(embed.stored("m-1"), headers=trace), a_change(embed.stored("m-2")))
    [record] = [record for record in embed.records() if record.key == "m-1"]
    assert record.headers[TRACEPARENT][3:35] == "a" * 32
    assert record.headers["event"] == "MediaEmbedded"


def test_removing_takes_features_of_every_encoder_space(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1")))
    embed.objects.put(features_key(TENANT, "m-1", "an-older-space"), b"old")
    embed.objects.put(features_key(TENANT, "m-10", "an-older-space"), b"another picture's")
    embed.handle(a_change("m-1", DELETED, version=2))
    assert list(embed.objects.list(f"features/{TENANT}/")) == [features_key(TENANT, "m-10", "an-older-space")]
