"""Segments: what a shop defines, and what a person is told."""

from __future__ import annotations

from typing import Any

from nungil.api.profile.v1 import segments_pb2 as pb
from nungil.api.profile.v1.segments_pb2_grpc import SegmentServiceServicer
from services.profile import segments_wire as wire
from services.profile.handlers.segments import ManageSegments, MySegments


class SegmentServicer(SegmentServiceServicer):
    """Answers `nungil.api.profile.v1.SegmentService`."""

    def __init__(self, manage: ManageSegments, mine: MySegments) -> None:
        self._manage = manage
        self._mine = mine

    def PutSegment(self, request: pb.PutSegmentRequest, context: Any) -> pb.PutSegmentResponse:
        told = self._manage.put(request.caller.tenant, request.segment_id, request.definition)
        return pb.PutSegmentResponse(segment=wire.segment_to_proto(told))

    def ListSegments(self, request: pb.ListSegmentsRequest, context: Any) -> pb.ListSegmentsResponse:
        told = self._manage.all(request.caller.tenant)
        return pb.ListSegmentsResponse(segments=[wire.segment_to_proto(one, with_versions=False) for one in told])

    def GetSegment(self, request: pb.GetSegmentRequest, context: Any) -> pb.GetSegmentResponse:
        told = self._manage.of(request.caller.tenant, request.segment_id)
        return pb.GetSegmentResponse(segment=wire.segment_to_proto(told))

    def DryRunSegment(self, request: pb.DryRunSegmentRequest, context: Any) -> pb.DryRunSegmentResponse:
        tried = self._manage.dry_run(request.caller.tenant, request.segment_id)
        size, of = wire.band_to_proto(tried.size), wire.band_to_proto(tried.of)
        return pb.DryRunSegmentResponse(version=tried.version, size=size, of=of)

    def PublishSegment(self, request: pb.PublishSegmentRequest, context: Any) -> pb.PublishSegmentResponse:
        told = self._manage.publish(request.caller.tenant, request.segment_id)
        return pb.PublishSegmentResponse(segment=wire.segment_to_proto(told))

    def DeleteSegment(self, request: pb.DeleteSegmentRequest, context: Any) -> pb.DeleteSegmentResponse:
        self._manage.delete(request.caller.tenant, request.segment_id)
        return pb.DeleteSegmentResponse()

    def GetMySegments(self, request: pb.GetMySegmentsRequest, context: Any) -> pb.GetMySegmentsResponse:
        mine = self._mine(request.caller.tenant, request.caller.person_id)
        return pb.GetMySegmentsResponse(memberships=[wire.membership_to_proto(one) for one in mine])
