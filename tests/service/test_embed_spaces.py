"""Two encoder spaces beside each other: filled, compared, kept true to deletions, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nungil.object_store.keys import features_key
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.port import IndexRow
from services.embed.consumer import MediaChangedReader
from services.embed.handlers import RemoveDeleted, Tombstones
from services.embed.spaces import Space, compare_spaces, drop_space
from tests.embed_builders import DELETED, DOG, TENANT, AnEmbed, a_change, a_picture, an_embed
from tests.embed_fill_builders import OTHER, OTHER_SPACE, filled, many_pictures

PICTURES = 30


@pytest.fixture
def embed(tmp_path: Path) -> Iterator[AnEmbed]:
    with an_embed(tmp_path, batch_pictures=16) as embed:
        yield embed


@pytest.fixture
def new(embed: AnEmbed) -> ExactVectorIndex:
    """The rows of another space, of the same pictures."""
    many_pictures(embed, PICTURES)
    index = ExactVectorIndex(32)
    filled(embed, index, OTHER)
    return index


def spaces(embed: AnEmbed, new: ExactVectorIndex) -> tuple[Space, Space]:
    return Space(embed.encoder.space.name, embed.index), Space(OTHER_SPACE, new)


def test_a_space_agrees_with_itself(embed: AnEmbed, new: ExactVectorIndex) -> None:
    old, _ = spaces(embed, new)
    agreement = compare_spaces(embed.objects, old, old, sample=10, best=5)
    assert (agreement.in_both, agreement.sampled, agreement.overlap) == (PICTURES, 10, 1.0)


def test_two_spaces_agree_in_part_and_always_as_much(embed: AnEmbed, new: ExactVectorIndex) -> None:
    first = compare_spaces(embed.objects, *spaces(embed, new), sample=20, best=5)
    assert first == compare_spaces(embed.objects, *spaces(embed, new), sample=20, best=5)
    assert (first.in_old, first.in_new, first.sampled) == (PICTURES, PICTURES, 20)
    assert 0.0 < first.overlap < 1.0


def test_a_space_whose_rows_lie_elsewhere_does_not_agree(embed: AnEmbed, new: ExactVectorIndex) -> None:
    ids = [f"m-{n:03}" for n in range(PICTURES)]
    agreed = compare_spaces(embed.objects, *spaces(embed, new), sample=20, best=5).overlap
    for tenant in (TENANT, "shop"):
        rows = new.fetch(ids, tenant=tenant)
        turned = [IndexRow(a.id, b.vector, tenant, a.owner, a.media_id) for a, b in zip(rows, rows[::-1], strict=True)]
        new.upsert(turned)
    assert compare_spaces(embed.objects, *spaces(embed, new), sample=20, best=5).overlap < agreed


def test_what_is_in_one_space_only_is_counted(embed: AnEmbed, new: ExactVectorIndex) -> None:
    embed.handle(a_change(embed.stored("m-999", a_picture(of=DOG))))
    agreement = compare_spaces(embed.objects, *spaces(embed, new), sample=10, best=5)
    assert (agreement.in_old, agreement.in_new, agreement.in_both) == (PICTURES + 1, PICTURES, PICTURES)


def test_a_deletion_reaches_the_space_that_is_kept(embed: AnEmbed, new: ExactVectorIndex) -> None:
    deletion = a_change("m-001", DELETED, version=2)
    remove = RemoveDeleted(embed.objects, embed.index, embed.log, Tombstones(embed.objects), lambda: 7, [new])
    assert new.fetch(["m-001"], tenant=TENANT)
    MediaChangedReader(embed.read.embed, remove, embed.read.keep_alive)([deletion])
    assert new.fetch(["m-001"], tenant=TENANT) == []
    assert embed.rows("m-001") == []
    assert not embed.objects.exists(features_key(TENANT, "m-001", OTHER_SPACE))


def test_a_dropped_space_leaves_the_other_as_it_was(embed: AnEmbed, new: ExactVectorIndex) -> None:
    old, gone = spaces(embed, new)
    before = str(filled(embed, embed.index).after)
    assert drop_space(embed.objects, gone) == PICTURES
    assert new.count() == 0
    assert not embed.objects.exists(features_key(TENANT, "m-001", OTHER_SPACE))
    assert drop_space(embed.objects, gone) == 0
    done = filled(embed, old.index)
    assert (str(done.after), done.changed) == (before, 0)
