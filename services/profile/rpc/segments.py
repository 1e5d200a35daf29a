"""Segments: what a shop defines, and what a person is told."""

from __future__ import annotations

from typing import Any

from nungil.api.profile.v1 import segments_pb2 as pb
from nungil.api.profile.v1.segments_pb2_grpc import SegmentServiceServicer
from nungil.pictures.naming import name_to_proto
from services.profile.handlers.segments import ManageSegments, Mine, MySegments, Told
from services.profile.segments.explanation import DELETE_PICTURES, DELETE_WATCHES, MUTE, TAKE_BACK, UNFOLLOW
from services.profile.segments.sizes import Band

_KINDS = {
    MUTE: pb.EndingDeed.KIND_MUTE_INTEREST,
    UNFOLLOW: pb.EndingDeed.KIND_UNFOLLOW_INTEREST,
    DELETE_PICTURES: pb.EndingDeed.KIND_DELETE_PICTURES,
    DELETE_WATCHES: pb.EndingDeed.KIND_DELETE_WATCHES,
    TAKE_BACK: pb.EndingDeed.KIND_TAKE_BACK_ABOUT,
}


class SegmentServicer(SegmentServiceServicer):
    """Answers `nungil.api.profile.v1.SegmentService`."""

    def __init__(self, manage: ManageSegments, mine: MySegments) -> None:
        self._manage = manage
        self._mine = mine

    def PutSegment(self, request: pb.PutSegmentRequest, context: Any) -> pb.PutSegmentResponse:
        told = self._manage.put(request.caller.tenant, request.segment_id, request.definition)
        return pb.PutSegmentResponse(segment=_segment(told))

    def ListSegments(self, request: pb.ListSegmentsRequest, context: Any) -> pb.ListSegmentsResponse:
        told = self._manage.all(request.caller.tenant)
        return pb.ListSegmentsResponse(segments=[_segment(one, with_versions=False) for one in told])

    def GetSegment(self, request: pb.GetSegmentRequest, context: Any) -> pb.GetSegmentResponse:
        told = self._manage.of(request.caller.tenant, request.segment_id)
        return pb.GetSegmentResponse(segment=_segment(told))

    def DryRunSegment(self, request: pb.DryRunSegmentRequest, context: Any) -> pb.DryRunSegmentResponse:
        tried = self._manage.dry_run(request.caller.tenant, request.segment_id)
        size, of = _band(tried.size), _band(tried.of)
        return pb.DryRunSegmentResponse(version=tried.version, size=size, of=of)

    def PublishSegment(self, request: pb.PublishSegmentRequest, context: Any) -> pb.PublishSegmentResponse:
        told = self._manage.publish(request.caller.tenant, request.segment_id)
        return pb.PublishSegmentResponse(segment=_segment(told))

    def DeleteSegment(self, request: pb.DeleteSegmentRequest, context: Any) -> pb.DeleteSegmentResponse:
        self._manage.delete(request.caller.tenant, request.segment_id)
        return pb.DeleteSegmentResponse()

    def GetMySegments(self, request: pb.GetMySegmentsRequest, context: Any) -> pb.GetMySegmentsResponse:
        mine = self._mine(request.caller.tenant, request.caller.person_id)
        return pb.GetMySegmentsResponse(memberships=[_membership(one) for one in mine])


def _segment(told: Told, *, with_versions: bool = True) -> pb.Segment:
    return pb.Segment(
        segment_id=told.row.segment_id,
        name=name_to_proto(told.name),
        draft=told.row.draft,
        published=told.row.published,
        size=_band(told.size),
        spreading=told.row.spreading,
        versions=[
            pb.SegmentVersion(
                version=one.version,
                definition=one.definition,
                made_at_ms=one.made_at_ms,
                published_at_ms=one.published_at_ms,
            )
            for one in (told.versions if with_versions else ())
        ],
    )


def _band(band: Band) -> pb.SizeBand:
    return pb.SizeBand(at_least=band.at_least, below=band.below or 0)


def _membership(mine: Mine) -> pb.Membership:
    told = mine.explanation
    return pb.Membership(
        segment_id=mine.segment_id,
        name=name_to_proto(mine.name),
        since_ms=mine.since_ms,
        media_ids=told.media_ids,
        why=name_to_proto(told.why),
        ends_at_ms=told.ends_at_ms or 0,
        ends=name_to_proto(told.ends),
        deeds=[pb.EndingDeed(kind=_KINDS[deed.kind], targets=deed.targets) for deed in told.deeds],
    )
