"""A person was erased: what embed removes and says, and what comes after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nungil.api.profile.v1.events_pb2 import ErasureConfirmed
from nungil.erasing import Erased
from nungil.event_log import topics
from nungil.object_store.keys import features_prefix, rendition_key
from nungil.vector_index.errors import VectorIndexAway
from services.embed.erasing import EraseOwner, Patiently
from tests.embed_builders import DELETED, DOG, OWNER, TENANT, AnEmbed, a_change, a_picture, an_embed

GONE = Erased("e-1", TENANT, OWNER)
KEPT_MS = 1_000


@pytest.fixture
def embed(tmp_path: Path) -> Iterator[AnEmbed]:
    with an_embed(tmp_path) as embed:
        yield embed


def erase(embed: AnEmbed) -> None:
    EraseOwner(embed.objects, [embed.index], embed.log, lambda: 7, KEPT_MS)(GONE)


def confirmations(embed: AnEmbed) -> list[tuple[str, int, int]]:
    with embed.log.tail([topics.ERASURE_CONFIRMED], since="start") as tail:
        said = [ErasureConfirmed.FromString(record.value or b"") for record in tail.poll(max_records=99, timeout_s=0.1)]
    return [(one.store, one.count, one.gone_by_ms) for one in said]


def is_empty(embed: AnEmbed, *media_ids: str) -> bool:
    left = [key for media_id in media_ids for key in embed.objects.list(features_prefix(TENANT, media_id))]
    return not left and not embed.rows(*media_ids)


def test_features_and_rows_of_the_person_go_and_no_others(embed: AnEmbed) -> None:
    embed.stored("m-1", a_picture(with_=DOG))
    embed.handle(a_change("m-1"), a_change(embed.stored("m-2")), a_change(embed.stored("m-3"), owner="p-2"))
    rows = len(embed.rows("m-1", "m-2"))
    erase(embed)
    assert is_empty(embed, "m-1", "m-2")
    assert embed.rows("m-3")
    assert confirmations(embed) == [("features", 2, 0), ("index", rows, 0)]


def test_what_a_server_keeps_for_a_while_is_said(embed: AnEmbed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed.index, "erase_deleted", lambda: False)
    erase(embed)
    assert confirmations(embed) == [("features", 0, 0), ("index", 0, 7 + KEPT_MS)]


@pytest.mark.parametrize("rendition_is_gone", [False, True])
def test_an_upload_that_comes_after_is_dropped(embed: AnEmbed, rendition_is_gone: bool) -> None:
    erase(embed)
    embed.stored("m-1")
    if rendition_is_gone:
        embed.objects.delete(rendition_key(TENANT, "m-1"))
    assert embed.handle(a_change("m-1")) == []
    assert is_empty(embed, "m-1")
    assert embed.outcomes("m-1") == []


def test_an_upload_in_work_while_its_owner_is_erased_leaves_nothing(
    embed: AnEmbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert = embed.index.upsert

    def erased_meanwhile(rows: object) -> None:
        erase(embed)
        upsert(rows)  # type: ignore[arg-type]

    monkeypatch.setattr(embed.index, "upsert", erased_meanwhile)
    assert embed.handle(a_change(embed.stored("m-1"))) == []
    assert is_empty(embed, "m-1")
    assert embed.outcomes("m-1") == []


def test_what_ingest_says_of_each_picture_may_come_first_and_the_count_is_the_same(embed: AnEmbed) -> None:
    embed.handle(a_change(embed.stored("m-1")), a_change(embed.stored("m-2")))
    rows = len(embed.rows("m-1", "m-2"))
    embed.handle(a_change("m-1", DELETED, version=2, owner_erased=True))
    erase(embed)
    embed.handle(a_change("m-2", DELETED, version=2, owner_erased=True))
    assert confirmations(embed) == [("features", 2, 0), ("index", rows, 0)]
    assert embed.outcomes("m-2") == ["embedded", "removed"]


def test_a_process_that_died_on_the_way_goes_on_and_counts_the_same(
    embed: AnEmbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed.handle(a_change(embed.stored("m-1")))
    rows = len(embed.rows("m-1"))

    def away() -> None:
        raise VectorIndexAway("away")

    monkeypatch.setattr(embed.index, "flush", away)
    with pytest.raises(VectorIndexAway):
        erase(embed)
    assert confirmations(embed) == []
    monkeypatch.undo()
    erase(embed)
    assert confirmations(embed) == [("features", 1, 0), ("index", rows, 0)]


def test_the_membership_is_kept_alive_while_an_index_takes_its_time(
    embed: AnEmbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = threading.Event()

    def takes_until_alive() -> bool:
        assert alive.wait(30)
        return True

    monkeypatch.setattr(embed.index, "erase_deleted", takes_until_alive)
    with ThreadPoolExecutor(1) as thread:
        Patiently(EraseOwner(embed.objects, [embed.index], embed.log, lambda: 7, KEPT_MS), thread, alive.set)(GONE)
    assert alive.is_set()
