"""Queries and hits, as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict, Field, model_validator

from nungil.api.search.v1 import search_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, MinorUnits, Model, caller
from services.gateway.wire.items import ItemModel


class FiltersModel(Model):
    market: str | None = Field(None, description="ISO 3166-1 alpha-2", pattern="^[A-Z]{2}$", examples=["KR"])
    in_stock: bool = False
    min_price_minor: MinorUnits | None = Field(None, description="in the minor unit of `currency`", examples=[10000])
    max_price_minor: MinorUnits | None = Field(None, examples=[30000])
    currency: str | None = Field(None, description="ISO 4217", pattern="^[A-Z]{3}$", examples=["KRW"])
    shop: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=200)
    items_only: bool = Field(False, description="leave out pictures that are no item's")

    @model_validator(mode="after")
    def _a_price_has_a_currency(self) -> FiltersModel:
        if self.currency is None and (self.min_price_minor is not None or self.max_price_minor is not None):
            raise ValueError("min_price_minor and max_price_minor need a currency")
        return self

    def proto(self) -> search_pb2.Filters:
        return search_pb2.Filters(**self.model_dump(exclude_none=True))


class SearchModel(Model):
    """All filters that are given must hold; market, price, stock and shop for one and the same offer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "media_id": "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001",
                    "box": {"x": 0.25, "y": 0.1, "width": 0.5, "height": 0.4},
                    "filters": {"market": "KR", "in_stock": True},
                    "limit": 5,
                }
            ]
        },
    )

    media_id: str = Field(max_length=100, description="a picture that is searchable, or was given to search with")
    box: BoxModel | None = Field(None, description="the part to search with; without box and region, the whole picture")
    region: int | None = Field(None, ge=0, le=1000, description="instead of a box: the n of a region of this picture")
    filters: FiltersModel = Field(default_factory=FiltersModel)
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the answer before, same query")
    record: bool = Field(
        True, description="a person means this search: count it for their interests. False while a frame still moves"
    )

    @model_validator(mode="after")
    def _one_part(self) -> SearchModel:
        if self.box is not None and self.region is not None:
            raise ValueError("give box or region, not both")
        return self

    def proto(self, who: Who, *, event_id: str = "") -> search_pb2.SearchByCropRequest:
        """event_id: of the activity that it is, where it may be asked again."""
        request = search_pb2.SearchByCropRequest(
            caller=caller(who),
            media_id=self.media_id,
            filters=self.filters.proto(),
            limit=self.limit,
            cursor=self.cursor or "",
            record=self.record and bool(who.person_id),
            event_id=event_id,
        )
        if self.box is not None:
            request.box.CopyFrom(self.box.proto())
        elif self.region is not None:
            request.region = self.region
        return request


class HitModel(Model):
    media_id: str
    score: float = Field(description="cosine, -1 to 1")
    region: int = Field(description="the n of its region that looks most like the query")
    box: BoxModel = Field(description="of that region")
    file_name: str | None = Field(description="as the picture's giver named it, where known", examples=["chair.jpg"])
    item: ItemModel | None = Field(description="null for a picture that is no item's; its offers pass the filters")


class FoundModel(Model):
    matched: bool = Field(
        description="the best hit is good enough to be called a match; otherwise hits are only similar"
    )
    hits: list[HitModel] = Field(description="best first, at most one an item or picture")
    box: BoxModel = Field(description="what was searched with")
    clipped: bool = Field(description="the box left the picture and was clipped")
    next_cursor: str | None
    took_ms: float

    @classmethod
    def of(cls, answer: search_pb2.SearchByCropResponse, file_names: Mapping[str, str]) -> FoundModel:
        return cls(
            matched=answer.matched,
            hits=[
                HitModel(
                    media_id=hit.media_id,
                    score=hit.score,
                    region=hit.region,
                    box=BoxModel.of(hit.box),
                    file_name=file_names.get(hit.media_id) or None,
                    item=ItemModel.of(hit.item) if hit.HasField("item") else None,
                )
                for hit in answer.hits
            ],
            box=BoxModel.of(answer.box),
            clipped=answer.clipped,
            next_cursor=answer.next_cursor or None,
            took_ms=answer.took_ms,
        )
