"""Profile's rpcs over a Unix socket, as the gateway calls them."""

from __future__ import annotations

import pytest
from profile_builders import LEFT, TENANT, a_picture, a_profile, an_activity

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub, add_ProfileServiceServicer_to_server
from nungil.runtime.errors import NotFound, Rejected
from nungil.runtime.rpc import calling, grpc_server, open_channel
from services.profile.rpc.profile import ProfileServicer


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def stub(profile, tmp_path):
    servicer = ProfileServicer(
        profile.identify,
        profile.shown,
        profile.corrections,
        profile.consents,
        profile.watches,
        profile.taxonomies,
    )
    address = f"unix:{tmp_path}/profile.sock"
    with (
        grpc_server(lambda s: add_ProfileServiceServicer_to_server(servicer, s), listen=address, grace_s=1),
        open_channel(address) as channel,
    ):
        yield ProfileServiceStub(channel)


def a_caller(stub, *, consents: bool = True) -> Caller:
    person_id = stub.Identify(pb.IdentifyRequest(tenant=TENANT, subject="mina")).person_id
    caller = Caller(tenant=TENANT, person_id=person_id)
    if consents:
        give = pb.SetConsentRequest(caller=caller, purpose=pb.CONSENT_PURPOSE_IMAGE_INTEREST, given=True)
        assert stub.SetConsent(give).consent.given
    return caller


def test_interests_come_with_names_parents_and_the_reason_in_both_languages(profile, stub):
    caller = a_caller(stub)
    profile.put(a_picture(owner=caller.person_id, shows={LEFT: [("golden_retriever", 0.8)]}))
    profile.read(an_activity(caller.person_id, kind=pb.ACTIVITY_KIND_UPLOADED))
    answer = stub.GetInterests(pb.GetInterestsRequest(caller=caller))
    assert answer.learning
    dogs, pets = answer.interests
    assert (dogs.id, dogs.name.ko, dogs.name.en, dogs.parent_id) == ("dogs", "개", "dogs", "pets")
    assert (pets.id, pets.parent_id) == ("pets", "")
    [evidence] = dogs.evidence
    assert evidence.media_id == "m-1"
    assert evidence.box.width == 0.5
    assert [(label.id, label.name.en) for label in evidence.labels] == [("golden_retriever", "golden retriever")]
    assert evidence.why.ko == "이 사진의 이 부분에서 골든 리트리버를 보았습니다 (업로드)"
    assert evidence.why.en == "You uploaded a picture in which this part shows a golden retriever"


def test_who_did_not_consent_has_no_interests_and_is_told_that_none_are_learnt(stub):
    answer = stub.GetInterests(pb.GetInterestsRequest(caller=a_caller(stub, consents=False)))
    assert not answer.learning
    assert not answer.interests


def test_every_purpose_is_answered_and_none_is_given_at_first(stub):
    answer = stub.GetConsents(pb.GetConsentsRequest(caller=a_caller(stub, consents=False)))
    assert [(c.purpose, c.given, c.changed_at_ms) for c in answer.consents] == [
        (pb.CONSENT_PURPOSE_PERSONALISE, False, 0),
        (pb.CONSENT_PURPOSE_IMAGE_INTEREST, False, 0),
        (pb.CONSENT_PURPOSE_TAKEN_ON, False, 0),
        (pb.CONSENT_PURPOSE_ADS_ONSITE, False, 0),
        (pb.CONSENT_PURPOSE_ADS_EXPORT, False, 0),
        (pb.CONSENT_PURPOSE_PREVIEW_FACE, False, 0),
        (pb.CONSENT_PURPOSE_APPEARANCE_TIPS, False, 0),
    ]


def test_an_interest_that_the_taxonomy_has_given_up_is_shown_no_more(profile, stub):
    caller = a_caller(stub)
    profile.put(a_picture(owner=caller.person_id))
    profile.read(an_activity(caller.person_id))
    profile.taxonomy.interests.pop("dogs")
    assert [i.id for i in stub.GetInterests(pb.GetInterestsRequest(caller=caller)).interests] == ["pets"]


@pytest.mark.parametrize("caller", [Caller(tenant=TENANT), Caller(tenant="elsewhere", person_id="p-1")])
def test_a_caller_who_is_nobody_is_not_found(stub, caller):
    for call, request in (
        (stub.GetInterests, pb.GetInterestsRequest(caller=caller)),
        (stub.GetConsents, pb.GetConsentsRequest(caller=caller)),
        (stub.SetConsent, pb.SetConsentRequest(caller=caller, purpose=pb.CONSENT_PURPOSE_TAKEN_ON, given=True)),
    ):
        with pytest.raises(NotFound), calling():
            call(request)


def test_an_unknown_purpose_is_an_invalid_argument(stub):
    with pytest.raises(Rejected, match="no consent 0"), calling():
        stub.SetConsent(pb.SetConsentRequest(caller=a_caller(stub), given=True))


def test_a_subject_of_nothing_is_an_invalid_argument(stub):
    with pytest.raises(Rejected, match="1 to 256"), calling():
        stub.Identify(pb.IdentifyRequest(tenant=TENANT))
