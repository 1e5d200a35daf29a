"""Items, offers and imports, as the API shows them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from nungil.api.common.v1 import common_pb2
from nungil.api.ingest.v1 import ingest_pb2, items_pb2
from services.gateway.wire.common import MinorUnits, Model, NameModel, time_of


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


class OfferModel(OfferGivenModel):
    checked_at: datetime | None = None

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
            checked_at=time_of(offer.checked_at_ms),
        )


class ItemGivenModel(Model):
    title: NameModel
    media_ids: list[str] = Field(
        description="its pictures, given before with the purpose catalogue; the first is shown", max_length=50
    )
    brand: str = Field("", max_length=200)
    category: str = Field("", max_length=200, examples=["chair"])
    offers: list[OfferGivenModel] = Field(default=[], max_length=200)

    def proto(self, item_id: str) -> items_pb2.Item:
        return items_pb2.Item(
            item_id=item_id,
            media_ids=self.media_ids,
            title=common_pb2.Name(ko=self.title.ko, en=self.title.en),
            brand=self.brand,
            category=self.category,
            offers=[items_pb2.Offer(**offer.model_dump()) for offer in self.offers],
        )


class ItemModel(Model):
    id: str = Field(description="the shop's own, unique within its tenant", examples=["chair-7"])
    title: NameModel
    media_ids: list[str]
    brand: str
    category: str
    offers: list[OfferModel]

    @classmethod
    def of(cls, item: items_pb2.Item) -> ItemModel:
        return cls(
            id=item.item_id,
            title=NameModel.of(item.title),
            media_ids=list(item.media_ids),
            brand=item.brand,
            category=item.category,
            offers=[OfferModel.of(offer) for offer in item.offers],
        )


class RejectedRowModel(Model):
    line: int = Field(description="of the file; the header is line 1")
    reason: str


class ImportModel(Model):
    import_id: str
    done: bool
    rows: int = Field(description="read so far")
    accepted: int = Field(description="rows applied")
    items: int = Field(description="distinct items among them")
    rejected: list[RejectedRowModel]

    @classmethod
    def of(cls, import_: ingest_pb2.Import) -> ImportModel:
        return cls(
            import_id=import_.import_id,
            done=import_.done,
            rows=import_.rows,
            accepted=import_.accepted,
            items=import_.items,
            rejected=[RejectedRowModel(line=row.line, reason=row.reason) for row in import_.rejected],
        )
