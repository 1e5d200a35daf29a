"""What a crop search answers, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from search_builders import (
    DOG,
    JUNO,
    LAMP,
    LEFT,
    MINA,
    NOW_MS,
    RIGHT,
    SOFA,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    like,
    media_changed,
)

from nungil.api.profile.v1 import profile_pb2
from nungil.object_store import keys
from nungil.pictures.boxes import WHOLE, Box, InvalidBox
from nungil.pictures.features import box_from_proto
from nungil.runtime.errors import NotFound
from nungil.runtime.lifecycle import worker
from services.search.errors import InvalidQuery
from services.search.features import TRANSIENT_MS


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        search.put(a_picture("query", {LEFT: DOG, RIGHT: SOFA}))
        yield search


def test_a_part_of_a_picture_finds_what_looks_like_that_part(search: Search) -> None:
    search.put(a_picture("dog", DOG), a_picture("sofa", SOFA))
    assert search.found(part=LEFT)[0] == "dog"
    assert search.found(part=RIGHT)[0] == "sofa"


def test_a_hit_says_which_part_of_it_looks_like_the_query(search: Search) -> None:
    search.put(a_picture("both", {LEFT: LAMP, RIGHT: DOG}))
    [hit] = search(part=LEFT).hits
    assert (hit.media_id, hit.region, hit.box) == ("both", 2, RIGHT)
    assert hit.score == pytest.approx(1.0, abs=1e-3)


def test_a_picture_is_one_hit_however_many_of_its_regions_match(search: Search) -> None:
    search.put(a_picture("dogs", {LEFT: DOG, RIGHT: like(DOG, 0.9)}), a_picture("dog", like(DOG, 0.5)))
    assert search.found(part=LEFT) == ["dogs", "dog"]


def test_the_picture_itself_is_no_hit(search: Search) -> None:
    assert search.found(part=LEFT) == []


def test_without_a_part_the_whole_picture_is_searched_with(search: Search) -> None:
    search.put(a_picture("both", {LEFT: SOFA, RIGHT: DOG}), a_picture("dog", DOG))
    answer = search()
    assert [hit.media_id for hit in answer.hits] == ["both", "dog"]
    assert answer.hits[0].score == pytest.approx(1.0, abs=1e-3)
    assert (answer.box, answer.clipped) == (WHOLE, False)
    assert [hit.score for hit in search(part=WHOLE).hits] == pytest.approx([h.score for h in answer.hits], abs=1e-3)


def test_a_region_can_be_searched_with_by_its_number(search: Search) -> None:
    search.put(a_picture("dog", DOG), a_picture("sofa", SOFA))
    answer = search(part=2)
    assert (answer.hits[0].media_id, answer.box) == ("sofa", RIGHT)
    assert search.found(part=0) == search.found()


@pytest.mark.parametrize("region", [3, -1, 999])
def test_an_unknown_region_is_refused_and_the_known_ones_named(search: Search, region: int) -> None:
    with pytest.raises(InvalidQuery, match="it has 0, 1, 2"):
        search(part=region)


def test_a_box_partly_outside_is_clipped_and_that_is_said(search: Search) -> None:
    search.put(a_picture("dog", DOG))
    answer = search(part=Box(-1.0, -1.0, 1.5, 3.0))
    assert (answer.box, answer.clipped) == (LEFT, True)
    assert answer.hits[0].score == pytest.approx(1.0, abs=1e-3)
    assert not search(part=LEFT).clipped


@pytest.mark.parametrize(
    "box",
    [
        Box(1.2, 0, 0.5, 0.5),
        Box(0, 0, 0, 0.5),
        Box(0, 0, -1, 1),
        Box(float("nan"), 0, 1, 1),
        Box(0, 0, float("inf"), 1),
    ],
)
def test_a_box_that_covers_nothing_is_refused(search: Search, box: Box) -> None:
    with pytest.raises(InvalidBox, match="fractions of the picture"):
        search(part=box)


def test_a_best_hit_that_is_far_off_is_no_match(search: Search) -> None:
    assert not search(part=LEFT).matched
    search.put(a_picture("hardly", like(DOG, 0.3)))
    assert not search(part=LEFT).matched
    search.put(a_picture("rather", like(DOG, 0.7)))
    assert search(part=LEFT).matched


def test_ones_own_pictures_are_found_and_nobody_elses(search: Search) -> None:
    search.put(a_picture("mine", DOG, owner=MINA), a_picture("hers", DOG, owner=JUNO), a_picture("shops", DOG))
    assert search.found(part=LEFT) == ["mine", "shops"]
    assert search.found(part=LEFT, person_id=JUNO) == ["hers", "shops"]
    assert search.found(part=LEFT, person_id="") == ["shops"]


def test_another_tenants_pictures_are_never_found(search: Search) -> None:
    search.put(a_picture("theirs", DOG, tenant="other"), a_picture("mine-there", DOG, owner=MINA, tenant="other"))
    assert search.found(part=LEFT) == []


def test_unknown_anothers_and_another_tenants_are_the_same_answer(search: Search) -> None:
    search.put(a_picture("hers", owner=JUNO), a_picture("theirs", tenant="other"))
    search.put_transient(a_picture("just-hers", owner=JUNO))
    for media_id in ("unknown", "hers", "theirs", "just-hers", "../x", "a/b", "x" * 300):
        with pytest.raises(NotFound) as caught:
            search(media_id=media_id)
        assert (str(caught.value), caught.value.slug) == (f"no picture {media_id}", "no-such-picture")


def test_nobody_in_particular_may_search_with_the_catalogue_only(search: Search) -> None:
    search.put(a_picture("mine", owner=MINA), a_picture("dog", DOG))
    assert search.found(part=LEFT, person_id="") == ["dog"]
    with pytest.raises(NotFound):
        search(media_id="mine", person_id="")


def test_features_that_name_another_picture_are_not_used(search: Search) -> None:
    other = search.objects.get(keys.features_key(TENANT, "query", "tiny-8-v1"))
    search.objects.put(keys.features_key(TENANT, "copy", "tiny-8-v1"), other)
    with pytest.raises(NotFound):
        search(media_id="copy")


def test_a_picture_only_searched_with_works_until_it_is_swept(search: Search) -> None:
    search.put(a_picture("dog", DOG))
    search.put_transient(a_picture("seen-once", DOG, owner=MINA))
    assert search.found(media_id="seen-once") == ["dog", "query"]
    search.objects.delete(keys.transient_features_key(TENANT, "seen-once", "tiny-8-v1"))
    search.now[0] += TRANSIENT_MS
    with pytest.raises(NotFound):
        search(media_id="seen-once")


def test_a_deleted_picture_is_no_hit_and_cannot_be_searched_with(search: Search) -> None:
    search.put(a_picture("dog", DOG), a_picture("gone", DOG))
    assert search.found(part=LEFT) == ["dog", "gone"]
    search.denied.deny("gone")
    assert search.found(part=LEFT) == ["dog"]
    with pytest.raises(NotFound):
        search(media_id="gone")


def test_a_hit_whose_features_are_gone_is_not_shown(search: Search) -> None:
    search.put(a_picture("dog", DOG), a_picture("gone", DOG))
    search.objects.delete(keys.features_key(TENANT, "gone", "tiny-8-v1"))
    assert search.found(part=LEFT) == ["dog"]


def test_deletions_of_the_past_and_of_now_are_denied(search: Search) -> None:
    search.put(a_picture("before", DOG), a_picture("after", DOG), a_picture("stays", DOG))
    search.log.append([media_changed("before"), media_changed("stays", change=1)])
    with worker("deletions", search.deletions, search.stop):
        search.deletions.wait_until_caught_up()
        assert search.found(part=LEFT) == ["after", "stays"]
        search.log.append([media_changed("after")])
        for _ in range(100):
            if "after" in search.denied:
                break
            search.stop.wait(0.1)
        assert search.found(part=LEFT) == ["stays"]


def test_the_latest_deletions_are_remembered_within_bounds(search: Search) -> None:
    for n in range(1_500):
        search.denied.deny(f"m-{n}")
    assert "m-499" not in search.denied
    assert search.denied.among(["m-0", "m-500", "m-1499"]) == {"m-500", "m-1499"}


def test_pages_follow_each_other_without_gap_or_double(search: Search) -> None:
    search.put(*(a_picture(f"dog-{n:02}", like(DOG, 1 - n / 100)) for n in range(25)))
    seen: list[str] = []
    cursor = ""
    for expected in (10, 10, 5):
        answer = search(part=LEFT, limit=10, cursor=cursor)
        assert len(answer.hits) == expected
        seen += [hit.media_id for hit in answer.hits]
        cursor = answer.next_cursor
    assert cursor == ""
    assert seen == search.found(part=LEFT, limit=100)
    assert sorted(seen) == [f"dog-{n:02}" for n in range(25)]


def test_a_page_may_be_of_another_size_than_the_one_before(search: Search) -> None:
    search.put(*(a_picture(f"dog-{n:02}", like(DOG, 1 - n / 100)) for n in range(9)))
    first = search(part=LEFT, limit=3)
    assert search.found(part=LEFT, limit=6, cursor=first.next_cursor) == search.found(part=LEFT, limit=9)[3:]


def test_another_querys_cursor_is_refused(search: Search) -> None:
    search.put(*(a_picture(f"dog-{n}", DOG) for n in range(3)))
    cursor = search(part=LEFT, limit=1).next_cursor
    for of in ({"part": RIGHT}, {"part": LEFT, "person_id": JUNO}, {"part": None}):
        with pytest.raises(InvalidQuery, match="cursor"):
            search(**of, cursor=cursor)
    for broken in ("x", "bm8=", "W10=", "눈길", cursor[:-4], "WyJ4IiwgMV0="):
        with pytest.raises(InvalidQuery, match="cursor"):
            search(part=LEFT, cursor=broken)


def test_hits_are_found_past_a_picture_with_very_many_rows(search: Search) -> None:
    many = {Box(x / 4, y / 4, 0.25, 0.25): like(DOG, 0.99) for x in range(4) for y in range(4)}
    search.put(*(a_picture(f"crowd-{n}", many) for n in range(8)), a_picture("last", like(DOG, 0.2)))
    assert search.found(part=LEFT, limit=9)[-1] == "last"


def test_a_recorded_search_becomes_an_activity_of_its_person(search: Search) -> None:
    search.put(a_picture("dog", DOG))
    search(part=Box(-0.5, 0, 1.0, 1.0), record=True)
    [activity] = search.activities()
    assert activity.kind == profile_pb2.ACTIVITY_KIND_CROP_SEARCHED
    assert (activity.tenant, activity.person_id, activity.media_id) == (TENANT, MINA, "query")
    assert (activity.occurred_at_ms, box_from_proto(activity.box)) == (NOW_MS, LEFT)
    assert activity.event_id


def test_a_whole_picture_recorded_has_no_box(search: Search) -> None:
    search(record=True)
    [activity] = search.activities()
    assert not activity.HasField("box")


def test_a_search_is_recorded_once_and_only_when_asked(search: Search) -> None:
    search.put(*(a_picture(f"dog-{n}", DOG) for n in range(3)))
    search(part=LEFT)
    search(part=LEFT, record=True, person_id="")
    assert search.activities() == []
    cursor = search(part=LEFT, record=True, limit=1).next_cursor
    search(part=LEFT, record=True, limit=1, cursor=cursor)
    assert len(search.activities()) == 1
    with pytest.raises(NotFound):
        search(media_id="unknown", record=True)
    assert len(search.activities()) == 1


def test_the_maps_held_stay_within_their_bytes(search: Search) -> None:
    small = search.like(cache_bytes=60_000)
    search.put(*(a_picture(f"dog-{n:02}", DOG) for n in range(40)))
    for n in range(40):
        assert len(small.found(media_id=f"dog-{n:02}", limit=100)) == 40
        assert 0 < small.maps.size_bytes <= 60_000


def test_status_counts_rows_and_items(search: Search) -> None:
    search.items(an_item("i-1", "query"))
    assert search.status() == (3, 1, "tiny-8-v1")
