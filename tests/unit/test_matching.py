"""Agreement of maps, the part that matched, the calibrated decision, and a page that one shop does not fill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nungil.encoder.calibration import calibration_of
from nungil.encoder.open import EFFICIENTNET_LITE0
from nungil.pictures.boxes import WHOLE, Box, overlap
from nungil.pictures.objectness import objectness_from
from nungil.pictures.pooling import pool_box, summed_area
from nungil.pictures.regions import THINGS_KEPT, THINGS_SAME, find_things
from services.search.diversity import diverse
from services.search.judging import COHORT, DEFAULT_COSINE, Judge, judge_from, numbers_of
from services.search.matching import Look, asked_of, best_box, cells_agree, labels_agree, likeness

DIM = 8
LEFT = Box(0.0, 0.0, 0.5, 1.0)

NAMELESS = np.zeros((1, 10, 10), dtype=np.float32)  # the map of a label that is nowhere


def axis(n: int) -> NDArray[np.float32]:
    return np.eye(DIM, dtype=np.float32)[n]


def a_look(*things: tuple[Box, int], background: int = 7, side: int = 10) -> Look:
    """A map of `background` with things painted over it, each an axis of the space; label "left" lies in the left half."""
    cells = np.tile(axis(background), (side, side, 1))
    for box, thing in things:
        rows = slice(round(box.y * side), round((box.y + box.height) * side))
        cells[rows, round(box.x * side) : round((box.x + box.width) * side)] = axis(thing)
    label_map = np.zeros((1, side, side), dtype=np.float16)
    label_map[0, :, : side // 2] = 0.8
    return Look(cells.reshape(-1, DIM).astype(np.float16), ("left",), label_map.reshape(1, -1), side, side)


def test_the_same_parts_in_other_places_agree_although_the_whole_does_not() -> None:
    shown = Box(0.6, 0.6, 0.2, 0.2)
    asked = asked_of(a_look((Box(0.0, 0.0, 0.4, 0.4), 1)), Box(0.0, 0.0, 0.4, 0.4))
    holds, lacks = cells_agree(asked, [a_look((shown, 1)), a_look((shown, 2))])
    assert holds == pytest.approx(1.0, abs=1e-3)
    assert lacks == pytest.approx(0.0, abs=1e-3)


def test_a_cell_counts_by_how_much_of_it_is_asked_for() -> None:
    asked = asked_of(a_look((LEFT, 1)), Box(0.25, 0.0, 0.5, 1.0))
    assert asked.weights.sum() == pytest.approx(1.0)
    [agree] = cells_agree(asked, [a_look((WHOLE, 1))])
    assert agree == pytest.approx(0.5, abs=1e-3)


def test_labels_agree_by_what_lies_under_the_boxes() -> None:
    look = a_look()
    left, right = look.labels_in(LEFT), look.labels_in(Box(0.5, 0.0, 0.5, 1.0))
    assert labels_agree(left, left) == pytest.approx(0.8, abs=1e-3)
    assert labels_agree(left, right) == 0.0
    assert labels_agree(left, {}) == 0.0


def test_no_hits_have_no_agreement() -> None:
    assert cells_agree(asked_of(a_look(), WHOLE), []).shape == (0,)


@pytest.mark.parametrize("box", [Box(0.1, 0.2, 0.4, 0.3), Box(0.6, 0.0, 0.3, 0.7), WHOLE])
def test_the_part_that_matched_is_where_the_thing_is(box: Box) -> None:
    assert overlap(best_box(axis(1), a_look((box, 1))), box) >= 0.7


def test_of_windows_that_match_alike_the_larger_is_shown() -> None:
    assert best_box(axis(7), a_look()) == WHOLE


def a_judge() -> Judge:
    return Judge(0.3, (4.0, 2.0, 1.0, 2.0), -4.0, 0.0)


def numbers(*given: float) -> NDArray[np.float32]:
    return np.array(given, dtype=np.float32)


def judged(cosine: list[float], cells: list[float], labels: list[float]) -> NDArray[np.float32]:
    return numbers_of(numbers(*cosine), numbers(*cells), numbers(*labels), {"dog": 0.6}, 1.0)


def test_cells_and_labels_decide_between_hits_of_the_same_cosine() -> None:
    assert a_judge().same(judged([0.5, 0.5], [0.7, 0.1], [0.5, 0.0]), 0).tolist() == [True, False]


def test_without_weights_the_cosine_decides_alone() -> None:
    assert Judge(0.3).same(judged([0.31, 0.29], [0, 1], [0, 1]), 0).tolist() == [True, False]
    assert a_judge().same(judged([], [], []), 0).tolist() == []


def test_among_enough_hits_one_that_stands_out_is_the_same_and_one_like_all_the_others_is_not() -> None:
    judge = judge_from(calibration_of(EFFICIENTNET_LITE0.name)["judging"], None)
    others = np.linspace(0.3, 0.15, COHORT - 1).tolist()
    alone = judge.same(judged([0.6, *others], [0.5, *others], [0.5] + [0.1] * (COHORT - 1)), 0)
    level = judge.same(judged([0.31, *others], [0.31, *others], [0.1] * COHORT), 0)
    assert (bool(alone[0]), bool(level[0])) == (True, False)
    assert not alone[COHORT // 2 :].any()
    assert not level.any()


@given(st.integers(1, 60), st.integers(0, 1000))
def test_what_hits_are_judged_by_does_not_depend_on_their_order(n: int, seed: int) -> None:
    cosine, cells, labels = np.random.default_rng(seed).random((3, n)).astype(np.float32)
    order = np.random.default_rng(seed).permutation(n)
    shuffled = numbers_of(cosine[order], cells[order], labels[order], {"dog": 0.7}, 0.2)
    np.testing.assert_allclose(shuffled, numbers_of(cosine, cells, labels, {"dog": 0.7}, 0.2)[order], atol=1e-5)
    assert np.isfinite(shuffled).all()


def test_an_operators_cut_replaces_the_calibration_and_a_space_without_one_has_the_default() -> None:
    calibrated = calibration_of(EFFICIENTNET_LITE0.name)["judging"]
    assert judge_from(calibrated, 0.6) == Judge(0.6)
    assert judge_from(None, None) == Judge(DEFAULT_COSINE)
    assert judge_from(calibrated, None).weights is not None
    assert calibration_of("tiny-64-v1") == {}


def test_likeness_grows_with_each_agreement() -> None:
    def alike(*agreements: float) -> NDArray[np.float32]:
        return likeness(*(numbers(n) for n in agreements), axis(0)[None])

    for higher in ((0.5, 0.4, 0.2), (0.4, 0.5, 0.2), (0.4, 0.4, 0.3)):
        assert alike(*higher) > alike(0.4, 0.4, 0.2)


def a_page(*best: int, last: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Agreements and parts of thirty hits: the best show these axes, the last ones `last`, and between them are others."""
    agreements = np.concatenate([np.linspace(0.6, 0.57, len(best)), np.full(30 - len(best), 0.4)]).astype(np.float32)
    between = np.tile(axis(7), (30 - len(best) - len(last), 1))
    return agreements, np.concatenate([np.stack([axis(n) for n in best]), between, last])


def test_what_is_like_the_likeliest_hits_is_likelier() -> None:
    level, parts = a_page(1, 1, 1, 2, last=np.stack([axis(3), axis(1), axis(2), 0 * axis(1)]))
    alone, with_three, with_one, not_known = likeness(level, level, 0 * level, parts)[-4:]
    assert with_three > with_one > alone == not_known == pytest.approx(0.4)


def test_of_few_hits_none_speaks_for_the_others() -> None:
    for n in (0, 1, 6):
        level = np.linspace(0.6, 0.4, n).astype(np.float32)
        np.testing.assert_allclose(likeness(level, level, 0 * level, np.tile(axis(1), (n, 1))), level)


def test_one_shop_does_not_fill_the_page_and_nothing_is_dropped() -> None:
    alike = numbers(0.60, 0.59, 0.58, 0.57, 0.56, 0.555)
    order = diverse(alike, np.eye(6, dtype=np.float32), ["Nun", "Nun", "Nun", "Nun", "Nun", "Gil"])
    assert order == [0, 1, 2, 5, 3, 4]


def test_the_same_picture_a_third_time_waits() -> None:
    vectors = np.stack([axis(0), axis(0), axis(0), axis(1)])
    assert diverse(numbers(0.60, 0.59, 0.58, 0.57), vectors, [""] * 4) == [0, 1, 3, 2]


def test_what_is_much_more_alike_waits_for_nobody() -> None:
    vectors = np.stack([axis(0), axis(0), axis(0), axis(1)])
    assert diverse(numbers(0.9, 0.89, 0.88, 0.3), vectors, ["Nun"] * 4) == [0, 1, 2, 3]


def test_things_of_a_map_are_bounded_apart_and_the_whole_is_first() -> None:
    fitted = objectness_from(calibration_of(EFFICIENTNET_LITE0.name)["regions"])
    random = np.random.default_rng(3)
    for _ in range(5):
        whole, *things = find_things(random.standard_normal((10, 10, 256)).astype(np.float32), NAMELESS, fitted)
        assert whole == WHOLE
        assert len(things) <= THINGS_KEPT
        assert all(overlap(a, b) <= THINGS_SAME + 1e-6 for i, a in enumerate(things) for b in things[:i])
        assert all(box.x >= 0 and box.x + box.width <= 1 + 1e-9 and box.area <= 0.85 for box in things)


def test_no_thing_is_found_on_a_blank_ground_which_has_no_direction() -> None:
    fitted = objectness_from(calibration_of(EFFICIENTNET_LITE0.name)["regions"])
    map_ = np.zeros((10, 10, 256), dtype=np.float32)
    map_[3:6, 3:6] = np.random.default_rng(3).standard_normal(256)
    table = summed_area(map_)
    _, *things = find_things(map_, NAMELESS, replace(fitted, cut=-100.0))
    assert things
    assert all(pool_box(table, box).any() for box in things)
