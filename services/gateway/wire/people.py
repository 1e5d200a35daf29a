"""Interests, consents and activity, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from nungil.api.profile.v1 import events_pb2, profile_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, LabelModel, Model, NameModel, time_of, word_of

KindWord = Literal["saved", "liked", "tried", "shared", "closed_up", "clicked_out", "hidden", "bought"]
_PURPOSES = {
    "personalise": profile_pb2.CONSENT_PURPOSE_PERSONALISE,
    "image_interest": profile_pb2.CONSENT_PURPOSE_IMAGE_INTEREST,
    "taken_on": profile_pb2.CONSENT_PURPOSE_TAKEN_ON,
}


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
    parent: str | None = Field(description="the broader interest", examples=["pets"])
    weight: float = Field(description="evidence in pictures, decayed to now")
    evidence: list[EvidenceModel] = Field(description="strongest first")


class InterestsModel(Model):
    learning: bool = Field(description="the consent image_interest is given; without it nothing is learnt")
    interests: list[InterestModel] = Field(description="heaviest first")

    @classmethod
    def of(cls, answer: profile_pb2.GetInterestsResponse) -> InterestsModel:
        return cls(
            learning=answer.learning,
            interests=[
                InterestModel(
                    id=interest.id,
                    name=NameModel.of(interest.name),
                    parent=interest.parent_id or None,
                    weight=interest.weight,
                    evidence=[EvidenceModel.of(evidence) for evidence in interest.evidence],
                )
                for interest in answer.interests
            ],
        )


class ConsentModel(Model):
    given: bool
    changed_at: datetime | None = Field(description="null: never set")


class ConsentsModel(Model):
    personalise: ConsentModel = Field(description="order what is shown by the person's interests")
    image_interest: ConsentModel = Field(description="draw interests from the person's pictures")
    taken_on: ConsentModel = Field(description="keep the date on which a picture was taken")

    @classmethod
    def of(cls, answer: profile_pb2.GetConsentsResponse) -> ConsentsModel:
        by_purpose = {consent.purpose: consent for consent in answer.consents}
        never = profile_pb2.Consent()
        given = {word: by_purpose.get(number, never) for word, number in _PURPOSES.items()}
        return cls.model_validate(
            {word: {"given": c.given, "changed_at": time_of(c.changed_at_ms)} for word, c in given.items()}
        )


class ConsentChangeModel(Model):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"image_interest": True}]})

    personalise: bool | None = Field(None, strict=True, description="null or absent: as it is")
    image_interest: bool | None = Field(None, strict=True)
    taken_on: bool | None = Field(None, strict=True)

    def changes(self) -> list[tuple[profile_pb2.ConsentPurpose.ValueType, bool]]:
        """What is to be set."""
        return [(_PURPOSES[word], given) for word, given in self.model_dump(exclude_none=True).items()]


class ActivityModel(Model):
    """What a person did with a picture. Uploads and crop searches are noted by themselves."""

    kind: KindWord
    media_id: str = Field(max_length=100)
    box: BoxModel | None = Field(None, description="the part that was meant; absent: the whole picture")
    item_id: str = Field("", max_length=200, description="where it was done with an item")

    def proto(self, who: Who, *, event_id: str, now_ms: int) -> events_pb2.UserActivity:
        return events_pb2.UserActivity(
            event_id=event_id,
            tenant=who.tenant,
            person_id=who.person_id,
            kind=profile_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{self.kind.upper()}"),
            media_id=self.media_id,
            box=self.box.proto() if self.box else None,
            item_id=self.item_id,
            occurred_at_ms=now_ms,
        )


class NotedModel(Model):
    event_id: str = Field(description="the same for every retry with the same Idempotency-Key")
