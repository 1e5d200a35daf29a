"""What a search by regions gives: messages to and from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nungil.api.search.v1 import search_pb2 as pb
from nungil.pictures.features import FoundRegion
from services.search.core import CropQuery
from services.search.lens_wire import region_to_proto
from services.search.wire import Hit, hit_to_proto, query_of

DEFAULT_LIMIT = 5


@dataclass(frozen=True, slots=True)
class OfRegion:
    """What looks like one region of a picture."""

    region: FoundRegion
    matched: bool
    hits: Sequence[Hit]


def regions_query_of(request: pb.SearchByRegionsRequest) -> CropQuery:
    """Raises as `query_of`."""
    return query_of(
        pb.SearchByCropRequest(
            caller=request.caller,
            media_id=request.media_id,
            filters=request.filters,
            limit=request.limit or DEFAULT_LIMIT,
        )
    )


def regions_to_proto(answered: Sequence[OfRegion], *, partial: bool, took_ms: float) -> pb.SearchByRegionsResponse:
    regions = [
        pb.SearchByRegionsResponse.OfRegion(
            region=region_to_proto(each.region), matched=each.matched, hits=[hit_to_proto(hit) for hit in each.hits]
        )
        for each in answered
    ]
    return pb.SearchByRegionsResponse(regions=regions, partial=partial, took_ms=took_ms)
