"""Candidates scored in memory: the order of a search of the index, whatever ties, groups and bounds there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.features import FoundRegion
from nungil.pictures.pooling import summed_area, unit
from nungil.vector_index.exact import ExactVectorIndex
from nungil.vector_index.port import CATALOGUE, IndexRow, row_id
from services.search.core import Found, standing_for
from services.search.features import FeatureMap
from services.search.pool import CandidatePool, nearest, pool_of
from services.search.windows import vectors_of, windows

DIM = 16
STANDS = {"m-3": ("i-1", "i-2"), "m-7": ("i-2",), "m-9": ("i-3",)}


def some_rows(pictures: int, seed: int = 1) -> list[IndexRow]:
    vectors = unit(np.random.default_rng(seed).normal(size=(3 * pictures, DIM)).astype(np.float32))
    return [
        IndexRow(row_id(f"m-{i // 3}", i % 3), vectors[i], "shop", CATALOGUE, f"m-{i // 3}")
        for i in range(len(vectors))
    ]


def themselves(rows: Sequence[IndexRow]) -> dict[str, tuple[str, ...]]:
    return {row.media_id: STANDS.get(row.media_id, ()) for row in rows}


def searched(rows: Sequence[IndexRow], vector: NDArray[np.float32], limit: int) -> list[Found]:
    """What a search of all of them gives."""
    index = ExactVectorIndex(DIM)
    index.upsert(rows)
    [matches] = index.search(vector[None], tenant="shop", owners=[CATALOGUE], limit=len(rows))
    return standing_for(matches, themselves(rows))[:limit]


@pytest.mark.parametrize("limit", [1, 5, 50, 1_000])
def test_a_pool_gives_what_a_search_of_its_rows_gives(limit: int) -> None:
    rows = some_rows(200)
    pool = pool_of(rows[::-1], themselves(rows))
    for query in some_rows(5, seed=2):
        assert pool.best(query.vector, limit) == searched(rows, query.vector, limit)


def test_equal_scores_are_ordered_by_row_id() -> None:
    vector = unit(np.ones(DIM, np.float32))
    rows = [IndexRow(row_id(id_, 0), vector, "shop", CATALOGUE, id_) for id_ in ("m-10", "m-2", "m-1")]
    for limit in (1, 2, 3):
        pool = pool_of(rows, themselves(rows))
        assert [found.match.media_id for found in pool.best(vector, limit)] == ["m-10", "m-1", "m-2"][:limit]
        assert pool.best(vector, limit) == searched(rows, vector, limit)


def test_rows_closer_than_rounding_keep_their_exact_order() -> None:
    vector = unit(np.ones(DIM, np.float32))
    noise = np.random.default_rng(3).normal(size=(400, DIM)).astype(np.float32) * 1e-4
    rows = [IndexRow(row_id(f"m-{i}", 0), unit(vector + noise[i]), "shop", CATALOGUE, f"m-{i}") for i in range(400)]
    pool = pool_of(rows, {row.media_id: () for row in rows})
    index = ExactVectorIndex(DIM)
    index.upsert(rows)
    [matches] = index.search(vector[None], tenant="shop", owners=[CATALOGUE], limit=30)
    assert [found.match for found in pool.best(vector, 30)] == matches


def test_rows_of_one_picture_are_looked_past_until_there_are_enough_results() -> None:
    vector = unit(np.ones(DIM, np.float32))
    many = [IndexRow(row_id("m-1", n), vector, "shop", CATALOGUE, "m-1") for n in range(300)]
    rows = many + some_rows(40, seed=4)[6:]
    pool = pool_of(rows, {row.media_id: () for row in rows})
    found = pool.best(vector, 20)
    assert len({each.match.media_id for each in found}) == 20
    assert found[0].match.id == "m-1:0"


def test_a_picture_that_does_not_pass_is_no_candidate_and_a_denied_one_no_answer() -> None:
    rows = some_rows(10)
    pool = pool_of(rows, {f"m-{n}": () for n in range(5)})
    assert (len(pool), pool.media_ids) == (15, {f"m-{n}" for n in range(5)})
    found = pool.best(rows[0].vector, 50, {"m-0", "m-4"})
    assert {each.match.media_id for each in found} == {"m-1", "m-2", "m-3"}


def test_an_empty_pool_has_no_answers() -> None:
    empty: CandidatePool = pool_of([], {})
    assert (len(empty), empty.best(np.ones(DIM, np.float32), 10)) == (0, [])


def test_the_rows_kept_are_those_that_come_first_for_some_window() -> None:
    rows = some_rows(100)
    windows_ = np.stack([rows[7].vector, rows[150].vector])
    kept = nearest(rows, windows_, 40)
    for window in windows_:
        scores = {row.id: float(row.vector @ window) for row in rows}
        assert set(sorted(scores, key=lambda id_: -scores[id_])[:20]) <= {row.id for row in kept}
    assert len(kept) == 40
    assert nearest(rows, windows_, 300) == rows


def test_eighteen_windows_cover_the_picture() -> None:
    boxes = windows()
    assert len(boxes) == len(set(boxes)) == 18
    assert sorted({round(box.width, 2) for box in boxes}) == [0.3, 0.5, 0.7, 1.0]
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= 1 + 1e-9
        assert box.y + box.height <= 1 + 1e-9
    for x, y in np.random.default_rng(5).uniform(size=(50, 2)):
        for side in (0.5, 0.7, 1.0):
            assert any(box.width == side and box.x <= x <= box.x + side and box.y <= y <= box.y + side for box in boxes)


def test_a_picture_is_gathered_for_with_its_windows_and_its_regions() -> None:
    map_ = np.zeros((4, 4, DIM), np.float32)
    map_[:, :2, 0], map_[:, 2:, 1] = 1, 1
    region = unit(np.ones(DIM, np.float32))
    regions = {n: FoundRegion(n, Box(0, 0, 1, 1), region) for n in (0, 1)}
    vectors = vectors_of(FeatureMap(CATALOGUE, summed_area(map_), regions, None))
    assert vectors.shape == (19, DIM)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[-1], region)
    empty = vectors_of(FeatureMap(CATALOGUE, summed_area(np.zeros((4, 4, DIM), np.float32)), regions, None))
    assert empty.shape == (1, DIM)
