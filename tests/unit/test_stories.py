"""The story of a gallery: seasons, shares, sentences. And what may be stated of oneself."""

from __future__ import annotations

from datetime import date

import pytest

from nungil.api.profile.v1 import people_pb2 as pb
from nungil.pictures.boxes import WHOLE
from nungil.taxonomy.taxonomy import Name, load_taxonomy
from services.profile import sentences
from services.profile.abouts import UNSTATED, About, checked, readable
from services.profile.core import Finding
from services.profile.errors import InvalidAbout
from services.profile.stories import chapters, season_of, shares_of

KNOWN = ("beaches", "dogs", "cats")


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2024, 12, 1), (2024, pb.SEASON_WINTER)),
        (date(2025, 2, 28), (2024, pb.SEASON_WINTER)),
        (date(2025, 3, 1), (2025, pb.SEASON_SPRING)),
        (date(2025, 8, 31), (2025, pb.SEASON_SUMMER)),
        (date(2025, 9, 1), (2025, pb.SEASON_AUTUMN)),
    ],
)
def test_a_winter_is_of_the_year_in_which_it_begins(day, season):
    assert season_of(day) == season


def test_chapters_are_newest_first_and_an_interest_has_the_share_of_pictures_that_show_it():
    shown = {"a": (("dogs", 0.9),), "b": (("dogs", 0.4), ("beaches", 0.8)), "c": (("cats", 0.7),), "d": ()}
    days = {"a": date(2025, 7, 1), "b": date(2025, 8, 1), "c": date(2025, 1, 5), "d": date(2025, 6, 1)}
    summer, winter = chapters(shown, days, known=KNOWN)
    assert (summer.season, summer.pictures) == ((2025, pb.SEASON_SUMMER), 3)
    assert [(part.interest, part.share, part.media_ids) for part in summer.parts] == [
        ("dogs", 2 / 3, ("a", "b")),
        ("beaches", 1 / 3, ("b",)),
    ]
    assert winter.season == (2024, pb.SEASON_WINTER)


def test_the_winter_of_a_year_comes_after_its_autumn():
    days = {"a": date(2025, 12, 5), "b": date(2025, 10, 5), "c": date(2025, 1, 1)}
    told = chapters(dict.fromkeys(days, ()), days, known=KNOWN)
    assert [chapter.season for chapter in told] == [
        (2025, pb.SEASON_WINTER),
        (2025, pb.SEASON_AUTUMN),
        (2024, pb.SEASON_WINTER),
    ]


def test_hidden_and_unknown_interests_are_left_out_and_their_pictures_counted():
    shown = {"a": (("dogs", 0.9), ("flying_carpets", 0.8), ("cats", 0.5))}
    [chapter] = chapters(shown, {"a": date(2025, 7, 1)}, known=KNOWN, hidden=["dogs"])
    assert (chapter.pictures, [part.interest for part in chapter.parts]) == (1, ["cats"])


def test_a_picture_counts_for_the_narrowest_interests_that_it_shows():
    findings = [
        Finding(id_, score, WHOLE, ()) for id_, score in (("pets_animals", 0.9), ("dogs", 0.8), ("beaches", 0.85))
    ]
    assert shares_of(findings, load_taxonomy()) == (("beaches", 0.85), ("dogs", 0.8))


BEACH, DOG, MOUNTAIN = Name("해변", "beaches"), Name("강아지", "dogs"), Name("산", "mountains")


@pytest.mark.parametrize(
    ("pictures", "interests", "ko", "en"),
    [
        (
            12,
            [BEACH, DOG, MOUNTAIN],
            "2024년 여름에 찍은 사진 12장에는 해변이 가장 많고 강아지와 산도 있습니다",
            "In summer 2024 you took 12 pictures, most often of beaches, and also of dogs and mountains",
        ),
        (
            12,
            [DOG],
            "2024년 여름에 찍은 사진 12장에는 강아지가 가장 많습니다",
            "In summer 2024 you took 12 pictures, most often of dogs",
        ),
        (
            1,
            [MOUNTAIN, DOG],
            "2024년 여름에 찍은 사진 한 장에는 산이 있고 강아지도 있습니다",
            "In summer 2024 you took one picture, of mountains and dogs",
        ),
        (
            3,
            [],
            "2024년 여름에 찍은 사진 3장에서는 아직 관심사를 찾지 못했습니다",
            "In summer 2024 you took 3 pictures, in which no interest was found yet",
        ),
    ],
)
def test_a_season_is_told_in_a_sentence_of_both_languages(pictures, interests, ko, en):
    assert sentences.season(2024, pb.SEASON_SUMMER, pictures, interests) == Name(ko, en)


def test_a_winter_is_called_by_both_its_years():
    told = sentences.season(2024, pb.SEASON_WINTER, 5, [DOG])
    assert told.ko.startswith("2024~2025년 겨울에")
    assert told.en.startswith("In winter 2024–25 ")


def test_only_a_ticked_purpose_reads_what_is_stated_and_appearance_needs_its_consent():
    about = checked(About(age_band="30s", hair="curly", purposes=(pb.ABOUT_PURPOSE_RECOMMENDATIONS,)))
    assert readable(about, pb.ABOUT_PURPOSE_ADS, appearance=True) == UNSTATED
    assert readable(about, pb.ABOUT_PURPOSE_RECOMMENDATIONS, appearance=True).hair == "curly"
    without = readable(about, pb.ABOUT_PURPOSE_RECOMMENDATIONS, appearance=False)
    assert (without.age_band, without.hair) == ("30s", "")


@pytest.mark.parametrize(
    "about",
    [About(gender="yes"), About(age_band="31"), About(style="x" * 201), About(style="a\x00"), About(purposes=(9,))],
)
def test_what_cannot_be_stated_is_refused(about):
    with pytest.raises(InvalidAbout):
        checked(about)
