"""What people state of themselves, and the stories of their galleries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nungil.api.profile.v1 import people_pb2 as pb
from nungil.api.profile.v1.people_pb2_grpc import PeopleServiceServicer
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile.handlers.abouts import Abouts
from services.profile.handlers.stories import TellStory
from services.profile.wire import people as people_wire


class PeopleServicer(PeopleServiceServicer):
    """Answers `nungil.api.profile.v1.PeopleService`."""

    def __init__(self, abouts: Abouts, tell: TellStory, taxonomy_of: Callable[[str], Taxonomy]) -> None:
        self._abouts = abouts
        self._tell = tell
        self._taxonomy_of = taxonomy_of

    def GetAbout(self, request: pb.GetAboutRequest, context: Any) -> pb.GetAboutResponse:
        about = self._abouts.of(request.caller.tenant, request.caller.person_id)
        return pb.GetAboutResponse(about=people_wire.about_to_proto(about))

    def PutAbout(self, request: pb.PutAboutRequest, context: Any) -> pb.PutAboutResponse:
        stated = people_wire.about_of(request.about)
        about = self._abouts.put(request.caller.tenant, request.caller.person_id, stated)
        return pb.PutAboutResponse(about=people_wire.about_to_proto(about))

    def DeleteAbout(self, request: pb.DeleteAboutRequest, context: Any) -> pb.DeleteAboutResponse:
        self._abouts.delete(request.caller.tenant, request.caller.person_id)
        return pb.DeleteAboutResponse()

    def GetStory(self, request: pb.GetStoryRequest, context: Any) -> pb.GetStoryResponse:
        caller = request.caller
        story = self._tell(caller.tenant, caller.person_id, request.taken_on)
        return people_wire.story_to_proto(self._taxonomy_of(caller.tenant), story)
