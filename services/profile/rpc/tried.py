"""What people tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nungil.api.profile.v1 import tried_pb2 as pb
from nungil.api.profile.v1.tried_pb2_grpc import TriedServiceServicer
from services.profile.handlers.tried import TriedThings


@dataclass(frozen=True)
class TriedServicer(TriedServiceServicer):
    """Answers `nungil.api.profile.v1.TriedService`."""

    tried: TriedThings

    def KeepTried(self, request: pb.KeepTriedRequest, context: Any) -> pb.KeepTriedResponse:
        self.tried.keep(
            request.caller.tenant,
            request.caller.person_id,
            event_id=request.event_id,
            media_id=request.media_id,
            made_media_id=request.made_media_id,
            note=request.note,
        )
        return pb.KeepTriedResponse()

    def ListTried(self, request: pb.ListTriedRequest, context: Any) -> pb.ListTriedResponse:
        caller = request.caller
        found, cursor = self.tried.of(caller.tenant, caller.person_id, limit=request.limit, cursor=request.cursor)
        return pb.ListTriedResponse(
            tried=[
                pb.ListTriedResponse.Tried(
                    media_id=one.media_id,
                    made_media_id=one.made_media_id,
                    note=one.note,
                    tried_at_ms=one.tried_at_ms,
                )
                for one in found
            ],
            next_cursor=cursor,
        )
