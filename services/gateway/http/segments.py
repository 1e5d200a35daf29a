"""Segments: /v1/segments, for who has the scope of the catalogue, and /v1/me/segments for those who are in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from nungil.api.profile.v1 import segments_pb2 as pb
from nungil.runtime.errors import Rejected
from services.gateway.errors import UnsupportedBody
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Merchant, Person, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.segments import (
    DryRunModel,
    MembershipModel,
    SegmentModel,
    SegmentsModel,
    WholeSegmentModel,
)

router = APIRouter(prefix="/v1", route_class=GuardedRoute)

_DRY_RUN_S = 300.0  # everyone who consented is looked at
_YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_AS_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_DEFINITION = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, **dict.fromkeys(_YAML[:1], _AS_TEXT)},
    }
}


@router.get("/segments", tags=["a marketer"])
async def list_segments(who: Merchant, parts: Wired) -> SegmentsModel:
    """All segments, with their sizes in bands."""
    request = pb.ListSegmentsRequest(caller=caller(who))
    answer = await ask(parts.peers.segments.ListSegments, request, timeout_s=parts.settings.call_timeout_s)
    return SegmentsModel(segments=[SegmentModel.of(segment) for segment in answer.segments])


@router.put("/segments/{segment_id}", tags=["a marketer"], openapi_extra=_DEFINITION)
async def put_segment(who: Merchant, parts: Wired, segment_id: str, request: Request) -> WholeSegmentModel:
    """Keeps a definition, YAML or JSON, as the draft: nothing counts before it is published. A definition that asks for what is
    never inferred of people (health, religion, origin, …), or for a proxy of it, is refused with the reason. `stated` asks for what
    people state of themselves, and holds of those alone who let segments read it."""
    text = await _text_of(request)
    asked = pb.PutSegmentRequest(caller=caller(who), segment_id=segment_id, definition=text)
    answer = await ask(parts.peers.segments.PutSegment, asked, timeout_s=parts.settings.call_timeout_s)
    return WholeSegmentModel.whole(answer.segment)


@router.get("/segments/{segment_id}", tags=["a marketer"])
async def get_segment(who: Merchant, parts: Wired, segment_id: str) -> WholeSegmentModel:
    """One segment with all its versions."""
    request = pb.GetSegmentRequest(caller=caller(who), segment_id=segment_id)
    answer = await ask(parts.peers.segments.GetSegment, request, timeout_s=parts.settings.call_timeout_s)
    return WholeSegmentModel.whole(answer.segment)


@router.delete("/segments/{segment_id}", tags=["a marketer"], status_code=204, response_class=Response)
async def delete_segment(who: Merchant, parts: Wired, segment_id: str) -> Response:
    """Deletes a segment with its versions, and ends every membership at once."""
    request = pb.DeleteSegmentRequest(caller=caller(who), segment_id=segment_id)
    await ask(parts.peers.segments.DeleteSegment, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.post("/segments/{segment_id}/dry-run", tags=["a marketer"])
async def dry_run_segment(who: Merchant, parts: Wired, segment_id: str) -> DryRunModel:
    """How many people the draft would let in now, as a band. Looks at everyone who consented, and changes nothing."""
    request = pb.DryRunSegmentRequest(caller=caller(who), segment_id=segment_id)
    return DryRunModel.made(await ask(parts.peers.segments.DryRunSegment, request, timeout_s=_DRY_RUN_S))


@router.post("/segments/{segment_id}/publish", tags=["a marketer"])
async def publish_segment(who: Merchant, parts: Wired, segment_id: str) -> WholeSegmentModel:
    """Makes the draft the version that counts; the one before is kept. `spreading` until it was applied to everyone."""
    request = pb.PublishSegmentRequest(caller=caller(who), segment_id=segment_id)
    answer = await ask(parts.peers.segments.PublishSegment, request, timeout_s=parts.settings.call_timeout_s)
    return WholeSegmentModel.whole(answer.segment)


@router.get("/me/segments", tags=["a person"])
async def get_my_segments(who: Person, parts: Wired) -> list[MembershipModel]:
    """The segments that the person is in: since when, because of which pictures, and what would end it."""
    request = pb.GetMySegmentsRequest(caller=caller(who))
    answer = await ask(parts.peers.segments.GetMySegments, request, timeout_s=parts.settings.call_timeout_s)
    return [MembershipModel.of(membership) for membership in answer.memberships]


async def _text_of(request: Request) -> str:
    type_ = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if type_ not in ("application/json", *_YAML):
        raise UnsupportedBody("a definition is application/json or application/yaml")
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected("the definition is not UTF-8") from error
