"""A served space takes over what only the space before it has: what came between its fill and the switch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.event_log.port import NewRecord
from nungil.object_store.errors import ObjectStoreAway
from nungil.object_store.keys import features_key, rendition_key, tombstone_key
from nungil.runtime.lifecycle import worker
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.port import IndexRow
from services.embed.succession import Succession
from tests.embed_builders import DELETED, MOUNTAIN, TENANT, AnEmbed, a_change, a_picture, an_embed
from tests.embed_fill_builders import OTHER, OTHER_SPACE, a_fill, filled, many_pictures

WITHIN_S = 20.0


@pytest.fixture
def embed(tmp_path: Path) -> Iterator[AnEmbed]:
    """Serves the space before."""
    with an_embed(tmp_path) as embed:
        yield embed


class Watched(ExactVectorIndex):
    """Rows that can be waited for."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.flushed = threading.Condition()

    def flush(self) -> None:
        with self.flushed:
            super().flush()
            self.flushed.notify_all()

    def await_(self, true: Callable[[], bool]) -> None:
        with self.flushed:
            assert self.flushed.wait_for(true, WITHIN_S)


@contextmanager
def a_succession(embed: AnEmbed, index: ExactVectorIndex) -> Iterator[None]:
    """At work, until the block ends."""
    stop = threading.Event()
    with a_fill(embed, index, OTHER) as fill:
        succession = Succession(fill, embed.log, embed.encoder.space.name, lambda: 9, stop)
        with worker("succession", succession, stop):
            yield


def told_of(embed: AnEmbed, space: str) -> list[MediaEmbedded]:
    return [event for event in embed.events() if event.encoder_space == space]


def uploaded(embed: AnEmbed, media_id: str) -> None:
    embed.handle(a_change(embed.stored(media_id, a_picture(of=MOUNTAIN))))


def has(index: ExactVectorIndex, *media_ids: str) -> bool:
    return {row.media_id for row in index.fetch(media_ids, tenant=TENANT)} == set(media_ids)


def test_what_came_between_the_fill_and_the_switch_is_taken_over_at_the_start(embed: AnEmbed) -> None:
    index = Watched(32)
    many_pictures(embed, 3)
    filled(embed, index, OTHER)
    uploaded(embed, "m-998")
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-998"))
    assert embed.objects.exists(features_key(TENANT, "m-998", OTHER_SPACE))
    [event] = told_of(embed, OTHER_SPACE)
    assert (event.media_id, event.owner, event.version, event.occurred_at_ms) == ("m-998", "p-1", 1, 9)
    assert event.features_key == features_key(TENANT, "m-998", OTHER_SPACE)
    done = filled(embed, index, OTHER)
    assert (done.pictures, done.changed, done.right) == (4, 0, True)


def test_what_another_embed_still_puts_into_the_space_before_is_taken_over_too(embed: AnEmbed) -> None:
    index = Watched(32)
    uploaded(embed, "m-1")
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-1"))
        uploaded(embed, "m-2")
        index.await_(lambda: has(index, "m-2"))
    assert [event.media_id for event in told_of(embed, OTHER_SPACE)] == ["m-1", "m-2"]


def test_records_of_other_spaces_and_of_no_sense_are_passed_over(embed: AnEmbed) -> None:
    index = Watched(32)
    uploaded(embed, "m-1")
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-1"))
        event = MediaEmbedded(tenant=TENANT, media_id="m-9", outcome=MediaEmbedded.OUTCOME_EMBEDDED, encoder_space="x")
        embed.log.append([NewRecord("media.embedded", "m-9", b"\xff"), NewRecord("media.embedded", "m-9", b"")])
        embed.log.append([NewRecord("media.embedded", "m-9", event.SerializeToString())])
        uploaded(embed, "m-2")
        index.await_(lambda: has(index, "m-2"))
    assert not has(index, "m-9")


def test_who_dies_before_the_features_are_stored_is_followed_by_one_who_takes_the_picture_over(embed: AnEmbed) -> None:
    class Dies(ExactVectorIndex):
        """Rows arrive, and then the process is gone."""

        def flush(self) -> None:
            raise KeyboardInterrupt

    index = Dies(32)
    uploaded(embed, "m-1")
    with pytest.raises(KeyboardInterrupt):
        filled(embed, index, OTHER)
    assert not embed.objects.exists(features_key(TENANT, "m-1", OTHER_SPACE))
    after = Watched(32)
    with a_succession(embed, after):
        after.await_(lambda: has(after, "m-1"))


def test_rows_of_a_picture_that_was_deleted_before_the_switch_do_not_stay(embed: AnEmbed) -> None:
    index = Watched(32)
    many_pictures(embed, 4)
    filled(embed, index, OTHER)
    embed.handle(a_change("m-001", DELETED, version=2))
    assert has(index, "m-001")
    with a_succession(embed, index):
        index.await_(lambda: not has(index, "m-001"))
    assert told_of(embed, OTHER_SPACE) == []


def test_a_store_that_is_away_is_waited_for(embed: AnEmbed) -> None:
    class Returns(Watched):
        """Away once."""

        away = True

        def upsert(self, rows: Sequence[IndexRow]) -> None:
            if self.away:
                self.away = False
                raise ObjectStoreAway("away")
            super().upsert(rows)

    index = Returns(32)
    uploaded(embed, "m-1")
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-1"))
    assert len(told_of(embed, OTHER_SPACE)) == 1


def test_a_picture_that_cannot_be_taken_over_is_an_error_that_names_its_cure(
    embed: AnEmbed, caplog: pytest.LogCaptureFixture
) -> None:
    index = Watched(32)
    uploaded(embed, "m-1")
    uploaded(embed, "m-2")
    embed.objects.delete(rendition_key(TENANT, "m-1"))
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-2"))
        uploaded(embed, "m-3")
        index.await_(lambda: has(index, "m-3"))
    [error] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert error.startswith("1 pictures of tiny-64-v1 cannot be embedded in tiny-32-v1")
    assert "rebuild index" in error


def test_a_picture_deleted_while_it_is_taken_over_is_neither_kept_nor_told_of(embed: AnEmbed) -> None:
    index = Watched(32)
    uploaded(embed, "m-1")
    embed.objects.put(tombstone_key(TENANT, "m-1"), b"2")
    uploaded(embed, "m-2")
    with a_succession(embed, index):
        index.await_(lambda: has(index, "m-2"))
    assert not has(index, "m-1")
    assert [event.media_id for event in told_of(embed, OTHER_SPACE)] == ["m-2"]
