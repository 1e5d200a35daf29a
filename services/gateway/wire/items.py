"""Items, offers and imports, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from nungil.api.common.v1 import common_pb2
from nungil.api.ingest.v1 import ingest_pb2, items_pb2
from services.gateway.wire.common import MinorUnits, Model, NameModel, time_of

FormatWord = Literal["csv", "jsonl", "google", "naver"]
_FORMATS: dict[FormatWord, ingest_pb2.FeedFormat.ValueType] = {
    "csv": ingest_pb2.FEED_FORMAT_CSV,
    "jsonl": ingest_pb2.FEED_FORMAT_JSON_LINES,
    "google": ingest_pb2.FEED_FORMAT_GOOGLE,
    "naver": ingest_pb2.FEED_FORMAT_NAVER,
}
FORMATS_OF_TYPES: dict[str, FormatWord] = {  # tab-separated text may be Google's or Naver's
    "text/csv": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/xml": "google",
    "text/xml": "google",
    "application/rss+xml": "google",
    "application/atom+xml": "google",
}
ConditionWord = Literal["new", "refurbished", "used"]
_CONDITIONS: dict[ConditionWord, items_pb2.Condition.ValueType] = {
    "new": items_pb2.CONDITION_NEW,
    "refurbished": items_pb2.CONDITION_REFURBISHED,
    "used": items_pb2.CONDITION_USED,
}
_WORDS = {number: word for word, number in _CONDITIONS.items()}
ItemKindWord = Literal["product", "service", "article"]
ITEM_KINDS: dict[ItemKindWord, items_pb2.ItemKind.ValueType] = {
    "product": items_pb2.ITEM_KIND_PRODUCT,
    "service": items_pb2.ITEM_KIND_SERVICE,
    "article": items_pb2.ITEM_KIND_ARTICLE,
}
WORD_OF_ITEM_KIND = {number: word for word, number in ITEM_KINDS.items()}
Alias = Annotated[str, Field(min_length=1, max_length=200)]


def terms_message(format_: FormatWord, *, full: bool, force: bool, shop: str, market: str) -> ingest_pb2.FeedTerms:
    """How a feed is to be taken."""
    return ingest_pb2.FeedTerms(format=_FORMATS[format_], full=full, force=force, shop=shop, market=market)


class OfferGivenModel(Model):
    offer_id: str = Field("", max_length=200, description="unique within the item; made from shop and market if absent")
    shop: str = Field(max_length=200, examples=["gaguhaus"])
    url: str = Field(max_length=2000, examples=["https://gaguhaus.example/chairs/7"])
    market: str = Field(description="ISO 3166-1 alpha-2: where it can be delivered", max_length=20, examples=["KR"])
    currency: str = Field(description="ISO 4217", max_length=20, examples=["KRW"])
    price_minor: MinorUnits = Field(
        description="in the currency's minor unit: 12,900 won is 12900, 12.90 dollars is 1290", examples=[12900]
    )
    in_stock: bool = True
    condition: ConditionWord | None = Field(None, description="absent: the shop does not say")
    expires_at: AwareDatetime | None = Field(None, description="not shown from then on; absent: never")

    def proto(self) -> items_pb2.Offer:
        said = self.model_dump(exclude={"condition", "expires_at"})
        return items_pb2.Offer(
            **said,
            condition=_CONDITIONS[self.condition] if self.condition else items_pb2.CONDITION_UNSPECIFIED,
            expires_at_ms=int(self.expires_at.timestamp() * 1000) if self.expires_at else 0,
        )


class OfferModel(OfferGivenModel):
    checked_at: datetime | None = Field(
        None, description="when the shop last said so; one that says nothing new is noted once a day"
    )

    @classmethod
    def of(cls, offer: items_pb2.Offer) -> OfferModel:
        return cls(
            offer_id=offer.offer_id,
            shop=offer.shop,
            url=offer.url,
            market=offer.market,
            currency=offer.currency,
            price_minor=offer.price_minor,
            in_stock=offer.in_stock,
            condition=_WORDS.get(offer.condition),
            expires_at=time_of(offer.expires_at_ms),
            checked_at=time_of(offer.checked_at_ms),
        )


class ItemGivenModel(Model):
    title: NameModel
    media_ids: list[str] = Field(
        description="its pictures, given before with the purpose catalogue; the first is shown", max_length=50
    )
    brand: str = Field("", max_length=200)
    category: str = Field("", max_length=200, examples=["chair"])
    aliases: list[Alias] = Field(
        default=[],
        max_length=50,
        description="other names of it or its brand, as people write them",
        examples=[["나이키"]],
    )
    kind: ItemKindWord = Field("product", description="a service: a pet clinic; an article: something to read")
    offers: list[OfferGivenModel] = Field(default=[], max_length=200)

    def proto(self, item_id: str) -> items_pb2.Item:
        return items_pb2.Item(
            item_id=item_id,
            media_ids=self.media_ids,
            title=common_pb2.Name(ko=self.title.ko, en=self.title.en),
            brand=self.brand,
            category=self.category,
            aliases=self.aliases,
            kind=ITEM_KINDS[self.kind],
            offers=[offer.proto() for offer in self.offers],
        )


class ItemModel(Model):
    id: str = Field(description="the shop's own, unique within its tenant", examples=["chair-7"])
    title: NameModel
    media_ids: list[str]
    brand: str
    category: str
    aliases: list[str]
    kind: ItemKindWord
    created_at: datetime | None = Field(description="when it first came")
    offers: list[OfferModel] = Field(
        description="what is in stock first, of that the cheapest; the expired are left out of searches"
    )

    @classmethod
    def of(cls, item: items_pb2.Item) -> ItemModel:
        return cls(
            id=item.item_id,
            title=NameModel.of(item.title),
            media_ids=list(item.media_ids),
            brand=item.brand,
            category=item.category,
            aliases=list(item.aliases),
            kind=WORD_OF_ITEM_KIND.get(item.kind, "product"),
            created_at=time_of(item.created_at_ms),
            offers=[OfferModel.of(offer) for offer in item.offers],
        )


class RejectedRowModel(Model):
    line: int = Field(
        description="of the file; the header is line 1. Of an XML feed: the number of its entry. 0: the feed as a whole"
    )
    reason: str


class ImportModel(Model):
    import_id: str
    done: bool
    rows: int = Field(description="read so far")
    accepted: int = Field(description="rows applied")
    items: int = Field(description="distinct items among them")
    retired: int = Field(description="offers that a full feed did not name, and that are gone")
    rejected: list[RejectedRowModel] = Field(description="the first 1,000")

    @classmethod
    def of(cls, import_: ingest_pb2.Import) -> ImportModel:
        return cls(
            import_id=import_.import_id,
            done=import_.done,
            rows=import_.rows,
            accepted=import_.accepted,
            items=import_.items,
            retired=import_.retired,
            rejected=[RejectedRowModel(line=row.line, reason=row.reason) for row in import_.rejected],
        )
