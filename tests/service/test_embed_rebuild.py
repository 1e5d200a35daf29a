"""The rows of an encoder space made again from the objects: the same where nothing is wrong, the right ones where something is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from nungil.object_store.keys import features_key, rendition_key, tombstone_key
from nungil.pictures.features import decode_features
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.port import IndexRow
from services.embed.core import rows_of
from tests.embed_builders import DELETED, MOUNTAIN, TENANT, AnEmbed, a_change, a_picture, an_embed
from tests.embed_fill_builders import OTHER, OTHER_SPACE, PICTURES, a_fill, filled, many_pictures


@pytest.fixture
def embed(tmp_path: Path) -> Iterator[AnEmbed]:
    with an_embed(tmp_path, batch_pictures=16) as embed:
        yield embed


def test_a_right_index_is_left_as_it_is(embed: AnEmbed) -> None:
    many_pictures(embed)
    done = filled(embed, embed.index)
    assert (done.pictures, done.changed, done.encoded, done.removed, done.failed) == (PICTURES, 0, 0, 0, 0)
    assert done.same
    assert done.right
    assert done.after.rows == embed.index.count()


def test_a_lost_index_is_made_again_with_the_same_rows_and_digest(embed: AnEmbed) -> None:
    ids = many_pictures(embed)
    before = filled(embed, embed.index)
    fresh = ExactVectorIndex(64)
    done = filled(embed, fresh)
    assert (done.changed, done.encoded, done.before.rows) == (PICTURES, 0, 0)
    assert str(done.after) == str(before.after)
    assert not done.same
    assert done.right
    for tenant in (TENANT, "shop"):
        assert [row.id for row in fresh.fetch(ids, tenant=tenant)] == [
            row.id for row in embed.rows(*ids, tenant=tenant)
        ]
    assert fresh.count() == embed.index.count()


def test_the_second_time_there_is_nothing_to_do(embed: AnEmbed) -> None:
    many_pictures(embed, 5)
    fresh = ExactVectorIndex(64)
    filled(embed, fresh)
    again = filled(embed, fresh)
    assert again.changed == 0
    assert again.same
    assert again.right


def test_wrong_missing_and_surplus_rows_are_put_right(embed: AnEmbed) -> None:
    many_pictures(embed, 6)
    right = str(filled(embed, embed.index).after)
    [stolen, *_] = embed.rows("m-001")
    embed.index.upsert([IndexRow(stolen.id, stolen.vector, TENANT, "p-2", "m-001")])
    embed.index.upsert([IndexRow("m-003:900", stolen.vector, TENANT, "p-1", "m-003")])
    embed.index.delete_media(["m-005"], tenant=TENANT)
    done = filled(embed, embed.index)
    assert done.changed == 3
    assert str(done.after) == right
    assert "m-003:900" not in {row.id for row in embed.rows("m-003")}


def test_what_was_deleted_is_not_brought_back(embed: AnEmbed) -> None:
    many_pictures(embed, 4)
    kept_aside = ExactVectorIndex(64)
    filled(embed, kept_aside)
    embed.handle(a_change("m-001", DELETED, version=2))
    done = filled(embed, kept_aside)
    assert kept_aside.fetch(["m-001"], tenant=TENANT) == []
    assert (done.pictures, done.removed) == (3, 1)
    assert done.right


def test_a_picture_deleted_between_its_features_and_its_rows_does_not_stay(embed: AnEmbed) -> None:
    many_pictures(embed, 2)

    class DeletedMeanwhile(ExactVectorIndex):
        """Somebody deletes a picture just before our rows arrive."""

        def upsert(self, rows: Sequence[IndexRow]) -> None:
            embed.handle(a_change("m-001", DELETED, version=2))
            super().upsert(rows)

    index = DeletedMeanwhile(64)
    done = filled(embed, index)
    assert index.fetch(["m-001"], tenant=TENANT) == []
    assert (done.pictures, done.removed, done.failed) == (1, 1, 0)


def test_features_that_a_broken_deletion_left_are_removed(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1")))
    embed.objects.put(tombstone_key(TENANT, "m-1"), b"2")
    done = filled(embed, embed.index)
    assert (done.pictures, done.removed) == (0, 1)
    assert embed.rows("m-1") == []
    assert not embed.objects.exists(features_key(TENANT, "m-1", embed.encoder.space.name))


def test_a_new_space_is_filled_from_renditions_and_the_old_is_left_alone(embed: AnEmbed) -> None:
    ids = many_pictures(embed)
    old = str(filled(embed, embed.index).after)
    new = ExactVectorIndex(32)
    done = filled(embed, new, OTHER)
    assert (done.pictures, done.encoded, done.failed) == (PICTURES, PICTURES, 0)
    assert done.right
    features = decode_features(embed.objects.get(features_key("shop", ids[0], OTHER_SPACE)))
    assert (features.encoder_space, features.owner, features.version) == (OTHER_SPACE, "p-1", 1)
    assert [row.id for row in new.fetch([ids[0]], tenant="shop")] == [row.id for row in rows_of(features)]
    assert str(filled(embed, embed.index).after) == old
    assert filled(embed, new, OTHER).encoded == 0


def test_what_came_since_is_filled_in_by_another_run(embed: AnEmbed) -> None:
    many_pictures(embed, 3)
    new = ExactVectorIndex(32)
    filled(embed, new, OTHER)
    embed.handle(a_change(embed.stored("m-999", a_picture(of=MOUNTAIN))))
    done = filled(embed, new, OTHER)
    assert (done.pictures, done.changed, done.encoded) == (4, 1, 1)
    assert new.fetch(["m-999"], tenant=TENANT)


def test_a_picture_that_cannot_be_embedded_again_is_told_and_keeps_the_rest(embed: AnEmbed) -> None:
    many_pictures(embed, 4)
    embed.objects.delete(rendition_key(TENANT, "m-001"))
    new = ExactVectorIndex(32)
    done = filled(embed, new, OTHER)
    assert (done.pictures, done.failed) == (3, 1)
    assert not done.right


def test_a_picture_whose_deletion_is_under_way_is_no_failure(embed: AnEmbed) -> None:
    many_pictures(embed, 4)
    embed.objects.put(tombstone_key(TENANT, "m-001"), b"2")
    embed.objects.delete(rendition_key(TENANT, "m-001"))
    done = filled(embed, ExactVectorIndex(32), OTHER)
    assert (done.pictures, done.removed, done.failed) == (3, 1, 0)


def test_damaged_features_are_told(embed: AnEmbed) -> None:
    many_pictures(embed, 2)
    embed.objects.put(features_key(TENANT, "m-001", embed.encoder.space.name), b"\xff\xff")
    done = filled(embed, embed.index)
    assert (done.pictures, done.failed) == (1, 1)


def test_damaged_features_of_one_space_are_made_again_from_another(embed: AnEmbed) -> None:
    many_pictures(embed, 2)
    filled(embed, ExactVectorIndex(32), OTHER)
    right = embed.objects.get(features_key(TENANT, "m-001", embed.encoder.space.name))
    embed.objects.put(features_key(TENANT, "m-001", embed.encoder.space.name), b"\xff\xff")
    done = filled(embed, embed.index)
    assert (done.pictures, done.encoded, done.failed) == (2, 1, 0)
    assert embed.objects.get(features_key(TENANT, "m-001", embed.encoder.space.name)) == right


def test_a_stopped_fill_says_that_it_is_not_finished(embed: AnEmbed) -> None:
    many_pictures(embed, 2)
    stop = threading.Event()
    stop.set()
    with a_fill(embed, embed.index) as fill:
        done = fill(stop)
    assert not done.finished
    assert not done.right
