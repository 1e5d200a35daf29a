"""How a run with a fault is judged: who had to wait, for how long, and what is not as in the quiet run."""

from __future__ import annotations

from collections import Counter

import pytest

from faults.client import NO_ANSWER, Request
from faults.kinds import Away, faults
from faults.load import Given, Story
from faults.matrix import Outcome, recovery_s, row
from faults.pictures import Picture, painted
from faults.reconcile import Found, differences

OVER_S = 100.0


def a_request(*seen: str, began_s: float = 90.0, took_s: float = 0.1) -> Request:
    return Request("upload", began_s, began_s + took_s, seen, {})


def a_story(*requests: Request, accepted_s: float = 90.0, searchable_s: float | None = 90.5) -> Story:
    story = Story(0.0, list(requests), [Given(Picture("0.png", b""), "m-0", accepted_s)])
    if searchable_s is not None:
        story.searchable_s["m-0"] = searchable_s
    return story


def test_where_nobody_waited_there_is_nothing_to_recover_from() -> None:
    assert recovery_s(a_story(a_request("202"), a_request("202", began_s=120.0)), OVER_S) == 0.0


def test_it_is_over_when_the_last_request_that_was_sent_again_is_done() -> None:
    assert recovery_s(a_story(a_request("503", NO_ANSWER, "202", began_s=99.0, took_s=5.0)), OVER_S) == 4.0


def test_a_request_that_took_long_counts_though_it_was_sent_once() -> None:
    assert recovery_s(a_story(a_request("202", began_s=98.0, took_s=8.0)), OVER_S) == 6.0


@pytest.mark.parametrize(("searchable_s", "recovered_s"), [(107.0, 7.0), (None, float("inf"))])
def test_a_picture_that_was_long_on_its_way_counts(searchable_s: float | None, recovered_s: float) -> None:
    assert recovery_s(a_story(searchable_s=searchable_s), OVER_S) == recovered_s


def test_a_row_tells_every_answer_that_users_saw_and_what_is_wrong() -> None:
    [quiet, killed, *_] = faults()
    told = row(
        Outcome(killed, a_story(a_request("503", "202")), Away(OVER_S, OVER_S), 2, ["a row is twice in the index"])
    )
    assert "202: 1, 503: 1" in told
    assert "a row is twice in the index; 2 objects that no row names" in told
    assert "nothing lost" in row(Outcome(quiet, a_story(a_request("202")), Away(0.0, OVER_S), 0, []))


def test_what_counted_twice_or_not_at_all_is_a_difference() -> None:
    once = (6, "0003.png", "whole", "[]")
    quiet = Found(learnt=Counter({once: 1}), weights={"dogs": 1.0}, rows=4)
    assert differences(quiet, quiet) == []
    twice = Found(learnt=Counter({once: 2}), weights={"dogs": 2.0}, rows=4)
    assert ["1 rows more" in fault or "weigh otherwise" in fault for fault in differences(twice, quiet)] == [True, True]
    lost = Found(weights={}, rows=3)
    assert len(differences(lost, quiet)) == 3


def test_the_same_seed_paints_the_same_pictures_and_no_two_alike() -> None:
    pictures = painted(30, seed=3)
    assert pictures == painted(30, seed=3)
    assert len({picture.data for picture in pictures} | {painted(1, seed=4)[0].data}) == 31
