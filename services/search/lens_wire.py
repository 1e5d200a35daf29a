"""Messages to and from what is said in a lens session."""

from __future__ import annotations

from nungil.api.common.v1 import common_pb2
from nungil.api.search.v1 import search_pb2 as pb
from nungil.pictures.features import FoundRegion, box_from_proto, box_to_proto
from nungil.pictures.naming import named_labels
from nungil.runtime.errors import NungilError
from nungil.taxonomy.taxonomy import load_taxonomy
from services.search.core import CropQuery
from services.search.errors import InvalidQuery
from services.search.lens import Ask, Closed, Fault, Frame, LensHit, Ready, Refine, Shown, Tell, Wrong
from services.search.wire import chips_to_proto, item_to_proto, query_of, understood_to_proto


def opened_of(request: pb.LensRequest) -> CropQuery:
    """The first ask. Raises InvalidQuery where it is another, and as `query_of`."""
    if request.WhichOneof("ask") != "open":
        raise InvalidQuery("the first ask of a lens session is `open`, with the picture")
    if not request.open.media_id:
        raise InvalidQuery("`open` names no picture: give media_id")
    return _query_of(request.open, request.open.refine)


def ask_of(request: pb.LensRequest, opened: pb.LensOpen) -> Ask:
    """An ask after the first, of a session that was opened so."""
    match request.WhichOneof("ask"):
        case "frame":
            frame = request.frame
            part = frame.WhichOneof("part")
            of = box_from_proto(frame.box) if part == "box" else frame.region if part == "region" else None
            return Frame(frame.number, of, frame.rest)
        case "refine":
            try:
                return Refine(request.refine.number, _query_of(opened, request.refine))
            except NungilError as error:
                return Wrong(request.refine.number, error)
        case _:
            return Wrong(0, InvalidQuery("a lens session is opened once; then it takes `frame` and `refine`"))


def tell_to_proto(tell: Tell) -> pb.LensResponse:
    match tell:
        case Ready():
            regions = [region_to_proto(region) for _, region in sorted(tell.regions.items())]
            understood = None if tell.understood is None else understood_to_proto(tell.understood)
            ready = pb.LensReady(number=tell.number, rows=tell.rows, regions=regions, understood=understood)
            return pb.LensResponse(ready=ready)
        case Shown():
            return pb.LensResponse(answer=_answer_to_proto(tell))
        case Fault():
            fault = pb.LensFault(number=tell.number, type=tell.error.slug, detail=str(tell.error))
            return pb.LensResponse(fault=fault)
        case Closed():
            return pb.LensResponse(closed=pb.LensClosed(type=tell.error.slug, detail=str(tell.error)))


def region_to_proto(region: FoundRegion) -> common_pb2.Region:
    """With its names in both languages."""
    labels = named_labels(region.labels, load_taxonomy())
    return common_pb2.Region(n=region.n, box=box_to_proto(region.box), labels=labels)


def _query_of(opened: pb.LensOpen, refine: pb.LensRefine) -> CropQuery:
    return query_of(
        pb.SearchByCropRequest(
            caller=opened.caller,
            media_id=opened.media_id,
            filters=refine.filters,
            limit=opened.limit,
            record=opened.record,
            text=refine.text,
            narrow=refine.narrow,
            exclude=refine.exclude,
            sort=refine.sort,
            want_chips=True,
        )
    )


def _answer_to_proto(shown: Shown) -> pb.LensAnswer:
    return pb.LensAnswer(
        number=shown.number,
        full=shown.full,
        matched=shown.matched,
        hits=[_hit_to_proto(hit) for hit in shown.hits],
        items=[item_to_proto(item) for item in shown.items],
        box=box_to_proto(shown.box),
        clipped=shown.clipped,
        partial=shown.partial,
        chips=chips_to_proto(shown.chips),
        counted=0 if shown.chips is None else shown.chips.counted,
        took_ms=shown.took_ms,
    )


def _hit_to_proto(hit: LensHit) -> pb.LensHit:
    return pb.LensHit(
        media_id=hit.media_id,
        item_id=hit.item_id or "",
        score=hit.score,
        box=None if hit.box is None else box_to_proto(hit.box),
        same=hit.same,
    )
