"""People, their interests and consents, and what they wait for."""

from __future__ import annotations

from typing import Any

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceServicer
from nungil.pictures.features import box_from_proto
from services.profile.handlers.consents import Consents
from services.profile.handlers.corrections import Corrections
from services.profile.handlers.interests import FindInterests, Interests
from services.profile.handlers.people import Identify
from services.profile.tenant_taxonomies import TenantTaxonomies
from services.profile.watching import Watches
from services.profile.wire import watches as watch_wire
from services.profile.wire.interests import (
    change_of,
    consent_to_proto,
    consents_to_proto,
    found_to_proto,
    interest_to_proto,
)


class ProfileServicer(ProfileServiceServicer):
    """Answers `nungil.api.profile.v1.ProfileService`."""

    def __init__(
        self,
        identify: Identify,
        interests: Interests,
        corrections: Corrections,
        consents: Consents,
        watches: Watches,
        taxonomies: TenantTaxonomies,
    ) -> None:
        self._identify = identify
        self._interests = interests
        self._corrections = corrections
        self._find = FindInterests(taxonomies)
        self._consents = consents
        self._watches = watches
        self._taxonomies = taxonomies

    def Identify(self, request: pb.IdentifyRequest, context: Any) -> pb.IdentifyResponse:
        return pb.IdentifyResponse(person_id=self._identify(request.tenant, request.subject))

    def GetInterests(self, request: pb.GetInterestsRequest, context: Any) -> pb.GetInterestsResponse:
        found = self._interests(request.caller.tenant, request.caller.person_id)
        taxonomy = self._taxonomies.of(request.caller.tenant)
        return pb.GetInterestsResponse(
            interests=[interest_to_proto(taxonomy, shown) for shown in found.interests],
            learning=found.learning,
            paused=found.paused,
            etag=found.etag,
        )

    def GetInterest(self, request: pb.GetInterestRequest, context: Any) -> pb.GetInterestResponse:
        shown = self._interests.one(request.caller.tenant, request.caller.person_id, request.interest_id)
        taxonomy = self._taxonomies.of(request.caller.tenant)
        return pb.GetInterestResponse(interest=interest_to_proto(taxonomy, shown))

    def CorrectInterest(self, request: pb.CorrectInterestRequest, context: Any) -> pb.CorrectInterestResponse:
        caller, change = request.caller, change_of(request)
        shown = self._corrections.change(
            caller.tenant, caller.person_id, request.interest_id, change, if_match=request.if_match
        )
        return pb.CorrectInterestResponse(interest=interest_to_proto(self._taxonomies.of(caller.tenant), shown))

    def DeleteInterest(self, request: pb.DeleteInterestRequest, context: Any) -> pb.DeleteInterestResponse:
        caller = request.caller
        self._corrections.forget(caller.tenant, caller.person_id, request.interest_id, if_match=request.if_match)
        return pb.DeleteInterestResponse()

    def FindInterests(self, request: pb.FindInterestsRequest, context: Any) -> pb.FindInterestsResponse:
        found = self._find(request.caller.tenant, request.text, limit=request.limit)
        return pb.FindInterestsResponse(interests=[found_to_proto(interest) for interest in found])

    def SetLearning(self, request: pb.SetLearningRequest, context: Any) -> pb.SetLearningResponse:
        changed_at_ms = self._consents.pause(request.caller.tenant, request.caller.person_id, request.paused)
        return pb.SetLearningResponse(paused=request.paused, changed_at_ms=changed_at_ms)

    def GetConsents(self, request: pb.GetConsentsRequest, context: Any) -> pb.GetConsentsResponse:
        kept = self._consents.of(request.caller.tenant, request.caller.person_id)
        return pb.GetConsentsResponse(consents=consents_to_proto(kept))

    def SetConsent(self, request: pb.SetConsentRequest, context: Any) -> pb.SetConsentResponse:
        kept = self._consents.set(request.caller.tenant, request.caller.person_id, request.purpose, request.given)
        return pb.SetConsentResponse(consent=consent_to_proto(request.purpose, kept))

    def CreateWatch(self, request: pb.CreateWatchRequest, context: Any) -> pb.CreateWatchResponse:
        box = box_from_proto(request.box) if request.HasField("box") else None
        watch, created, clipped = self._watches.create(
            request.caller.tenant, request.caller.person_id, watch_wire.asked_of(request), box
        )
        return pb.CreateWatchResponse(watch=watch_wire.watch_to_proto(watch), created=created, clipped=clipped)

    def ListWatches(self, request: pb.ListWatchesRequest, context: Any) -> pb.ListWatchesResponse:
        found = self._watches.of(request.caller.tenant, request.caller.person_id)
        return pb.ListWatchesResponse(watches=[watch_wire.watch_to_proto(watch) for watch in found])

    def DeleteWatch(self, request: pb.DeleteWatchRequest, context: Any) -> pb.DeleteWatchResponse:
        self._watches.delete(request.caller.tenant, request.caller.person_id, request.watch_id)
        return pb.DeleteWatchResponse()

    def ListUnmet(self, request: pb.ListUnmetRequest, context: Any) -> pb.ListUnmetResponse:
        found = self._watches.unmet(request.caller.tenant, request.limit)
        taxonomy = self._taxonomies.of(request.caller.tenant)
        return pb.ListUnmetResponse(groups=[watch_wire.unmet_to_proto(unmet, taxonomy) for unmet in found])
