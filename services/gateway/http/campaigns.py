"""Campaigns: /v1/campaigns, for who has the scope of the catalogue."""

from __future__ import annotations

from fastapi import APIRouter, Response

from nungil.api.profile.v1 import campaigns_pb2
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Merchant, Wired
from services.gateway.wire.campaigns import CampaignGivenModel, CampaignModel, CampaignsModel, LedgerModel
from services.gateway.wire.common import caller

router = APIRouter(prefix="/v1/campaigns", tags=["a marketer"], route_class=GuardedRoute)


@router.get("")
async def list_campaigns(who: Merchant, parts: Wired) -> CampaignsModel:
    """All campaigns, with how often each was shown so far."""
    request = campaigns_pb2.ListCampaignsRequest(caller=caller(who))
    answer = await ask(parts.peers.campaigns.ListCampaigns, request, timeout_s=parts.settings.call_timeout_s)
    return CampaignsModel(campaigns=[CampaignModel.of(campaign) for campaign in answer.campaigns])


@router.put("/{campaign_id}", responses={201: {"model": CampaignModel, "description": "it is new"}})
async def put_campaign(
    who: Merchant, parts: Wired, campaign_id: str, campaign: CampaignGivenModel, response: Response
) -> CampaignModel:
    """Creates or replaces a campaign; what was shown so far stays counted."""
    request = campaigns_pb2.PutCampaignRequest(caller=caller(who), campaign=campaign.proto(campaign_id))
    answer = await ask(parts.peers.campaigns.PutCampaign, request, timeout_s=parts.settings.call_timeout_s)
    response.status_code = 201 if answer.created else 200
    return CampaignModel.of(answer.campaign)


@router.get("/{campaign_id}")
async def get_campaign(who: Merchant, parts: Wired, campaign_id: str) -> CampaignModel:
    """One campaign."""
    request = campaigns_pb2.GetCampaignRequest(caller=caller(who), campaign_id=campaign_id)
    answer = await ask(parts.peers.campaigns.GetCampaign, request, timeout_s=parts.settings.call_timeout_s)
    return CampaignModel.of(answer.campaign)


@router.delete("/{campaign_id}", status_code=204, response_class=Response)
async def delete_campaign(who: Merchant, parts: Wired, campaign_id: str) -> Response:
    """Ends a campaign at once. Its ledger goes with it: read it before."""
    request = campaigns_pb2.DeleteCampaignRequest(caller=caller(who), campaign_id=campaign_id)
    await ask(parts.peers.campaigns.DeleteCampaign, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/{campaign_id}/ledger")
async def get_ledger(who: Merchant, parts: Wired, campaign_id: str) -> LedgerModel:
    """How often each item was shown, day by day."""
    request = campaigns_pb2.GetLedgerRequest(caller=caller(who), campaign_id=campaign_id)
    answer = await ask(parts.peers.campaigns.GetLedger, request, timeout_s=parts.settings.call_timeout_s)
    return LedgerModel.of(answer)
