"""The story of a gallery follows from the pictures that are kept now, and from nothing else."""

from __future__ import annotations

import pytest
from profile_builders import TENANT, a_deletion, a_picture, a_profile

from nungil.api.profile.v1 import people_pb2
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.database.open import reading
from services.profile.abouts import About
from services.profile.errors import UnknownPerson
from services.profile.handlers import stories
from services.profile.handlers.abouts import Abouts
from services.profile.handlers.stories import TellStory
from services.profile.shown import Change
from services.profile.store import people_rows

DAYS = {"m-1": "2024-07-01", "m-2": "2024-08-01", "m-3": "2025-01-05"}


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def person(profile):
    person = profile.a_person()
    profile.consents.set(TENANT, person, pb.CONSENT_PURPOSE_TAKEN_ON, True)
    for media_id, label in (("m-1", "beagle"), ("m-2", "alp"), ("m-3", "tabby")):
        profile.put(a_picture(media_id, owner=person, shows=((label, 0.9),)))
    return person


def tell(profile, person, days=None):
    return TellStory(profile.journal, lambda _: profile.taxonomy)(TENANT, person, DAYS if days is None else days)


def told(story):
    return [(chapter.season, [(part.interest, part.media_ids) for part in chapter.parts]) for chapter in story.chapters]


WINTER, SUMMER = (2024, people_pb2.SEASON_WINTER), (2024, people_pb2.SEASON_SUMMER)


def test_pictures_are_told_though_nothing_was_ever_done_with_them(profile, person):
    story = tell(profile, person)
    assert profile.rows() == []
    assert told(story) == [
        (WINTER, [("cats", ("m-3",))]),
        (SUMMER, [("dogs", ("m-1",)), ("mountains", ("m-2",))]),
    ]


def test_a_removed_picture_leaves_the_story_of_one_who_never_had_it(profile, person):
    others = {media_id: day for media_id, day in DAYS.items() if media_id != "m-1"}
    never = tell(profile, person, others)
    tell(profile, person)
    profile.read(a_deletion("m-1"))
    assert tell(profile, person, others) == never
    with reading(profile.engine) as c:
        assert set(people_rows.gallery(c, TENANT, person)) == set(others)


def test_a_picture_that_is_deleted_while_it_is_read_is_not_remembered(profile, person):
    profile.read(a_deletion("m-1"))
    story = tell(profile, person)
    with reading(profile.engine) as c:
        assert "m-1" not in people_rows.gallery(c, TENANT, person)
    assert all(part.interest != "dogs" for chapter in story.chapters for part in chapter.parts)


def test_pictures_without_a_day_are_counted_and_not_read(profile, person):
    story = tell(profile, person, DAYS | {"m-2": "", "m-3": "no day"})
    assert (story.undated, [season for season, _ in told(story)]) == (2, [SUMMER])


@pytest.mark.parametrize("purpose", [pb.CONSENT_PURPOSE_TAKEN_ON, pb.CONSENT_PURPOSE_IMAGE_INTEREST])
def test_without_its_consents_there_is_no_story_and_the_answer_says_which(profile, person, purpose):
    tell(profile, person)
    profile.consents.set(TENANT, person, purpose, False)
    story = tell(profile, person)
    assert (story.chapters, story.missing) == ((), (purpose,))
    with reading(profile.engine) as c:
        kept = people_rows.gallery(c, TENANT, person)
    assert bool(kept) == (purpose == pb.CONSENT_PURPOSE_TAKEN_ON)  # what pictures show is no date


def test_muted_interests_are_left_out_and_own_names_used(profile, person):
    profile.corrections.change(TENANT, person, "mountains", Change(muted=True), if_match="")
    profile.corrections.change(TENANT, person, "dogs", Change(name="Choco"), if_match="")
    story = tell(profile, person)
    assert told(story)[1] == (SUMMER, [("dogs", ("m-1",))])
    assert story.names == {"dogs": "Choco"}


def test_many_pictures_are_read_some_at_a_time_and_each_once(profile, person, monkeypatch):
    monkeypatch.setattr(stories, "READ_AT_ONCE", 2)
    first = tell(profile, person)
    assert first.pending == 1
    assert [season for season, _ in told(first)] == [WINTER, SUMMER]
    assert tell(profile, person).pending == 0
    for media_id in DAYS:
        profile.objects.delete(f"features/{TENANT}/{media_id}/{profile.space}")
    assert len(told(tell(profile, person))[1][1]) == 2


def test_a_picture_of_somebody_else_is_in_no_story(profile, person):
    profile.put(a_picture("m-9", owner="p-other"))
    assert tell(profile, person, {"m-9": "2024-07-01"}).chapters == ()


def test_what_is_stated_is_kept_for_its_person_until_they_delete_it(profile):
    abouts, mina = Abouts(profile.engine, profile.clock), profile.a_person("mina")
    about = About(age_band="30s", skin_type="dry", style="단정한 옷", purposes=(people_pb2.ABOUT_PURPOSE_SEGMENTS,))
    assert abouts.put(TENANT, mina, about) == about
    assert abouts.of(TENANT, mina) == about
    assert abouts.of(TENANT, profile.a_person("jun")) == About()
    abouts.delete(TENANT, mina)
    assert abouts.of(TENANT, mina) == About()
    with pytest.raises(UnknownPerson):
        abouts.of("elsewhere", mina)


def test_withdrawing_appearance_tips_hides_skin_and_hair_from_every_purpose_at_once(profile):
    abouts, mina = Abouts(profile.engine, profile.clock), profile.a_person("mina")
    purpose = people_pb2.ABOUT_PURPOSE_RECOMMENDATIONS
    abouts.put(TENANT, mina, About(age_band="30s", skin_type="dry", purposes=(purpose,)))
    assert abouts.for_(TENANT, mina, purpose).skin_type == ""
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_APPEARANCE_TIPS, True)
    assert abouts.for_(TENANT, mina, purpose).skin_type == "dry"
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_APPEARANCE_TIPS, False)
    assert abouts.for_(TENANT, mina, purpose) == About(age_band="30s", purposes=(purpose,))
    assert abouts.for_(TENANT, mina, people_pb2.ABOUT_PURPOSE_ADS) == About()
