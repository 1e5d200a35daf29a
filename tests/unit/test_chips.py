"""Chips: which tags are offered to narrow the present results."""

from __future__ import annotations

import random

import pytest

from services.search.chips import choose
from services.search.core import Tag, TagKind


def label(id_: str) -> Tag:
    return Tag(TagKind.LABEL, id_)


def colour(id_: str) -> Tag:
    return Tag(TagKind.COLOUR, id_)


def shop(id_: str) -> Tag:
    return Tag(TagKind.SHOP, id_)


def results(*groups: tuple[int, tuple[Tag, ...]]) -> list[set[Tag]]:
    """So many results with these tags each."""
    return [set(tags) for count, tags in groups for _ in range(count)]


def test_each_chip_tells_how_many_of_the_results_have_it() -> None:
    shown = results((3, (colour("red"), label("sofa"))), (4, (colour("red"), label("lamp"))), (5, (label("lamp"),)))
    for tag, count in choose(shown, at_most=10):
        assert count == sum(tag in tags for tags in shown)


def test_what_all_or_nearly_all_or_hardly_any_have_is_no_chip() -> None:
    shown = results((10, (label("sofa"), colour("red"))), (10, (label("sofa"),)))
    shown[0].add(shop("Nun"))
    for tags in shown[1:]:
        tags.add(shop("Gil"))
    assert choose(shown, at_most=10) == [(colour("red"), 10)]


def test_what_halves_the_results_comes_before_what_hardly_parts_them() -> None:
    shown = results((10, (colour("red"),)), (8, ()), (2, (colour("blue"),)))
    assert choose(shown, at_most=1) == [(colour("red"), 10)]


def test_what_says_the_same_as_a_chosen_chip_is_skipped() -> None:
    both = (label("sofa"), label("living_room"))
    shown = results((10, both), (1, (label("living_room"),)), (11, ()))
    assert choose(shown, at_most=10) == [(label("living_room"), 11)]


def test_what_repeats_a_chosen_chip_least_comes_next() -> None:
    shown = results(
        (6, (label("sofa"), colour("red"))),
        (2, (label("sofa"), colour("red"), shop("Nun"))),
        (2, (label("sofa"), shop("Nun"))),
        (6, (shop("Nun"),)),
        (4, ()),
    )
    assert {tag for tag, _ in choose(shown, at_most=2)} == {label("sofa"), shop("Nun")}


def test_all_colours_are_shown_where_each_result_has_one_of_them() -> None:
    shown = results((5, (colour("red"),)), (5, (colour("blue"),)), (5, (colour("green"),)))
    assert [tag.id for tag, _ in choose(shown, at_most=5)] == ["blue", "green", "red"]


def test_chips_come_by_kind_and_then_the_most_frequent_first() -> None:
    shown = results((5, (shop("Nun"), colour("red"))), (4, (label("sofa"), colour("blue"))), (3, (label("lamp"),)))
    order = [(tag.kind.value, -count) for tag, count in choose(shown, at_most=10)]
    assert len(order) >= 3
    assert order == sorted(order)


def test_the_order_of_the_results_does_not_matter() -> None:
    dice = random.Random(7)
    tags = [label("a"), label("b"), colour("c"), colour("d"), shop("e"), shop("f")]
    shown = [{tag for tag in tags if dice.random() < 0.4} for _ in range(60)]
    first = choose(shown, at_most=4)
    for _ in range(5):
        dice.shuffle(shown)
        assert choose(shown, at_most=4) == first


def test_no_more_chips_than_were_asked_for() -> None:
    dice = random.Random(3)
    shown = [{label(str(n)) for n in range(40) if dice.random() < 0.3} for _ in range(100)]
    assert len(choose(shown, at_most=6)) == 6
    assert choose(shown, at_most=0) == []


@pytest.mark.parametrize("shown", [[], [{label("sofa")}], [{label("sofa")}, set()]])
def test_too_few_results_have_no_chips(shown: list[set[Tag]]) -> None:
    assert choose(shown, at_most=5) == []
