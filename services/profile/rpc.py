"""The rpcs of profile: translate, call, translate."""

from __future__ import annotations

from typing import Any

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceServicer
from nungil.taxonomy.taxonomy import Taxonomy
from services.profile import wire
from services.profile.handlers import Consents, Identify, Interests


class ProfileServicer(ProfileServiceServicer):
    """Answers `nungil.api.profile.v1.ProfileService`."""

    def __init__(self, identify: Identify, interests: Interests, consents: Consents, taxonomy: Taxonomy) -> None:
        self._identify = identify
        self._interests = interests
        self._consents = consents
        self._taxonomy = taxonomy

    def Identify(self, request: pb.IdentifyRequest, context: Any) -> pb.IdentifyResponse:
        return pb.IdentifyResponse(person_id=self._identify(request.tenant, request.subject))

    def GetInterests(self, request: pb.GetInterestsRequest, context: Any) -> pb.GetInterestsResponse:
        found, learning = self._interests(request.caller.tenant, request.caller.person_id)
        return pb.GetInterestsResponse(
            interests=[
                wire.interest_to_proto(self._taxonomy, id_, weight, weighed)
                for id_, weight, weighed in found
                if id_ in self._taxonomy.interests  # one that the taxonomy has given up is shown no more
            ],
            learning=learning,
        )

    def GetConsents(self, request: pb.GetConsentsRequest, context: Any) -> pb.GetConsentsResponse:
        kept = self._consents.of(request.caller.tenant, request.caller.person_id)
        return pb.GetConsentsResponse(consents=wire.consents_to_proto(kept))

    def SetConsent(self, request: pb.SetConsentRequest, context: Any) -> pb.SetConsentResponse:
        kept = self._consents.set(request.caller.tenant, request.caller.person_id, request.purpose, request.given)
        return pb.SetConsentResponse(consent=wire.consent_to_proto(request.purpose, kept))
