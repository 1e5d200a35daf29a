"""What a board shows, as a few vectors."""

from __future__ import annotations

import numpy as np
import pytest

from nungil.pictures.pooling import unit
from services.profile.themes import MOST_THEMES, themes


def around(axis: int, n: int, rng: np.random.Generator, dim: int = 16):
    return [unit((np.eye(dim)[axis] + rng.normal(0, 0.05, dim)).astype(np.float32)) for _ in range(n)]


def test_few_pins_are_themes_themselves():
    vectors = around(0, 1, np.random.default_rng(1)) + around(1, 1, np.random.default_rng(2))
    found = themes(vectors)
    assert [theme.pins for theme in found] == [1, 1]
    for theme, vector in zip(found, vectors, strict=True):
        np.testing.assert_allclose(theme.vector, vector, atol=1e-6)
    assert themes([]) == []


def test_many_pins_become_few_themes_each_of_what_is_alike_most_pins_first():
    rng = np.random.default_rng(3)
    sizes = [12, 9, 7, 6, 5, 4, 3, 2]
    groups = [around(axis, size, rng) for axis, size in enumerate(sizes)]
    mixed = [vector for group in groups for vector in group]
    found = themes([mixed[i] for i in rng.permutation(len(mixed))])
    assert [theme.pins for theme in found] == sizes
    assert len(found) == MOST_THEMES
    for axis, theme in enumerate(found):
        assert np.linalg.norm(theme.vector) == pytest.approx(1.0, abs=1e-5)
        assert int(np.argmax(theme.vector)) == axis


def test_what_cancels_out_is_no_theme():
    vector = unit(np.arange(1, 5, dtype=np.float32))
    spread = [unit(np.eye(4, dtype=np.float32)[n % 4] + 0.01 * n) for n in range(MOST_THEMES)]
    found = themes([vector, *spread, -vector])
    assert sum(theme.pins for theme in found) <= MOST_THEMES + 2
    assert all(np.linalg.norm(theme.vector) == pytest.approx(1.0, abs=1e-5) for theme in found)
