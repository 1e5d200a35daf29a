"""Pooling: the area-weighted mean of the cells under a box, against counting it out cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nungil.pictures.boxes import WHOLE, Box
from nungil.pictures.pooling import pool_box, summed_area, unit

inner = st.builds(
    lambda x, y, w, h: Box(x, y, max(w * (1 - x), 1e-4), max(h * (1 - y), 1e-4)),
    st.floats(0, 0.99),
    st.floats(0, 0.99),
    st.floats(0.001, 1),
    st.floats(0.001, 1),
)


def a_map(rows: int = 10, columns: int = 10, dim: int = 5, *, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, columns, dim)).astype(np.float32)


def counted_out(map_: NDArray[np.float32], box: Box) -> NDArray[np.float64]:
    """The mean over cells, each weighted by the part of it under the box."""
    rows, columns, dim = map_.shape
    total, area = np.zeros(dim), 0.0
    for i in range(rows):
        height = min((box.y + box.height) * rows, i + 1) - max(box.y * rows, i)
        for j in range(columns):
            width = min((box.x + box.width) * columns, j + 1) - max(box.x * columns, j)
            if height > 0 and width > 0:
                total += height * width * map_[i, j].astype(np.float64)
                area += height * width
    return total / area


@settings(deadline=None)
@given(inner, st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_pooling_is_the_area_weighted_mean(box: Box, rows: int, columns: int, seed: int) -> None:
    map_ = a_map(rows, columns, seed=seed)
    assert pool_box(summed_area(map_), box) == pytest.approx(counted_out(map_, box), abs=1e-4)


@given(inner)
def test_a_map_of_one_value_pools_to_it(box: Box) -> None:
    map_ = np.full((8, 8, 3), 2.5, dtype=np.float32)
    assert pool_box(summed_area(map_), box) == pytest.approx(np.full(3, 2.5), abs=1e-4)


def test_the_whole_is_the_mean_of_all_cells() -> None:
    map_ = a_map(7, 9)
    assert pool_box(summed_area(map_), WHOLE) == pytest.approx(map_.mean(axis=(0, 1)), abs=1e-5)


def test_one_cell_is_that_cell() -> None:
    map_ = a_map(10, 10)
    assert pool_box(summed_area(map_), Box(0.3, 0.7, 0.1, 0.1)) == pytest.approx(map_[7, 3], abs=1e-5)


def test_two_halves_make_the_whole() -> None:
    table = summed_area(a_map(5, 8))
    left, right = pool_box(table, Box(0, 0, 0.3, 1)), pool_box(table, Box(0.3, 0, 0.7, 1))
    assert 0.3 * left + 0.7 * right == pytest.approx(pool_box(table, WHOLE), abs=1e-5)


def test_a_unit_vector_has_length_one_and_a_zero_stays_zero() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    assert unit(vectors).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]
    assert unit(vectors).dtype == np.float32
