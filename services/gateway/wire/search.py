"""Queries and hits, as the API shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from nungil.api.search.v1 import search_pb2
from nungil.commerce import check_currency, check_market
from nungil.runtime.errors import Rejected
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, MinorUnits, Model, NameModel, RegionModel, caller
from services.gateway.wire.items import ITEM_KINDS, WORD_OF_ITEM_KIND, ItemKindWord, ItemModel

KindWord = Literal["label", "colour", "category", "shop", "brand"]
SortWord = Literal["likeness", "price", "newest"]
MAX_TEXT = 300
_KINDS: dict[KindWord, search_pb2.Chip.Kind.ValueType] = {
    "label": search_pb2.Chip.KIND_LABEL,
    "colour": search_pb2.Chip.KIND_COLOUR,
    "category": search_pb2.Chip.KIND_CATEGORY,
    "shop": search_pb2.Chip.KIND_SHOP,
    "brand": search_pb2.Chip.KIND_BRAND,
}
_WORD_OF_KIND = {number: word for word, number in _KINDS.items()}
_SORTS: dict[SortWord, search_pb2.Sort.ValueType] = {
    "likeness": search_pb2.SORT_UNSPECIFIED,
    "price": search_pb2.SORT_PRICE,
    "newest": search_pb2.SORT_NEWEST,
}
ChipId = Annotated[str, Field(min_length=1, max_length=200)]


def _known(check: Callable[[str], None]) -> Callable[[str], str]:
    def checked(code: str) -> str:
        try:
            check(code)
        except Rejected as error:
            raise ValueError(str(error)) from error
        return code

    return checked


class FiltersModel(Model):
    market: Annotated[str, AfterValidator(_known(check_market))] | None = Field(
        None, description="ISO 3166-1 alpha-2", max_length=20, examples=["KR"]
    )
    in_stock: bool = False
    min_price_minor: MinorUnits | None = Field(None, description="in the minor unit of `currency`", examples=[10000])
    max_price_minor: MinorUnits | None = Field(None, examples=[30000])
    currency: Annotated[str, AfterValidator(_known(check_currency))] | None = Field(
        None, description="ISO 4217", max_length=20, examples=["KRW"]
    )
    shop: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=200)
    items_only: bool = Field(False, description="leave out pictures that are no item's")
    kind: ItemKindWord | None = Field(None, description="what an item is; null: any")

    @model_validator(mode="after")
    def _a_price_has_a_currency(self) -> FiltersModel:
        if self.currency is None and (self.min_price_minor is not None or self.max_price_minor is not None):
            raise ValueError("min_price_minor and max_price_minor need a currency")
        return self

    def proto(self) -> search_pb2.Filters:
        return search_pb2.Filters(
            **self.model_dump(exclude_none=True, exclude={"kind"}), kinds=[ITEM_KINDS[self.kind]] if self.kind else []
        )

    @classmethod
    def of(cls, filters: search_pb2.Filters) -> FiltersModel:
        return cls(
            market=filters.market or None,
            in_stock=filters.in_stock,
            min_price_minor=filters.min_price_minor or None,
            max_price_minor=filters.max_price_minor or None,
            currency=filters.currency or None,
            shop=filters.shop or None,
            category=filters.category or None,
            items_only=filters.items_only,
            kind=WORD_OF_ITEM_KIND.get(filters.kinds[0]) if filters.kinds else None,
        )


class ChipModel(Model):
    """What a result has, and what results can be narrowed to."""

    kind: KindWord
    id: ChipId = Field(
        description="of a label or colour, the taxonomy's; of a category, shop or brand, the feed's own word",
        examples=["dogs"],
    )

    def proto(self) -> search_pb2.Chip:
        return search_pb2.Chip(kind=_KINDS[self.kind], id=self.id)


class NamedChipModel(ChipModel):
    name: NameModel

    @classmethod
    def of(cls, chip: search_pb2.Chip) -> NamedChipModel:
        return cls(kind=_WORD_OF_KIND[chip.kind], id=chip.id, name=NameModel.of(chip.name))


class CountedChipModel(NamedChipModel):
    count: int = Field(description="how many of the present results have it; `counted` is how many results those are")

    @classmethod
    def of(cls, chip: search_pb2.Chip) -> CountedChipModel:
        return cls(kind=_WORD_OF_KIND[chip.kind], id=chip.id, name=NameModel.of(chip.name), count=chip.count)


class UnderstoodModel(Model):
    """How words were read."""

    filters: FiltersModel = Field(description="those given, with what words asked for")
    narrow: list[NamedChipModel] = Field(description="what words named")
    exclude: list[NamedChipModel]
    rest: str = Field(description="what named nothing, and was looked for in titles")
    by_look: bool = Field(description="whether `rest` was looked for in what pictures show too, where the encoder can")

    @classmethod
    def of(cls, understood: search_pb2.Understood) -> UnderstoodModel:
        return cls(
            filters=FiltersModel.of(understood.filters),
            narrow=[NamedChipModel.of(chip) for chip in understood.narrow],
            exclude=[NamedChipModel.of(chip) for chip in understood.exclude],
            rest=understood.rest,
            by_look=understood.by_look,
        )


class NarrowedModel(Model):
    """What results must be, beside looking like the picture. All that is given must hold."""

    filters: FiltersModel = Field(default_factory=FiltersModel)
    text: str = Field(
        "", description="words in Korean or English", max_length=MAX_TEXT, examples=["빨간 운동화", "dogs under 30,000"]
    )
    narrow: list[ChipModel] = Field([], description="all of these", max_length=20)
    exclude: list[ChipModel] = Field([], description="none of these", max_length=20)
    labels: list[ChipId] = Field([], description="short for chips of the kind label in `narrow`", max_length=20)
    not_labels: list[ChipId] = Field([], description="short for chips of the kind label in `exclude`", max_length=20)
    colour: ChipId | None = Field(None, description="short for a chip of the kind colour in `narrow`")
    sort: SortWord = Field(
        "likeness", description="price: the cheapest passing offer first, needs `filters.currency`; newest: items"
    )

    def narrow_protos(self) -> list[search_pb2.Chip]:
        short = [search_pb2.Chip(kind=search_pb2.Chip.KIND_LABEL, id=label) for label in self.labels]
        if self.colour is not None:
            short.append(search_pb2.Chip(kind=search_pb2.Chip.KIND_COLOUR, id=self.colour))
        return [chip.proto() for chip in self.narrow] + short

    def exclude_protos(self) -> list[search_pb2.Chip]:
        short = [search_pb2.Chip(kind=search_pb2.Chip.KIND_LABEL, id=label) for label in self.not_labels]
        return [chip.proto() for chip in self.exclude] + short

    def sort_proto(self) -> search_pb2.Sort.ValueType:
        return _SORTS[self.sort]


class SearchModel(NarrowedModel):
    """A picture, a part of one, words, or both. All filters that are given must hold; market, price, stock and shop for one
    and the same offer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "media_id": "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001",
                    "box": {"x": 0.25, "y": 0.1, "width": 0.5, "height": 0.4},
                    "filters": {"market": "KR", "in_stock": True},
                    "exclude": [{"kind": "colour", "id": "black"}],
                    "limit": 5,
                },
                {"text": "나이키 빨간 운동화 3만원 이하", "chips": True},
                {"media_id": "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001", "regions": "all"},
            ]
        },
    )

    media_id: str = Field(
        "", max_length=100, description="a picture that is searchable, or was given to search with; absent: words alone"
    )
    box: BoxModel | None = Field(None, description="the part to search with; without box and region, the whole picture")
    region: int | None = Field(None, ge=0, le=1000, description="instead of a box: the n of a region of this picture")
    regions: Literal["all"] | None = Field(
        None, description="every region of this picture at once (shop the look), `limit` hits each, 5 unless said"
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=2000, description="`next_cursor` of the answer before, same query")
    chips: bool = Field(False, description="tell the tags that split these results well, with their counts")
    record: bool = Field(
        True, description="a person means this search: count it for their interests. False while a frame still moves"
    )

    @model_validator(mode="after")
    def _one_question(self) -> SearchModel:
        if self.box is not None and self.region is not None:
            raise ValueError("give box or region, not both")
        if not self.media_id and not self.text.strip():
            raise ValueError("give media_id, text, or both")
        if not self.media_id and (self.box is not None or self.region is not None or self.regions is not None):
            raise ValueError("box, region and regions are parts of a picture: give its media_id too")
        if self.regions is not None and (others := sorted(self.model_fields_set - _WITH_REGIONS)):
            raise ValueError(f"regions goes with media_id, filters and limit alone, not with {', '.join(others)}")
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
            text=self.text,
            narrow=self.narrow_protos(),
            exclude=self.exclude_protos(),
            sort=self.sort_proto(),
            want_chips=self.chips,
        )
        if self.box is not None:
            request.box.CopyFrom(self.box.proto())
        elif self.region is not None:
            request.region = self.region
        return request

    def regions_proto(self, who: Who) -> search_pb2.SearchByRegionsRequest:
        """For `regions`. limit 0 lets search choose."""
        return search_pb2.SearchByRegionsRequest(
            caller=caller(who),
            media_id=self.media_id,
            filters=self.filters.proto(),
            limit=self.limit if "limit" in self.model_fields_set else 0,
        )


_WITH_REGIONS = {"media_id", "regions", "filters", "limit", "record"}  # record: shop the look is counted for nobody


class HitModel(Model):
    media_id: str
    score: float = Field(description="cosine, -1 to 1; the order weighs other agreement too")
    same: bool = Field(description="likely the same kind of thing; otherwise only similar")
    region: int = Field(description="the n of its region that looks most like the query")
    box: BoxModel = Field(description="the part of this picture that matched best")
    file_name: str | None = Field(description="as the picture's giver named it, where known", examples=["chair.jpg"])
    item: ItemModel | None = Field(description="null for a picture that is no item's; its offers pass the filters")

    @classmethod
    def of(cls, hit: search_pb2.Hit, file_names: Mapping[str, str]) -> HitModel:
        return cls(
            media_id=hit.media_id,
            score=hit.score,
            same=hit.same,
            region=hit.region,
            box=BoxModel.of(hit.box),
            file_name=file_names.get(hit.media_id) or None,
            item=ItemModel.of(hit.item) if hit.HasField("item") else None,
        )


class FoundModel(Model):
    matched: bool = Field(
        description="the best hit is good enough to be called a match; otherwise hits are only similar"
    )
    hits: list[HitModel] = Field(description="best first, at most one an item or picture")
    box: BoxModel | None = Field(description="what was searched with; null for words alone")
    clipped: bool = Field(description="the box left the picture and was clipped")
    next_cursor: str | None
    chips: list[CountedChipModel] = Field(description="where they were asked for: what splits these results well")
    counted: int = Field(description="how many results the counts of chips speak of")
    understood: UnderstoodModel | None = Field(description="how the words were read; null where there were none")
    partial: bool = Field(
        description="hits may be missing: the index did not answer in time, or too much passes the filters to look at it all"
    )
    took_ms: float

    @classmethod
    def of(
        cls, answer: search_pb2.SearchByCropResponse, file_names: Mapping[str, str], *, of_picture: bool
    ) -> FoundModel:
        return cls(
            matched=answer.matched,
            hits=[HitModel.of(hit, file_names) for hit in answer.hits],
            box=BoxModel.of(answer.box) if of_picture else None,
            clipped=answer.clipped,
            next_cursor=answer.next_cursor or None,
            chips=[CountedChipModel.of(chip) for chip in answer.chips],
            counted=answer.counted,
            understood=understood_of(answer),
            partial=answer.partial,
            took_ms=answer.took_ms,
        )


class OfRegionModel(Model):
    region: RegionModel
    matched: bool
    hits: list[HitModel]


class FoundOfRegionsModel(Model):
    """The answer to `regions`."""

    regions: list[OfRegionModel] = Field(description="in the order of the picture's regions")
    partial: bool = Field(description="time ran out: regions are missing")
    took_ms: float

    @classmethod
    def of(cls, answer: search_pb2.SearchByRegionsResponse, file_names: Mapping[str, str]) -> FoundOfRegionsModel:
        return cls(
            regions=[
                OfRegionModel(
                    region=RegionModel.of(one.region),
                    matched=one.matched,
                    hits=[HitModel.of(hit, file_names) for hit in one.hits],
                )
                for one in answer.regions
            ],
            partial=answer.partial,
            took_ms=answer.took_ms,
        )


def understood_of(answer: search_pb2.SearchByCropResponse | search_pb2.LensReady) -> UnderstoodModel | None:
    """How the words were read, where there were any."""
    return UnderstoodModel.of(answer.understood) if answer.HasField("understood") else None
