"""Campaigns and their ledgers, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field

from nungil.api.profile.v1 import campaigns_pb2 as pb
from services.gateway.wire.common import Model, time_of

ItemId = Annotated[str, Field(min_length=1, max_length=200)]


class CampaignGivenModel(Model):
    """Items that are shown to those who allow it, marked as sponsored: at most one in ten of what they are recommended."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Autumn walks",
                    "interest": "dogs",
                    "item_ids": ["clinic-1", "leash-7"],
                    "cap_per_person": 5,
                    "from": "2026-10-01T00:00:00Z",
                    "until": "2026-12-01T00:00:00Z",
                    "budget": 10000,
                }
            ]
        },
    )

    name: str = Field("", max_length=100)
    segment: str | None = Field(None, max_length=100, description="to whom: the members of this segment")
    interest: str | None = Field(None, max_length=100, description="or those with this interest; give one of the two")
    item_ids: list[ItemId] = Field(min_length=1, max_length=100)
    cap_per_person: int = Field(strict=True, ge=1, le=1_000, description="showings, within the whole period")
    from_: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(description="the first moment at which it is over")
    budget: int = Field(strict=True, ge=1, le=1_000_000_000, description="showings, to all together")

    def proto(self, campaign_id: str) -> pb.Campaign:
        return pb.Campaign(
            campaign_id=campaign_id,
            name=self.name,
            segment_id=self.segment or "",
            interest_id=self.interest or "",
            item_ids=self.item_ids,
            cap_per_person=self.cap_per_person,
            from_ms=int(self.from_.timestamp() * 1000),
            until_ms=int(self.until.timestamp() * 1000),
            budget=self.budget,
        )


class CampaignModel(Model):
    id: str
    name: str
    segment: str | None
    interest: str | None
    item_ids: list[str]
    cap_per_person: int
    from_: datetime | None = Field(alias="from")
    until: datetime | None
    budget: int
    showings: int = Field(description="so far")

    @classmethod
    def of(cls, campaign: pb.Campaign) -> CampaignModel:
        return cls.model_validate(
            {
                "id": campaign.campaign_id,
                "name": campaign.name,
                "segment": campaign.segment_id or None,
                "interest": campaign.interest_id or None,
                "item_ids": list(campaign.item_ids),
                "cap_per_person": campaign.cap_per_person,
                "from": time_of(campaign.from_ms),
                "until": time_of(campaign.until_ms),
                "budget": campaign.budget,
                "showings": campaign.showings,
            }
        )


class CampaignsModel(Model):
    campaigns: list[CampaignModel] = Field(description="by id")


class LedgerLineModel(Model):
    day: str = Field(description="UTC", examples=["2026-11-21"])
    item_id: str
    showings: int


class LedgerModel(Model):
    """How often each item was shown on each day. It names nobody."""

    lines: list[LedgerLineModel] = Field(description="by day and item")

    @classmethod
    def of(cls, answer: pb.GetLedgerResponse) -> LedgerModel:
        return cls(lines=[LedgerLineModel(day=o.day, item_id=o.item_id, showings=o.showings) for o in answer.lines])
