"""Interests, as the API shows them and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from nungil.api.profile.v1 import profile_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, LabelModel, Model, NameModel, caller, time_of, word_of

TrendWord = Literal["rising", "steady", "fading"]


class EvidenceModel(Model):
    media_id: str
    box: BoxModel | None = Field(description="the part of the picture that says so; null: the whole")
    kind: str = Field(description="what the person did", examples=["uploaded"])
    labels: list[LabelModel]
    why: NameModel = Field(description="one sentence")
    at: datetime | None

    @classmethod
    def of(cls, evidence: profile_pb2.Evidence) -> EvidenceModel:
        return cls(
            media_id=evidence.media_id,
            box=BoxModel.of(evidence.box) if evidence.HasField("box") else None,
            kind=word_of(evidence.kind, profile_pb2.ActivityKind, "ACTIVITY_KIND_"),
            labels=LabelModel.all(evidence.labels),
            why=NameModel.of(evidence.why),
            at=time_of(evidence.occurred_at_ms),
        )


class InterestModel(Model):
    id: str = Field(description="of the taxonomy", examples=["dogs"])
    name: NameModel
    own_name: str | None = Field(description="what the person calls it; null: as `name`")
    parent: str | None = Field(description="the broader interest", examples=["pets"])
    weight: float = Field(description="evidence in pictures, decayed to now")
    trend: TrendWord = Field(description="its weight against that of 14 days ago")
    followed: bool = Field(description="wanted, whatever the pictures say")
    muted: bool = Field(description="not used, whatever the pictures say")
    pinned: bool = Field(description="kept at the top")
    etag: str = Field(description="for If-Match: changes with each correction of this interest")
    evidence: list[EvidenceModel] = Field(description="strongest first")

    @classmethod
    def of(cls, interest: profile_pb2.Interest) -> InterestModel:
        return cls(
            id=interest.id,
            name=NameModel.of(interest.name),
            own_name=interest.own_name or None,
            parent=interest.parent_id or None,
            weight=interest.weight,
            trend=word_of(interest.trend, profile_pb2.Trend, "TREND_"),
            followed=interest.followed,
            muted=interest.muted,
            pinned=interest.pinned,
            etag=interest.etag,
            evidence=[EvidenceModel.of(evidence) for evidence in interest.evidence],
        )


class InterestsModel(Model):
    learning: bool = Field(description="the consent image_interest is given, and learning is not paused")
    paused: bool = Field(description="the person has paused learning")
    interests: list[InterestModel] = Field(
        description="pinned first, then heaviest first; those that something was said of even without evidence; muted last"
    )

    @classmethod
    def of(cls, answer: profile_pb2.GetInterestsResponse) -> InterestsModel:
        return cls(
            learning=answer.learning,
            paused=answer.paused,
            interests=[InterestModel.of(interest) for interest in answer.interests],
        )


class InterestChangeModel(Model):
    """What the person says of an interest; what is absent stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"own_name": "우리 초코", "pinned": True}, {"muted": True}]}
    )

    own_name: str | None = Field(
        None, max_length=200, description="1 to 60 visible characters; null: as the taxonomy calls it"
    )
    muted: bool | None = Field(None, strict=True)
    pinned: bool | None = Field(None, strict=True)
    followed: bool | None = Field(None, strict=True)

    def proto(self, who: Who, interest_id: str, if_match: str) -> profile_pb2.CorrectInterestRequest:
        own_name = (self.own_name or "") if "own_name" in self.model_fields_set else None
        return profile_pb2.CorrectInterestRequest(
            caller=caller(who),
            interest_id=interest_id,
            if_match=if_match,
            own_name=own_name,
            muted=self.muted,
            pinned=self.pinned,
            followed=self.followed,
        )


class KnownInterestModel(Model):
    id: str = Field(examples=["dogs"])
    name: NameModel
    parent: str | None = Field(description="the broader interest; null: there is none")


class KnownInterestsModel(Model):
    interests: list[KnownInterestModel] = Field(description="best first; all of them in the order of the taxonomy")

    @classmethod
    def of(cls, answer: profile_pb2.FindInterestsResponse) -> KnownInterestsModel:
        return cls(
            interests=[
                KnownInterestModel(id=found.id, name=NameModel.of(found.name), parent=found.parent_id or None)
                for found in answer.interests
            ]
        )
