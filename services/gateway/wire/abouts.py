"""What a person states of themselves, and the story of their gallery, as the API shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from nungil.api.profile.v1 import people_pb2, profile_pb2
from services.gateway.core import Who
from services.gateway.wire.common import Model, NameModel, caller, word_of

PurposeWord = Literal["recommendations", "segments", "ads"]
SeasonWord = Literal["winter", "spring", "summer", "autumn"]


class AboutModel(Model):
    """Each is stated, never inferred, and may be left out. Only the purposes that are ticked may read it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"age_band": "30s", "hair": "curly", "purposes": ["recommendations"]}]},
    )

    age_band: Literal["under_20", "20s", "30s", "40s", "50s", "60_or_over"] | None = None
    gender: Literal["woman", "man", "nonbinary"] | None = None
    hair: Literal["straight", "wavy", "curly", "coily"] | None = Field(
        None, description="read with the consent appearance_tips alone"
    )
    skin_type: Literal["dry", "oily", "combination", "normal", "sensitive"] | None = Field(
        None, description="read with the consent appearance_tips alone"
    )
    style: str | None = Field(None, max_length=400, description="in the person's own words; at most 200 characters")
    purposes: list[PurposeWord] = Field(default_factory=list, max_length=3, description="who may read it")

    @classmethod
    def of(cls, about: people_pb2.About) -> AboutModel:
        said = {name: getattr(about, name) or None for name in ("age_band", "gender", "hair", "skin_type", "style")}
        purposes = [word_of(number, people_pb2.AboutPurpose, "ABOUT_PURPOSE_") for number in about.purposes]
        return cls.model_validate({**said, "purposes": purposes})

    def proto(self, who: Who) -> people_pb2.PutAboutRequest:
        about = people_pb2.About(
            age_band=self.age_band or "",
            gender=self.gender or "",
            hair=self.hair or "",
            skin_type=self.skin_type or "",
            style=self.style or "",
            purposes=[people_pb2.AboutPurpose.Value(f"ABOUT_PURPOSE_{word.upper()}") for word in self.purposes],
        )
        return people_pb2.PutAboutRequest(caller=caller(who), about=about)


class StoryInterestModel(Model):
    id: str = Field(examples=["beaches"])
    name: NameModel
    own_name: str | None = Field(description="what the person calls it; null: as `name`")
    share: float = Field(description="of the pictures of the season, 0 to 1")
    media_ids: list[str] = Field(description="surest first, 12 at most")


class StorySeasonModel(Model):
    season: SeasonWord
    pictures: int
    interests: list[StoryInterestModel] = Field(
        description="largest share first, 6 at most; a picture may show several"
    )
    sentence: NameModel


class StoryYearModel(Model):
    year: int = Field(description="a winter is of the year in which it begins")
    seasons: list[StorySeasonModel] = Field(description="newest first")


class StoryModel(Model):
    years: list[StoryYearModel] = Field(description="newest first")
    undated: int = Field(description="pictures of which no day is known; they are in no season")
    pending: int = Field(description="pictures that are not read yet: ask again for a story with them")
    missing_consents: list[Literal["image_interest", "taken_on"]] = Field(description="without these there is no story")

    @classmethod
    def of(cls, answer: people_pb2.GetStoryResponse) -> StoryModel:
        years: dict[int, list[StorySeasonModel]] = {}
        for chapter in answer.chapters:
            years.setdefault(chapter.year, []).append(_season(chapter))
        missing = [word_of(number, profile_pb2.ConsentPurpose, "CONSENT_PURPOSE_") for number in answer.missing]
        return cls.model_validate(
            {
                "years": [StoryYearModel(year=year, seasons=seasons) for year, seasons in years.items()],
                "undated": answer.undated,
                "pending": answer.pending,
                "missing_consents": missing,
            }
        )


def _season(chapter: people_pb2.GetStoryResponse.Chapter) -> StorySeasonModel:
    return StorySeasonModel.model_validate(
        {
            "season": word_of(chapter.season, people_pb2.Season, "SEASON_"),
            "pictures": chapter.pictures,
            "interests": [
                StoryInterestModel(
                    id=part.interest_id,
                    name=NameModel.of(part.name),
                    own_name=part.own_name or None,
                    share=part.share,
                    media_ids=list(part.media_ids),
                )
                for part in chapter.interests
            ],
            "sentence": NameModel.of(chapter.sentence),
        }
    )
