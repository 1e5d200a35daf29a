"""Recommendations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nungil.api.profile.v1 import recommendations_pb2 as pb
from nungil.api.profile.v1.recommendations_pb2_grpc import RecommendationServiceServicer
from nungil.pictures.naming import name_to_proto
from nungil.taxonomy.taxonomy import Name, Taxonomy
from services.profile.handlers.recommendations import Asked, Recommend, Recommended
from services.profile.recommendations.why import why, why_sponsored


class RecommendationServicer(RecommendationServiceServicer):
    """Answers `nungil.api.profile.v1.RecommendationService`."""

    def __init__(self, recommend: Recommend, taxonomy_of: Callable[[str], Taxonomy]) -> None:
        self._recommend = recommend
        self._taxonomy_of = taxonomy_of

    def Recommend(self, request: pb.RecommendRequest, context: Any) -> pb.RecommendResponse:
        caller = request.caller
        asked = Asked(
            caller.tenant, caller.person_id, request.limit, request.cursor, request.filters, request.about.strip()
        )
        page, taxonomy = self._recommend(asked), self._taxonomy_of(caller.tenant)
        return pb.RecommendResponse(
            recommendations=[_to_proto(one, taxonomy) for one in page.recommended], next_cursor=page.next_cursor
        )


def _to_proto(one: Recommended, taxonomy: Taxonomy) -> pb.Recommendation:
    known = taxonomy.interests.get(one.interest)
    name = None if known is None else Name(one.name or known.name.ko, one.name or known.name.en)
    because = pb.Because(
        kind=pb.Because.KIND_SPONSORED if one.source is None else pb.Because.Kind.ValueType(int(one.source)),
        interest_id=one.interest,
        interest=None if name is None else name_to_proto(name),
        media_ids=one.media_ids,
        why=name_to_proto(
            why_sponsored(name) if one.source is None else why(one.source, name, len(one.media_ids), one.stated)
        ),
    )
    return pb.Recommendation(hit=one.hit, because=because, sponsored=one.source is None, campaign_id=one.campaign_id)
