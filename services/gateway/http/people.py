"""A person: /v1/me and /v1/activity."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query

from nungil.api.ingest.v1 import dates_pb2
from nungil.api.profile.v1 import profile_pb2, tried_pb2
from nungil.runtime.ids import new_event_id
from services.gateway.core import Who, event_id_of
from services.gateway.handlers.peers import ask
from services.gateway.http.parts import Parts
from services.gateway.http.route import GuardedRoute, Person, Wired
from services.gateway.wire.common import caller, time_of
from services.gateway.wire.people import (
    ActivityModel,
    ConsentChangeModel,
    ConsentsModel,
    LearningKeptModel,
    LearningModel,
    NotedModel,
    TriedsModel,
)

router = APIRouter(prefix="/v1", tags=["a person"], route_class=GuardedRoute)


@router.get("/me/consent")
async def get_consent(who: Person, parts: Wired) -> ConsentsModel:
    """What the person allows."""
    return await _consents(who, parts)


@router.put("/me/consent")
async def put_consent(who: Person, parts: Wired, change: ConsentChangeModel) -> ConsentsModel:
    """Gives or withdraws consents; those not named stay as they are. In effect when this answers."""
    for purpose, given in change.changes():
        request = profile_pb2.SetConsentRequest(caller=caller(who), purpose=purpose, given=given)
        await ask(parts.peers.profile.SetConsent, request, timeout_s=parts.settings.call_timeout_s)
    if change.taken_on is False:  # asked again, it is done again: nothing is left where ingest was away
        forget = dates_pb2.ForgetDatesRequest(caller=caller(who))
        await ask(parts.peers.dates.ForgetDates, forget, timeout_s=parts.settings.call_timeout_s)
    return await _consents(who, parts)


@router.put("/me/learning")
async def put_learning(who: Person, parts: Wired, learning: LearningModel) -> LearningKeptModel:
    """Pauses learning, or goes on with it. What happens during a pause is never learnt; what was learnt before stays."""
    request = profile_pb2.SetLearningRequest(caller=caller(who), paused=learning.paused)
    answer = await ask(parts.peers.profile.SetLearning, request, timeout_s=parts.settings.call_timeout_s)
    return LearningKeptModel(paused=answer.paused, changed_at=time_of(answer.changed_at_ms))


@router.post("/activity", status_code=202)
async def note_activity(
    who: Person,
    parts: Wired,
    activity: ActivityModel,
    idempotency_key: Annotated[str | None, Header(description="sent again with the same key, it counts once")] = None,
) -> NotedModel:
    """Notes what the person did with a picture that they can see; where they tried it, with their picture and word about it."""
    event_id = event_id_of(who, idempotency_key) if idempotency_key else new_event_id()
    await parts.note_activity(who, activity, event_id=event_id)
    return NotedModel(event_id=event_id)


@router.get("/me/tried")
async def list_tried(
    who: Person,
    parts: Wired,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> TriedsModel:
    """What the person made after a picture, with their own picture of it and their word about it. Gone with either picture."""
    request = tried_pb2.ListTriedRequest(caller=caller(who), limit=limit, cursor=cursor)
    return TriedsModel.of(await ask(parts.peers.tried.ListTried, request, timeout_s=parts.settings.call_timeout_s))


async def _consents(who: Who, parts: Parts) -> ConsentsModel:
    request = profile_pb2.GetConsentsRequest(caller=caller(who))
    return ConsentsModel.of(
        await ask(parts.peers.profile.GetConsents, request, timeout_s=parts.settings.call_timeout_s)
    )
