"""What a person is shown without asking: /v1/me/recommendations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from nungil.api.profile.v1 import recommendations_pb2
from nungil.api.search.v1 import search_pb2
from services.gateway.handlers.peers import ask
from services.gateway.http.route import GuardedRoute, Person, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.items import ITEM_KINDS, ItemKindWord
from services.gateway.wire.recommendations import RecommendationsModel

router = APIRouter(prefix="/v1", tags=["a person"], route_class=GuardedRoute)


@router.get("/me/recommendations")
async def list_recommendations(
    who: Person,
    parts: Wired,
    limit: Annotated[int, Query(ge=1, le=50, description="of the person's own; sponsored ones come on top")] = 20,
    cursor: Annotated[str, Query(max_length=500, description="`next_cursor` of the page before")] = "",
    market: Annotated[str, Query(max_length=20, description="ISO 3166-1 alpha-2")] = "",
    in_stock: bool = False,
    kind: Annotated[ItemKindWord | None, Query(description="what an item is; absent: any")] = None,
    about: Annotated[
        str,
        Query(
            max_length=100,
            description="words for this one answer, for example a skin or hair type: what says them, or shows them. In place of what is stated under /v1/me/about; nothing of it is kept",
        ),
    ] = "",
) -> RecommendationsModel:
    """Things for the person, each with its reason. Nothing that they were shown or did something with comes again.

    By what their pictures show where they consent (`personalise` and `image_interest`), with something new among it; else what they
    follow, then what is fresh and varied. What they state of themselves counts where they ticked `recommendations`."""
    filters = search_pb2.Filters(market=market, in_stock=in_stock, kinds=[ITEM_KINDS[kind]] if kind else [])
    request = recommendations_pb2.RecommendRequest(
        caller=caller(who), limit=limit, cursor=cursor, filters=filters, about=about
    )
    recommend = parts.peers.recommendations.Recommend
    return RecommendationsModel.of(await ask(recommend, request, timeout_s=parts.settings.call_timeout_s))
