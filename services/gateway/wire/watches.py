"""Watches and what is unmet, as the API shows them."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field, model_validator

from nungil.api.profile.v1 import profile_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, LabelModel, MinorUnits, Model, caller, time_of


class WatchGivenModel(Model):
    """A crop to wait for, and by which offer it can be bought: in stock, and all that is given here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "media_id": "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001",
                    "box": {"x": 0.25, "y": 0.1, "width": 0.5, "height": 0.4},
                    "market": "KR",
                    "currency": "KRW",
                    "max_price_minor": 30000,
                }
            ]
        },
    )

    media_id: str = Field(
        max_length=100, description="a picture that is searchable and stays: not one given with the purpose search"
    )
    box: BoxModel | None = Field(None, description="the part that is meant; absent: the whole picture")
    market: str | None = Field(None, max_length=20, description="ISO 3166-1 alpha-2; absent: anywhere", examples=["KR"])
    currency: str | None = Field(None, max_length=20, description="ISO 4217; absent: any", examples=["KRW"])
    max_price_minor: MinorUnits | None = Field(None, description="in the minor unit of `currency`", examples=[30000])

    @model_validator(mode="after")
    def _a_price_has_a_currency(self) -> WatchGivenModel:
        if self.currency is None and self.max_price_minor is not None:
            raise ValueError("max_price_minor needs a currency")
        return self

    def proto(self, who: Who) -> profile_pb2.CreateWatchRequest:
        return profile_pb2.CreateWatchRequest(
            caller=caller(who),
            media_id=self.media_id,
            box=None if self.box is None else self.box.proto(),
            market=self.market or "",
            currency=self.currency or "",
            max_price_minor=self.max_price_minor or 0,
        )


class WatchMatchModel(Model):
    item_id: str
    media_id: str = Field(description="the item's picture that looks like the crop")
    score: float = Field(description="cosine, -1 to 1")
    at: datetime | None


class WatchModel(Model):
    id: str
    media_id: str
    box: BoxModel
    market: str | None
    currency: str | None
    max_price_minor: int | None
    created_at: datetime | None
    matches: list[WatchMatchModel] = Field(description="what can be bought and looks like it, newest first")

    @classmethod
    def of(cls, watch: profile_pb2.Watch) -> WatchModel:
        return cls(**_fields(watch))


class WatchKeptModel(WatchModel):
    clipped: bool = Field(description="the box left the picture and was clipped")

    @classmethod
    def kept(cls, answer: profile_pb2.CreateWatchResponse) -> WatchKeptModel:
        return cls(**_fields(answer.watch), clipped=answer.clipped)


class WatchesModel(Model):
    watches: list[WatchModel] = Field(description="newest first")

    @classmethod
    def of(cls, answer: profile_pb2.ListWatchesResponse) -> WatchesModel:
        return cls(watches=[WatchModel.of(watch) for watch in answer.watches])


class UnmetGroupModel(Model):
    labels: list[LabelModel] = Field(
        description="what the crops show, with the mean score; empty: nothing that has a name"
    )
    market: str | None = Field(description="where it is wanted; null: anywhere")
    people: int
    watches: int


class UnmetModel(Model):
    groups: list[UnmetGroupModel] = Field(description="wanted by most people first")

    @classmethod
    def of(cls, answer: profile_pb2.ListUnmetResponse) -> UnmetModel:
        return cls(
            groups=[
                UnmetGroupModel(
                    labels=LabelModel.all(group.labels),
                    market=group.market or None,
                    people=group.people,
                    watches=group.watches,
                )
                for group in answer.groups
            ]
        )


def _fields(watch: profile_pb2.Watch) -> dict[str, object]:
    return {
        "id": watch.watch_id,
        "media_id": watch.media_id,
        "box": BoxModel.of(watch.box),
        "market": watch.market or None,
        "currency": watch.currency or None,
        "max_price_minor": watch.max_price_minor or None,
        "created_at": time_of(watch.created_at_ms),
        "matches": [
            WatchMatchModel(item_id=m.item_id, media_id=m.media_id, score=m.score, at=time_of(m.matched_at_ms))
            for m in watch.matches
        ],
    }
