"""Messages to and from what finds candidates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nungil.api.ingest.v1 import items_pb2
from nungil.api.search.v1 import search_pb2 as pb
from nungil.encoder.port import EncoderSpace
from nungil.vector_index.port import region_of
from services.search import tags_wire
from services.search.candidates import MAX_WITHOUT, Asked, By, Candidate, Candidates, Thing, checked_ways
from services.search.core import CropQuery
from services.search.errors import InvalidQuery
from services.search.wire import filters_of, hit_to_proto


def asked_of(request: pb.FindCandidatesRequest, space: EncoderSpace) -> Asked:
    """Raises InvalidQuery, UnknownMarket or UnknownCurrency."""
    if len(request.without_items) + len(request.without_media) > MAX_WITHOUT:
        raise InvalidQuery(f"more than {MAX_WITHOUT} things and pictures are to be left out")
    chips = [request.exclude[n : n + tags_wire.MAX_CHIPS] for n in range(0, len(request.exclude), tags_wire.MAX_CHIPS)]
    query = CropQuery(
        tenant=request.caller.tenant,
        person_id="",  # the catalogue alone: nobody is recommended a picture of their own
        media_id="",
        filters=replace(filters_of(request.filters), items_only=True),
        text=tags_wire.checked_text(request.text),
        exclude=tuple(dict.fromkeys(tag for some in chips for tag in tags_wire.tags_of_chips(some))),
    )
    ways = checked_ways([_way_of(each) for each in request.queries], space.dim)
    if request.encoder_space != space.name and any(way.vector is not None for way in ways):
        served = f"vectors of {request.encoder_space!r} cannot be compared: pictures are searched in {space.name}"
        raise InvalidQuery(served, slug="other-encoder-space")
    return Asked(query, ways, frozenset(request.without_items), frozenset(request.without_media), request.bare)


def found_to_proto(found: Candidates, *, bare: bool) -> pb.FindCandidatesResponse:
    """Answers in the order of the questions."""
    of_queries = [
        pb.FindCandidatesResponse.OfQuery(candidates=[_candidate_to_proto(each, bare=bare) for each in candidates])
        for candidates in found.of_ways
    ]
    return pb.FindCandidatesResponse(found=of_queries, partial=found.partial)


def _way_of(query: pb.CandidateQuery) -> By:
    match query.WhichOneof("by"):
        case "vector":
            if len(query.vector) % 4:
                raise InvalidQuery("a vector is float32 numbers, little endian: its bytes are a multiple of 4")
            return By(query.limit, vector=np.frombuffer(query.vector, dtype="<f4").astype(np.float32))
        case "label":
            [tag] = tags_wire.tags_of_chips([pb.Chip(kind=pb.Chip.KIND_LABEL, id=query.label)])
            return By(query.limit, label=tag)
        case "named":
            things = tuple(Thing(each.item_id, each.media_id, each.region) for each in query.named.things)
            return By(query.limit, things=things)
        case "newest":
            return By(query.limit)
    raise InvalidQuery("a query says how: near a vector, of a label, named, or the newest")


def _candidate_to_proto(candidate: Candidate, *, bare: bool) -> pb.Candidate:
    vector = b"" if candidate.vector is None else candidate.vector.astype("<f4").tobytes()
    if not bare and candidate.hit is not None:
        return pb.Candidate(hit=hit_to_proto(candidate.hit), vector=vector)
    match = candidate.found.match
    item = items_pb2.Item(item_id=candidate.found.item_id or "", kind=items_pb2.ItemKind.ValueType(candidate.kind))
    hit = pb.Hit(media_id=match.media_id, score=match.score, region=region_of(match.id), item=item)
    return pb.Candidate(hit=hit, vector=vector)
