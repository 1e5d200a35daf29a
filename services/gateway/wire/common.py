"""What every resource speaks of: names, boxes, labels, colours, times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nungil.api.common.v1 import common_pb2
from nungil.pictures.boxes import ACCEPTED
from services.gateway.core import Who

Fraction = Annotated[float, Field(strict=True, allow_inf_nan=False)]
MinorUnits = Annotated[int, Field(strict=True, ge=0, lt=2**53)]


class Model(BaseModel):
    """A part of a request or an answer. An unknown field in a request is refused, so that a misspelt filter is no silent one."""

    model_config = ConfigDict(extra="forbid")


class BoxModel(Model):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "description": f"A part of a picture, origin top left: {ACCEPTED}. What lies outside is clipped.",
            "examples": [{"x": 0.25, "y": 0.1, "width": 0.5, "height": 0.4}],
        },
    )

    x: Fraction = Field(description="left edge, as a fraction of the picture's width")
    y: Fraction = Field(description="top edge, as a fraction of the picture's height")
    width: Fraction
    height: Fraction

    def proto(self) -> common_pb2.Box:
        return common_pb2.Box(x=self.x, y=self.y, width=self.width, height=self.height)

    @classmethod
    def of(cls, box: common_pb2.Box) -> BoxModel:
        return cls(x=box.x, y=box.y, width=box.width, height=box.height)


class NameModel(Model):
    ko: str = Field("", max_length=500, examples=["나무 의자"])
    en: str = Field("", max_length=500, examples=["wooden chair"])

    @classmethod
    def of(cls, name: common_pb2.Name) -> NameModel:
        return cls(ko=name.ko, en=name.en)


class LabelModel(Model):
    id: str = Field(description="of the taxonomy", examples=["golden_retriever"])
    name: NameModel
    score: float = Field(description="0 to 1")

    @classmethod
    def all(cls, labels: Iterable[common_pb2.Label]) -> list[LabelModel]:
        return [cls(id=label.id, name=NameModel.of(label.name), score=label.score) for label in labels]


class ColourModel(Model):
    id: str = Field(description="a basic colour term", examples=["red"])
    name: NameModel
    rgb: str = Field(description="the centre of this colour in this picture", examples=["#c0392b"])
    share: float = Field(description="of the picture's pixels, 0 to 1")

    @classmethod
    def all(cls, colours: Iterable[common_pb2.Colour]) -> list[ColourModel]:
        return [cls(id=c.id, name=NameModel.of(c.name), rgb=f"#{c.rgb:06x}", share=c.share) for c in colours]


class RegionModel(Model):
    n: int = Field(description="0 is the whole picture")
    box: BoxModel
    labels: list[LabelModel] = Field(description="best first")

    @classmethod
    def all(cls, regions: Iterable[common_pb2.Region]) -> list[RegionModel]:
        return [cls.of(region) for region in regions]

    @classmethod
    def of(cls, region: common_pb2.Region) -> RegionModel:
        return cls(n=region.n, box=BoxModel.of(region.box), labels=LabelModel.all(region.labels))


def caller(who: Who) -> common_pb2.Caller:
    """Who asks, as every request to a service carries it."""
    return common_pb2.Caller(tenant=who.tenant, person_id=who.person_id)


def time_of(ms: int) -> datetime | None:
    """Milliseconds since the epoch as a UTC time; None for 0, which stands for never."""
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def word_of(number: int, enum: object, prefix: str) -> str:
    """The public word of a proto enum's value: MEDIA_STATE_SEARCHABLE -> searchable."""
    name: str = enum.Name(number)  # type: ignore[attr-defined]  # EnumTypeWrapper is generic in the stubs only
    return name.removeprefix(prefix).lower()
