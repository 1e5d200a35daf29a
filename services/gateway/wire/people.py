"""Consents, learning and activity, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from nungil.api.profile.v1 import events_pb2, profile_pb2, tried_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, Model, time_of

KindWord = Literal["saved", "liked", "tried", "shared", "closed_up", "clicked_out", "hidden", "bought"]
_NOTE = 4_000  # bytes and blanks; profile says how many characters a note has
_PURPOSES = {
    word: profile_pb2.ConsentPurpose.Value(f"CONSENT_PURPOSE_{word.upper()}")
    for word in (
        "personalise",
        "image_interest",
        "taken_on",
        "ads_onsite",
        "ads_export",
        "preview_face",
        "appearance_tips",
    )
}


class ConsentModel(Model):
    given: bool
    changed_at: datetime | None = Field(description="null: never set")


class ConsentsModel(Model):
    personalise: ConsentModel = Field(description="order what is shown by the person's interests")
    image_interest: ConsentModel = Field(description="draw interests from the person's pictures")
    taken_on: ConsentModel = Field(description="keep the date on which a picture was taken, and tell the story by it")
    ads_onsite: ConsentModel = Field(description="show sponsored recommendations here, marked")
    ads_export: ConsentModel = Field(description="count the person in audiences that leave this system")
    preview_face: ConsentModel = Field(description="previews on a picture of the person's own face")
    appearance_tips: ConsentModel = Field(description="recommend by the skin type and hair that the person states")

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
    ads_onsite: bool | None = Field(None, strict=True)
    ads_export: bool | None = Field(None, strict=True)
    preview_face: bool | None = Field(None, strict=True)
    appearance_tips: bool | None = Field(None, strict=True)

    def changes(self) -> list[tuple[profile_pb2.ConsentPurpose.ValueType, bool]]:
        """What is to be set."""
        return [(_PURPOSES[word], given) for word, given in self.model_dump(exclude_none=True).items()]


class LearningModel(Model):
    """While paused nothing that the person does is learnt, then or later. What was learnt before stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paused": True}]})

    paused: bool = Field(strict=True)


class LearningKeptModel(Model):
    paused: bool
    changed_at: datetime | None = Field(description="null: never paused")


class ActivityModel(Model):
    """What a person did with a picture. Uploads and crop searches are noted by themselves."""

    kind: KindWord
    media_id: str = Field(max_length=100)
    box: BoxModel | None = Field(None, description="the part that was meant; absent: the whole picture")
    item_id: str = Field("", max_length=200, description="where it was done with an item")
    made_media_id: str | None = Field(
        None, min_length=1, max_length=100, description="where it was tried: one's own picture of what was made of it"
    )
    note: str | None = Field(
        None, max_length=_NOTE, description="where it was tried: at most 500 characters, for oneself alone"
    )

    @model_validator(mode="after")
    def _made_where_tried(self) -> ActivityModel:
        if self.kind != "tried" and (self.made_media_id is not None or self.note is not None):
            raise ValueError("made_media_id and note belong to the kind 'tried' alone: leave them out, or say 'tried'")
        return self

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
            result_media_id=self.made_media_id or "",
        )


class NotedModel(Model):
    event_id: str = Field(description="the same for every retry with the same Idempotency-Key")


class TriedModel(Model):
    media_id: str = Field(description="of what was tried")
    made_media_id: str | None = Field(description="the person's picture of what they made of it; null: none")
    note: str | None = Field(description="their word about it; null: none")
    at: datetime | None


class TriedsModel(Model):
    tried: list[TriedModel] = Field(description="newest first")
    next_cursor: str | None = Field(description="send it as `cursor` for what follows; null at the end")

    @classmethod
    def of(cls, answer: tried_pb2.ListTriedResponse) -> TriedsModel:
        tried = [
            TriedModel(
                media_id=one.media_id,
                made_media_id=one.made_media_id or None,
                note=one.note or None,
                at=time_of(one.tried_at_ms),
            )
            for one in answer.tried
        ]
        return cls(tried=tried, next_cursor=answer.next_cursor or None)
