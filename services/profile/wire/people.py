"""Between messages and what a person states, and what their gallery tells."""

from __future__ import annotations

from nungil.api.profile.v1 import people_pb2 as pb
from nungil.api.profile.v1 import profile_pb2
from nungil.pictures.naming import name_to_proto
from nungil.taxonomy.taxonomy import Name, Taxonomy
from services.profile import sentences
from services.profile.abouts import About
from services.profile.stories import Chapter, Story

_NAMED = 3  # interests in a sentence
_SURE_PICTURES = 4  # from so many on, what one picture alone shows is not named


def about_of(message: pb.About) -> About:
    """As sent, unchecked."""
    return About(
        message.age_band, message.gender, message.hair, message.skin_type, message.style, tuple(message.purposes)
    )


def about_to_proto(about: About) -> pb.About:
    """What is stated."""
    return pb.About(
        age_band=about.age_band,
        gender=about.gender,
        hair=about.hair,
        skin_type=about.skin_type,
        style=about.style,
        purposes=[pb.AboutPurpose.ValueType(purpose) for purpose in about.purposes],
    )


def story_to_proto(taxonomy: Taxonomy, story: Story) -> pb.GetStoryResponse:
    """A story as it is told."""
    return pb.GetStoryResponse(
        chapters=[_chapter_to_proto(taxonomy, story, chapter) for chapter in story.chapters],
        undated=story.undated,
        pending=story.pending,
        missing=[profile_pb2.ConsentPurpose.ValueType(purpose) for purpose in story.missing],
    )


def _chapter_to_proto(taxonomy: Taxonomy, story: Story, chapter: Chapter) -> pb.GetStoryResponse.Chapter:
    year, season = chapter.season
    named = [
        _called(taxonomy, story, part.interest)
        for part in chapter.parts
        if chapter.pictures < _SURE_PICTURES or round(part.share * chapter.pictures) > 1
    ]
    return pb.GetStoryResponse.Chapter(
        year=year,
        season=pb.Season.ValueType(season),
        pictures=chapter.pictures,
        interests=[
            pb.GetStoryResponse.Part(
                interest_id=part.interest,
                name=name_to_proto(taxonomy.interests[part.interest].name),
                own_name=story.names.get(part.interest, ""),
                share=part.share,
                media_ids=part.media_ids,
            )
            for part in chapter.parts
        ],
        sentence=name_to_proto(sentences.season(year, season, chapter.pictures, named[:_NAMED])),
    )


def _called(taxonomy: Taxonomy, story: Story, interest: str) -> Name:
    own = story.names.get(interest)
    return Name(f"‘{own}’", f"“{own}”") if own else taxonomy.interests[interest].name
