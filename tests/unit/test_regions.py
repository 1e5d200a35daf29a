"""Regions from a map of labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nungil.pictures.boxes import WHOLE, Box, overlap
from nungil.pictures.features import FoundLabel
from nungil.pictures.regions import LABELS_KEPT, REGIONS_KEPT, SAME, find_boxes, labels_of, strongest_labels


def a_map(*painted: tuple[slice, slice, float], labels: int = 0) -> NDArray[np.float32]:
    """[labels, 10, 10]: the nth label has a probability in the nth painted cells and none elsewhere."""
    map_ = np.zeros((max(labels, len(painted)), 10, 10), dtype=np.float32)
    for n, (rows, columns, probability) in enumerate(painted):
        map_[n, rows, columns] = probability
    return map_


def test_the_whole_picture_comes_first_even_where_nothing_is_found() -> None:
    assert find_boxes(a_map(labels=3)) == (WHOLE,)


def test_a_label_becomes_the_box_of_its_cells() -> None:
    whole, box = find_boxes(a_map((slice(2, 5), slice(6, 10), 0.9)))
    assert whole == WHOLE
    assert (box.x, box.y, box.width, box.height) == pytest.approx((0.6, 0.2, 0.4, 0.3))


def test_the_surest_label_comes_first() -> None:
    boxes = find_boxes(a_map((slice(0, 3), slice(0, 3), 0.5), (slice(6, 10), slice(6, 10), 0.9)))
    assert [round(box.x, 1) for box in boxes[1:]] == [0.6, 0.0]


def test_two_labels_of_one_thing_give_one_box() -> None:
    boxes = find_boxes(a_map((slice(2, 6), slice(2, 6), 0.5), (slice(2, 6), slice(2, 7), 0.4)))
    assert len(boxes) == 2


def test_cells_that_do_not_touch_the_peak_are_left_out() -> None:
    map_ = a_map((slice(0, 3), slice(0, 3), 0.8))
    map_[0, 7:, 7:] = 0.6
    [_, box] = find_boxes(map_)
    assert (box.width, box.height) == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize(
    "painted",
    [
        (slice(4, 5), slice(4, 5), 0.9),  # one cell
        (slice(0, 10), slice(0, 10), 0.9),  # everything
        (slice(2, 6), slice(2, 6), 0.05),  # hardly probable
    ],
)
def test_what_is_tiny_or_everything_or_improbable_is_no_region(painted: tuple[slice, slice, float]) -> None:
    assert find_boxes(a_map(painted)) == (WHOLE,)


def test_there_are_never_more_regions_than_the_limit_and_none_twice() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        boxes = find_boxes(random.random((LABELS_KEPT, 10, 10), dtype=np.float32) ** 4)
        assert len(boxes) <= 1 + REGIONS_KEPT
        regions = boxes[1:]
        assert all(overlap(a, b) <= SAME for i, a in enumerate(regions) for b in regions[:i])
        assert all(min(b.x, b.y) >= 0 and max(b.x + b.width, b.y + b.height) <= 1 + 1e-9 for b in boxes)


def test_a_region_is_named_by_what_lies_in_it() -> None:
    map_ = a_map((slice(0, 5), slice(0, 5), 0.9), (slice(5, 10), slice(5, 10), 0.8))
    named = (FoundLabel("dog", 0.2), FoundLabel("mountain", 0.2))
    dog, mountain, half = labels_of(map_, named, [Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 0.5, 0.5), Box(0, 0, 0.5, 1)])
    assert [label.id for label in dog] == ["dog"]
    assert [label.id for label in mountain] == ["mountain"]
    assert half[0].score == pytest.approx(0.45, abs=1e-3)


def test_the_labels_kept_are_the_strongest_of_any_cell_ordered_by_the_whole() -> None:
    label_maps = np.full((10, 10, 100), 1e-4, dtype=np.float32)
    label_maps[3, 3, 70] = 0.9  # strong, in one cell
    label_maps[..., 20] = 0.3  # weaker, everywhere
    found, kept = strongest_labels(label_maps, [f"label-{n}" for n in range(100)])
    assert len(found) == len(kept) == LABELS_KEPT
    assert [label.id for label in found[:2]] == ["label-20", "label-70"]
    assert found[0].score == pytest.approx(0.3, abs=1e-3)
    assert kept[1].shape == (10, 10)
    assert kept[1, 3, 3] == pytest.approx(0.9)


def test_an_encoder_of_few_labels_keeps_them_all() -> None:
    found, kept = strongest_labels(np.full((8, 8, 3), 1 / 3, dtype=np.float32), ["a", "b", "c"])
    assert len(found) == 3
    assert kept.shape == (3, 8, 8)
