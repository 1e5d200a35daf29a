"""How what was found in a picture becomes findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from profile_builders import LEFT, RIGHT, a_picture, a_taxonomy

from nungil.pictures.boxes import WHOLE, Box, InvalidBox
from nungil.pictures.features import Features, FoundColour, FoundLabel
from nungil.taxonomy.taxonomy import load_taxonomy
from services.profile.evidence import FINDINGS_KEPT, LABELS_KEPT, Reading

READ = Reading(a_taxonomy(), floor=0.25)
NAMES = ("golden_retriever", "beagle", "tabby", "alp", "rug")


def a_map(label_map: np.ndarray, names: tuple[str, ...] = NAMES) -> Features:
    labels = tuple(FoundLabel(name, 0.5) for name in names)
    map_ = np.zeros((*label_map.shape[1:], 8), np.float32)
    return Features("t", "m", "p", "s", 1, 64, 64, map_, (), labels, label_map)


def found(features: Features, box: Box | None = None) -> dict[str, float]:
    return {finding.interest: finding.score for finding in READ(features, box)}


def test_many_unsure_breeds_make_a_sure_dog():
    shows = [("golden_retriever", 0.3), ("beagle", 0.3)]
    assert found(a_picture(owner="p", shows=shows)) == pytest.approx({"dogs": 0.6, "pets": 0.6}, abs=1e-3)


def test_what_every_label_has_a_little_of_is_noise():
    assert found(a_picture(owner="p", shows=[(name, 0.019) for name in NAMES])) == {}


def test_a_label_that_says_nothing_of_a_person_makes_nothing():
    assert found(a_picture(owner="p", shows=[("rug", 1.0)])) == {}


def test_a_label_that_the_taxonomy_does_not_know_makes_nothing():
    assert found(a_map(np.ones((1, 4, 4), np.float32), ("unheard_of",))) == {}


def test_a_picture_without_labels_makes_nothing():
    assert found(a_map(np.zeros((0, 4, 4), np.float32), ())) == {}


def test_a_small_part_has_to_be_surer_than_a_large_one():
    label_map = np.zeros((5, 10, 10), np.float32)
    label_map[3, :, :5] = 0.4  # an alp over half of the picture
    label_map[0, 8:, 8:] = 0.4  # a dog in a corner
    assert set(found(a_map(label_map))) == {"mountains", "outdoors"}
    label_map[0, 7:, 7:] = 0.9
    assert "dogs" in found(a_map(label_map))


def test_the_reason_is_the_part_and_its_labels_are_those_of_the_part():
    picture = a_picture(owner="p", shows={LEFT: [("beagle", 0.7), ("golden_retriever", 0.2)], RIGHT: [("alp", 0.8)]})
    by_interest = {finding.interest: finding for finding in READ(picture, None)}
    assert by_interest["dogs"].box == LEFT
    assert [name for name, _ in by_interest["dogs"].labels] == ["beagle", "golden_retriever"]
    assert by_interest["mountains"].box == RIGHT
    assert by_interest["mountains"].labels == (("alp", 0.8),)


def test_of_equal_parts_the_largest_is_the_reason():
    picture = a_picture(owner="p", shows=[("beagle", 0.8)])
    assert READ(picture, None)[0].box == WHOLE


def test_under_a_box_only_what_lies_there_counts():
    picture = a_picture(owner="p", shows={LEFT: [("beagle", 0.7)], RIGHT: [("alp", 0.8)]})
    assert found(picture, RIGHT) == pytest.approx({"mountains": 0.8, "outdoors": 0.8}, abs=1e-3)


def test_what_is_pointed_at_counts_however_small_it_is():
    label_map = np.zeros((5, 10, 10), np.float32)
    label_map[0, 9, 9] = 0.6
    assert found(a_map(label_map)) == {}
    assert found(a_map(label_map), Box(0.9, 0.9, 0.1, 0.1)) == pytest.approx({"dogs": 0.6, "pets": 0.6}, abs=1e-3)


def test_a_box_that_reaches_over_the_edge_is_clipped():
    picture = a_picture(owner="p", shows={LEFT: [("beagle", 0.7)], RIGHT: [("alp", 0.8)]})
    [first, *_] = READ(picture, Box(0.5, -1.0, 9.0, 3.0))
    assert first.box == RIGHT


def test_a_box_outside_is_refused():
    with pytest.raises(InvalidBox):
        READ(a_picture(owner="p"), Box(2, 2, 1, 1))


boxes = st.builds(Box, st.floats(-0.5, 0.9), st.floats(-0.5, 0.9), st.floats(0.6, 2), st.floats(0.6, 2))
label_maps = arrays.arrays(np.float32, (5, 6, 7), elements=st.floats(0, 1, width=32))


@given(label_maps, st.none() | boxes)
def test_findings_are_bounded_sure_enough_and_within_the_picture(label_map, box):
    findings = READ(a_map(label_map), box)
    assert len(findings) <= FINDINGS_KEPT
    assert len({finding.interest for finding in findings}) == len(findings)
    for finding in findings:
        assert 0.25 <= finding.score <= 1
        assert len(finding.labels) <= LABELS_KEPT
        part = finding.box
        assert part.x >= 0
        assert part.y >= 0
        assert part.x + part.width <= 1 + 1e-9
        assert part.y + part.height <= 1 + 1e-9


@given(label_maps)
def test_a_broader_interest_is_at_least_as_present_as_a_narrower_one(label_map):
    interests = set(found(a_map(label_map)))
    assert ("pets" in interests) >= bool(interests & {"dogs", "cats"})
    assert ("outdoors" in interests) >= ("mountains" in interests)


def coloured(*colours: tuple[int, float]) -> Features:
    found = tuple(FoundColour(f"c-{n}", rgb, share) for n, (rgb, share) in enumerate(colours))
    return replace(a_map(np.zeros((0, 4, 4), np.float32), ()), colours=found)


def palettes(*colours: tuple[int, float]) -> set[str]:
    findings = Reading(load_taxonomy(), floor=0.25)(coloured(*colours), None)
    assert all(finding.box == WHOLE and finding.labels == () and 0 < finding.score <= 0.5 for finding in findings)
    return {finding.interest for finding in findings}


@pytest.mark.parametrize(
    ("colours", "palette"),
    [
        ([(0x808080, 0.6), (0xF5F5F3, 0.4)], "neutral_tones"),
        ([(0x141210, 0.7), (0xC8A060, 0.2)], "dark_tones"),
        ([(0x7A5A3A, 0.4), (0x94774F, 0.3)], "earth_tones"),
        ([(0xF3C6D2, 0.5), (0xFFFFFF, 0.3)], "pastel_colours"),
        ([(0xD81E28, 0.4), (0x808080, 0.6)], "vivid_colours"),
        ([(0x5A8F4A, 0.6)], "green_tones"),
        ([(0x4A78B8, 0.6)], "blue_tones"),
    ],
)
def test_the_colours_of_a_whole_picture_speak_for_their_palette(colours: list[tuple[int, float]], palette: str):
    assert palette in palettes(*colours)
    assert not {"colour_palettes", "looks"} & palettes(*colours)


def test_colours_that_cover_little_say_nothing():
    assert palettes((0xD81E28, 0.2), (0xF3C6D2, 0.2), (0x7A5A3A, 0.3)) == set()


def test_a_part_that_was_pointed_at_is_not_known_by_the_colours_of_its_picture():
    assert Reading(load_taxonomy(), floor=0.25)(coloured((0xD81E28, 1.0)), Box(0, 0, 0.5, 0.5)) == ()
