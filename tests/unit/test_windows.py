"""Sums over all windows at once are the sums over each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nungil.encoder.calibration import calibration_of
from nungil.encoder.open import EFFICIENTNET_LITE0
from nungil.pictures.objectness import by_band, objectness_from, scores_of, windows_of
from nungil.pictures.windows import members, pair_sums, pairs, spans_of, sums, wider


def test_spans_are_all_of_a_wanted_length() -> None:
    assert spans_of(3).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert spans_of(4, {2, 4}.__contains__).tolist() == [[0, 2], [0, 4], [1, 3], [2, 4]]
    assert wider(spans_of(4, {2, 4}.__contains__), 4).tolist() == [[0, 3], [0, 4], [0, 4], [1, 4]]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1000))
def test_of_each_window_the_cells_and_the_pairs_of_cells_are_summed(rows: int, columns: int, seed: int) -> None:
    map_ = np.random.default_rng(seed).random((rows, columns, 3)).astype(np.float32)
    flat = map_.reshape(-1, 3)
    spans = spans_of(rows), spans_of(columns)
    beside = wider(spans[0], rows), wider(spans[1], columns)
    (down, across), (taller, broader) = (
        [members(each, n) for each, n in zip(of, (rows, columns), strict=True)] for of in (spans, beside)
    )
    summed = sums(down, across, map_)
    mixed = pair_sums(pairs(down, taller), pairs(across, broader), flat @ flat.T)
    for i, j in np.ndindex(len(spans[0]), len(spans[1])):
        inside, around = (map_[slice(*of[0][i]), slice(*of[1][j])].reshape(-1, 3).sum(axis=0) for of in (spans, beside))
        np.testing.assert_allclose(summed[i, j], inside, rtol=1e-5)
        np.testing.assert_allclose(mixed[i, j], inside @ around, rtol=1e-4)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 1000))
def test_windows_know_what_is_inside_and_around_them(rows: int, columns: int, seed: int) -> None:
    windows = windows_of(rows, columns)
    map_ = np.random.default_rng(seed).random((rows, columns, 2)).astype(np.float32)
    inside, around = windows.sums(map_)
    flat = map_.reshape(-1, 2)
    both, mixed, outside = windows.pair_sums(flat @ flat.T)
    for n, (top, bottom, left, right) in enumerate(windows.edges.tolist()):
        own = map_[top:bottom, left:right]
        wide = map_[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
        a = own.sum(axis=(0, 1), dtype=np.float64)
        b = wide.sum(axis=(0, 1), dtype=np.float64) - a
        np.testing.assert_allclose([*inside[n], *around[n]], [*a, *b], atol=1e-4)
        np.testing.assert_allclose([both[n], mixed[n], outside[n]], [a @ a, a @ b, b @ b], atol=1e-3)
        assert windows.count[n] == own[..., 0].size
        assert windows.rim[n] == max(wide[..., 0].size - own[..., 0].size, 1)


def test_scores_are_the_fitted_weights_of_each_number_in_each_band() -> None:
    fitted = objectness_from(calibration_of(EFFICIENTNET_LITE0.name)["regions"])
    windows = windows_of(10, 10)
    numbers = np.random.default_rng(3).random((len(windows.edges), len(fitted.means))).astype(np.float32)
    standard = (numbers - fitted.means) / fitted.scales
    wanted = by_band(standard, windows.bands) @ fitted.weights + fitted.offset
    np.testing.assert_allclose(scores_of(numbers, windows, fitted), wanted, rtol=1e-3, atol=1e-3)
