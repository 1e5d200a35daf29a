"""Recommendations, as the API shows them."""

from __future__ import annotations

from pydantic import Field

from nungil.api.profile.v1 import recommendations_pb2 as pb
from services.gateway.wire.common import BoxModel, Model, NameModel, word_of
from services.gateway.wire.items import ItemModel


class OfInterestModel(Model):
    id: str = Field(description="of the taxonomy", examples=["dogs"])
    name: NameModel = Field(description="as the person calls it")


class BecauseModel(Model):
    kind: str = Field(
        description="interest: the person's pictures say so; session: what they pointed at just now; followed; exploration: outside of "
        "their interests, on purpose; fresh: newly come; stated: they said so of themselves; sponsored",
        examples=["interest"],
    )
    interest: OfInterestModel | None
    media_ids: list[str] = Field(description="the pictures that say so, three at most; empty: none do")
    why: NameModel = Field(description="one sentence")

    @classmethod
    def of(cls, because: pb.Because) -> BecauseModel:
        interest = OfInterestModel(id=because.interest_id, name=NameModel.of(because.interest))
        return cls(
            kind=word_of(because.kind, pb.Because.Kind, "KIND_"),
            interest=interest if because.HasField("interest") else None,
            media_ids=list(because.media_ids),
            why=NameModel.of(because.why),
        )


class RecommendationModel(Model):
    item: ItemModel = Field(description="a product, a service or an article; its offers pass the filters")
    media_id: str = Field(description="the picture of it that looks like the reason")
    box: BoxModel = Field(description="the part of this picture that does")
    score: float = Field(description="cosine, -1 to 1; 0 where nothing was compared")
    because: BecauseModel
    sponsored: bool = Field(description="a campaign shows it: at most one in ten, only with the consent ads_onsite")
    campaign_id: str | None = Field(description="of what is sponsored")

    @classmethod
    def of(cls, one: pb.Recommendation) -> RecommendationModel:
        return cls(
            item=ItemModel.of(one.hit.item),
            media_id=one.hit.media_id,
            box=BoxModel.of(one.hit.box),
            score=one.hit.score,
            because=BecauseModel.of(one.because),
            sponsored=one.sponsored,
            campaign_id=one.campaign_id or None,
        )


class RecommendationsModel(Model):
    recommendations: list[RecommendationModel]
    next_cursor: str | None = Field(description="of the same list, for an hour; null: it ends here")

    @classmethod
    def of(cls, answer: pb.RecommendResponse) -> RecommendationsModel:
        return cls(
            recommendations=[RecommendationModel.of(one) for one in answer.recommendations],
            next_cursor=answer.next_cursor or None,
        )
