"""A person's interests: /v1/me/interests; and those that there are, /v1/interests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from nungil.api.profile.v1 import profile_pb2
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Person, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.interests import InterestChangeModel, InterestModel, InterestsModel, KnownInterestsModel

router = APIRouter(prefix="/v1", tags=["a person"], route_class=GuardedRoute)

IfMatch = Annotated[
    str, Header(alias="If-Match", max_length=200, description="the ETag as it was read; 412 where it is another now")
]


@router.get(
    "/me/interests",
    response_model=InterestsModel,
    responses={304: {"description": "nothing that is shown has changed"}},
)
async def get_interests(
    who: Person,
    parts: Wired,
    response: Response,
    if_none_match: Annotated[str, Header(max_length=200, description="the ETag of an earlier answer")] = "",
) -> InterestsModel | Response:
    """What the person's pictures say of their interests, which part of which picture says so, and what the person said of it."""
    request = profile_pb2.GetInterestsRequest(caller=caller(who))
    answer = await ask(parts.peers.profile.GetInterests, request, timeout_s=parts.settings.call_timeout_s)
    etag = {"ETag": f'W/"{answer.etag}"'}  # weak: weights fade a little between two equal ones
    if tag_of(if_none_match) == answer.etag:
        return Response(status_code=304, headers=etag)
    response.headers.update(etag)
    return InterestsModel.of(answer)


@router.get("/me/interests/{interest_id}")
async def get_interest(who: Person, parts: Wired, interest_id: str, response: Response) -> InterestModel:
    """One interest of the taxonomy, whether there is evidence for it or not."""
    request = profile_pb2.GetInterestRequest(caller=caller(who), interest_id=interest_id)
    answer = await ask(parts.peers.profile.GetInterest, request, timeout_s=parts.settings.call_timeout_s)
    return _tagged(answer.interest, response)


@router.patch("/me/interests/{interest_id}")
async def correct_interest(
    who: Person, parts: Wired, interest_id: str, change: InterestChangeModel, response: Response, if_match: IfMatch = ""
) -> InterestModel:
    """Renames, mutes, pins or follows an interest, or takes that back. In effect when this answers."""
    request = change.proto(who, interest_id, tag_of(if_match))
    answer = await ask(parts.peers.profile.CorrectInterest, request, timeout_s=parts.settings.call_timeout_s)
    return _tagged(answer.interest, response)


@router.delete("/me/interests/{interest_id}", status_code=204, response_class=Response)
async def delete_interest(who: Person, parts: Wired, interest_id: str, if_match: IfMatch = "") -> Response:
    """Forgets what was learnt of an interest until now; later pictures may say it again. To be told of it no more, mute it."""
    request = profile_pb2.DeleteInterestRequest(caller=caller(who), interest_id=interest_id, if_match=tag_of(if_match))
    await ask(parts.peers.profile.DeleteInterest, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/interests")
async def find_interests(
    who: Person,
    parts: Wired,
    q: Annotated[
        str, Query(max_length=100, description="what it is called, in Korean or English", examples=["산"])
    ] = "",
    limit: Annotated[int, Query(ge=0, le=500, description="0: all")] = 0,
) -> KnownInterestsModel:
    """The interests that there are, to follow one."""
    request = profile_pb2.FindInterestsRequest(caller=caller(who), text=q, limit=limit)
    return KnownInterestsModel.of(
        await ask(parts.peers.profile.FindInterests, request, timeout_s=parts.settings.call_timeout_s)
    )


def tag_of(header: str) -> str:
    """The tag of If-Match or If-None-Match; empty where there is none, or '*', which any answers to."""
    tag = header.strip().removeprefix("W/").strip('"')
    return "" if tag == "*" else tag


def _tagged(interest: profile_pb2.Interest, response: Response) -> InterestModel:
    response.headers["ETag"] = f'"{interest.etag}"'
    return InterestModel.of(interest)
