"""What a person states of themselves: /v1/me/about; and the story that their gallery tells: /v1/me/story."""

from __future__ import annotations

from fastapi import APIRouter, Response

from nungil.api.ingest.v1 import dates_pb2
from nungil.api.profile.v1 import people_pb2
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Person, Wired
from services.gateway.wire.abouts import AboutModel, StoryModel
from services.gateway.wire.common import caller

router = APIRouter(prefix="/v1/me", tags=["a person"], route_class=GuardedRoute)


@router.get("/about")
async def get_about(who: Person, parts: Wired) -> AboutModel:
    """What the person stated of themselves, and who may read it."""
    request = people_pb2.GetAboutRequest(caller=caller(who))
    answer = await ask(parts.peers.people.GetAbout, request, timeout_s=parts.settings.call_timeout_s)
    return AboutModel.of(answer.about)


@router.put("/about")
async def put_about(who: Person, parts: Wired, about: AboutModel) -> AboutModel:
    """Replaces all that the person stated; what is left out is stated no more."""
    answer = await ask(parts.peers.people.PutAbout, about.proto(who), timeout_s=parts.settings.call_timeout_s)
    return AboutModel.of(answer.about)


@router.delete("/about", status_code=204, response_class=Response)
async def delete_about(who: Person, parts: Wired) -> Response:
    """Forgets all that the person stated."""
    request = people_pb2.DeleteAboutRequest(caller=caller(who))
    await ask(parts.peers.people.DeleteAbout, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/story")
async def get_story(who: Person, parts: Wired) -> StoryModel:
    """The pictures that the person keeps, by year and season, as interests. Computed from the pictures alone: one that is
    deleted is gone from it. Needs the consents image_interest and taken_on."""
    timeout_s = parts.settings.call_timeout_s
    asked = dates_pb2.GetDatesRequest(caller=caller(who))
    dates = await ask(parts.peers.dates.GetDates, asked, timeout_s=timeout_s)
    request = people_pb2.GetStoryRequest(caller=caller(who), taken_on=dates.taken_on)
    return StoryModel.of(await ask(parts.peers.people.GetStory, request, timeout_s=timeout_s))
