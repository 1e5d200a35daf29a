"""Boxes: clipped to the picture, or refused with what would be taken."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nungil.pictures.boxes import ACCEPTED, WHOLE, Box, InvalidBox, clip, overlap

numbers = st.floats(-2, 3, allow_nan=False)
sizes = st.floats(0.001, 3)
boxes = st.builds(Box, numbers, numbers, sizes, sizes)
inner = st.builds(
    lambda x, y, w, h: Box(x, y, w * (1 - x), h * (1 - y)),
    st.floats(0, 0.99),
    st.floats(0, 0.99),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)


@given(inner)
def test_a_box_within_stays_as_it_is(box: Box) -> None:
    clipped, cut = clip(box)
    assert not cut
    for before, after in zip(_numbers(box), _numbers(clipped), strict=True):
        assert after == pytest.approx(before, abs=1e-6)


@given(boxes)
def test_a_clipped_box_lies_within_both(box: Box) -> None:
    try:
        clipped, cut = clip(box)
    except InvalidBox:
        width = min(box.x + box.width, 1) - max(box.x, 0)
        height = min(box.y + box.height, 1) - max(box.y, 0)
        assert width <= 1e-8 or height <= 1e-8
        return
    assert clipped.width > 0
    assert clipped.height > 0
    for low, high in ((clipped.x, clipped.x + clipped.width), (clipped.y, clipped.y + clipped.height)):
        assert low >= 0
        assert high <= 1 + 1e-12
    assert clipped.x >= box.x
    assert clipped.y >= box.y
    assert clipped.x + clipped.width <= box.x + box.width + 1e-12
    assert cut == (max(abs(a - b) for a, b in zip(_numbers(box), _numbers(clipped), strict=True)) > 1e-6)


@given(boxes)
def test_clipping_twice_is_clipping_once(box: Box) -> None:
    try:
        clipped, _ = clip(box)
    except InvalidBox:
        assume(False)
    again, cut = clip(clipped)
    assert not cut
    assert _numbers(again) == pytest.approx(_numbers(clipped), abs=1e-9)


def test_a_box_partly_outside_is_clipped_and_said_so() -> None:
    assert clip(Box(-0.5, 0.5, 1.0, 1.0)) == (Box(0.0, 0.5, 0.5, 0.5), True)


@pytest.mark.parametrize(
    "box",
    [
        Box(1.0, 0, 0.5, 0.5),
        Box(0, -0.5, 1, 0.5),
        Box(0, 0, 0, 1),
        Box(0, 0, 1, -0.1),
        Box(math.nan, 0, 1, 1),
        Box(0, 0, math.inf, 1),
        Box(0, -math.inf, 1, 1),
    ],
)
def test_a_box_outside_empty_or_not_of_numbers_is_refused_with_the_accepted_range(box: Box) -> None:
    with pytest.raises(InvalidBox) as error:
        clip(box)
    assert ACCEPTED in str(error.value)
    assert error.value.http_status == 422


@given(inner, inner)
def test_overlap_is_symmetric_and_at_most_one(a: Box, b: Box) -> None:
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert 0 <= overlap(a, b) <= 1 + 1e-9


@given(inner)
def test_a_box_overlaps_itself_wholly_and_the_picture_by_its_area(box: Box) -> None:
    assert overlap(box, box) == pytest.approx(1)
    assert overlap(box, WHOLE) == pytest.approx(box.area, abs=1e-9)


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert overlap(Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1)) == 0


def _numbers(box: Box) -> list[float]:
    return [box.x, box.y, box.width, box.height]
