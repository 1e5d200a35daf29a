"""Dominant colours."""

from __future__ import annotations

import numpy as np
import pytest

from nungil.pictures.colours import COLOURS_KEPT, SMALLEST_SHARE, dominant_colours
from nungil.pictures.lab import to_lab
from nungil.taxonomy.taxonomy import load_taxonomy

TERMS = load_taxonomy().colours


@pytest.mark.parametrize("id_", TERMS)
def test_a_picture_of_one_colour_has_that_colour(id_: str) -> None:
    rgb = TERMS[id_].rgb
    picture = np.full((30, 50, 3), (rgb >> 16, rgb >> 8 & 255, rgb & 255), dtype=np.uint8)
    [found] = dominant_colours(picture, TERMS)
    assert (found.id, found.rgb, found.share) == (id_, rgb, 1.0)


def test_shares_are_those_of_the_pixels_largest_first() -> None:
    picture = np.full((100, 100, 3), (200, 32, 42), dtype=np.uint8)
    picture[:, :25] = (31, 79, 224)
    found = dominant_colours(picture, TERMS)
    assert [colour.id for colour in found] == ["red", "blue"]
    assert [colour.share for colour in found] == pytest.approx([0.75, 0.25], abs=0.02)


def test_a_colour_of_less_than_a_twentieth_is_left_out() -> None:
    picture = np.full((100, 100, 3), 250, dtype=np.uint8)
    picture[:3] = (200, 32, 42)
    assert [colour.id for colour in dominant_colours(picture, TERMS)] == ["white"]


def test_there_are_at_most_five() -> None:
    stripes = np.array([[entry.rgb >> 16, entry.rgb >> 8 & 255, entry.rgb & 255] for entry in TERMS.values()])
    picture = stripes.astype(np.uint8).repeat(40, axis=0)[None].repeat(40, axis=0)
    found = dominant_colours(picture, TERMS)
    assert len(found) <= COLOURS_KEPT
    assert all(colour.share >= SMALLEST_SHARE for colour in found)


def test_the_centre_is_the_mean_of_its_own_pixels() -> None:
    picture = np.full((64, 64, 3), (200, 30, 40), dtype=np.uint8)
    picture[:, 32:] = (210, 40, 50)
    [red] = dominant_colours(picture, TERMS)
    assert red.rgb == 0xCD232D


@pytest.mark.parametrize(
    ("rgb", "lab"),  # as skimage 0.25 gives them under D65
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_is_that_of_the_standard(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    assert to_lab(np.array(rgb)) == pytest.approx(np.array(lab), abs=0.05)
