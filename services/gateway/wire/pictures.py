"""Pictures, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import embed_pb2
from nungil.api.ingest.v1 import ingest_pb2
from services.gateway.core import Who
from services.gateway.wire.common import ColourModel, LabelModel, Model, RegionModel, caller, time_of, word_of

PurposeWord = Literal["personal", "catalogue", "search"]
ListedPurpose = Literal["personal", "catalogue"]
SourceWord = Literal["upload", "profile", "chat", "post", "review", "screenshot", "web"]
StateWord = Literal["accepted", "searchable", "rejected", "deleted"]

_STATES: dict[int, StateWord] = {
    ingest_pb2.MEDIA_STATE_ACCEPTED: "accepted",
    ingest_pb2.MEDIA_STATE_SEARCHABLE: "searchable",
    ingest_pb2.MEDIA_STATE_REJECTED: "rejected",
    ingest_pb2.MEDIA_STATE_DELETED: "deleted",
}


class MediaModel(Model):
    media_id: str = Field(examples=["0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001"])
    state: StateWord = Field(description="accepted, then searchable; or rejected, with a reason")
    reason: str | None = Field(None, description="why it was rejected")
    purpose: str = Field(examples=["personal"])
    source: str = Field(examples=["upload"])
    source_url: str | None = None
    file_name: str | None = Field(None, description="as its owner gave it", examples=["sofa.jpg"])
    taken_on: str | None = Field(None, description="YYYY-MM-DD, only with the person's consent")
    width_px: int = Field(description="of the upright picture")
    height_px: int
    created_at: datetime | None
    expires_at: datetime | None = Field(None, description="for the purpose search: when the id stops to work")

    @classmethod
    def of(cls, media: ingest_pb2.Media) -> MediaModel:
        return cls(**_fields(media))


class MediaDetailModel(MediaModel):
    regions: list[RegionModel] = Field(description="parts worth searching for, once searchable; n = 0 is the whole")
    labels: list[LabelModel] = Field(description="of the whole picture, best first")
    colours: list[ColourModel] = Field(description="largest share first")

    @classmethod
    def of(cls, media: ingest_pb2.Media) -> MediaDetailModel:
        return cls(**_fields(media), **_found(media))


class GivenModel(MediaDetailModel):
    duplicate: bool = Field(description="this owner gave these bytes before: nothing new was stored")

    @classmethod
    def given(cls, answer: ingest_pb2.PutMediaResponse, encoded: embed_pb2.EncodePictureResponse | None) -> GivenModel:
        """What was stored; with `encoded`, a picture that is only searched with and can be searched with at once."""
        fields = _fields(answer.media) | _found(encoded or answer.media)
        if encoded is not None:
            fields["state"] = "searchable"
        return cls(**fields, duplicate=answer.duplicate)


class MediaListModel(Model):
    media: list[MediaModel] = Field(description="newest first")
    next_cursor: str | None = Field(description="send it as `cursor` for what follows; null at the end")

    @classmethod
    def of(cls, answer: ingest_pb2.ListMediaResponse) -> MediaListModel:
        return cls(media=[MediaModel.of(m) for m in answer.media], next_cursor=answer.next_cursor or None)


def put_media_header(
    who: Who, *, purpose: PurposeWord, source: SourceWord, source_url: str, file_name: str, keep_taken_on: bool
) -> ingest_pb2.PutMediaRequest:
    """The first message of PutMedia."""
    return ingest_pb2.PutMediaRequest(
        header=ingest_pb2.PutMediaRequest.Header(
            caller=caller(who),
            purpose=purpose_of(purpose),
            source=common_pb2.Source.Value(f"SOURCE_{source.upper()}"),
            source_url=source_url,
            file_name=file_name,
            keep_taken_on=keep_taken_on,
        )
    )


def purpose_of(word: PurposeWord) -> common_pb2.Purpose.ValueType:
    """The message's value for a word."""
    return common_pb2.Purpose.Value(f"PURPOSE_{word.upper()}")


def state_of(number: int) -> StateWord:
    """The word for a state."""
    return _STATES[number]


def _fields(media: ingest_pb2.Media) -> dict[str, object]:
    return {
        "media_id": media.media_id,
        "state": state_of(media.state),
        "reason": media.reason or None,
        "purpose": word_of(media.purpose, common_pb2.Purpose, "PURPOSE_"),
        "source": word_of(media.source, common_pb2.Source, "SOURCE_"),
        "source_url": media.source_url or None,
        "file_name": media.file_name or None,
        "taken_on": media.taken_on or None,
        "width_px": media.width_px,
        "height_px": media.height_px,
        "created_at": time_of(media.created_at_ms),
        "expires_at": time_of(media.expires_at_ms),
    }


def _found(found: ingest_pb2.Media | embed_pb2.EncodePictureResponse) -> dict[str, object]:
    return {
        "regions": RegionModel.all(found.regions),
        "labels": LabelModel.all(found.labels),
        "colours": ColourModel.all(found.colours),
    }
