"""Campaigns, for the marketer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nungil.api.profile.v1 import campaigns_pb2 as pb
from nungil.api.profile.v1.campaigns_pb2_grpc import CampaignServiceServicer
from services.profile.core import DAY_MS
from services.profile.handlers.campaigns import Campaigns
from services.profile.store.campaigns_rows import Campaign, Line


class CampaignServicer(CampaignServiceServicer):
    """Answers `nungil.api.profile.v1.CampaignService`."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._campaigns = campaigns

    def PutCampaign(self, request: pb.PutCampaignRequest, context: Any) -> pb.PutCampaignResponse:
        given = {name: getattr(request.campaign, name) for name in Campaign.__slots__}
        said = Campaign(**given | {"item_ids": tuple(request.campaign.item_ids), "showings": 0})
        kept, created = self._campaigns.put(request.caller.tenant, said)
        return pb.PutCampaignResponse(campaign=_to_proto(kept), created=created)

    def GetCampaign(self, request: pb.GetCampaignRequest, context: Any) -> pb.GetCampaignResponse:
        return pb.GetCampaignResponse(
            campaign=_to_proto(self._campaigns.get(request.caller.tenant, request.campaign_id))
        )

    def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Any) -> pb.ListCampaignsResponse:
        return pb.ListCampaignsResponse(
            campaigns=[_to_proto(one) for one in self._campaigns.all(request.caller.tenant)]
        )

    def DeleteCampaign(self, request: pb.DeleteCampaignRequest, context: Any) -> pb.DeleteCampaignResponse:
        self._campaigns.delete(request.caller.tenant, request.campaign_id)
        return pb.DeleteCampaignResponse()

    def GetLedger(self, request: pb.GetLedgerRequest, context: Any) -> pb.GetLedgerResponse:
        lines = self._campaigns.ledger(request.caller.tenant, request.campaign_id)
        return pb.GetLedgerResponse(lines=[_line(line) for line in lines])


def _to_proto(campaign: Campaign) -> pb.Campaign:
    return pb.Campaign(**{name: getattr(campaign, name) for name in Campaign.__slots__})


def _line(line: Line) -> pb.GetLedgerResponse.Line:
    day = datetime.fromtimestamp(line.day * DAY_MS / 1000, UTC).date().isoformat()
    return pb.GetLedgerResponse.Line(day=day, item_id=line.item_id, showings=line.showings)
