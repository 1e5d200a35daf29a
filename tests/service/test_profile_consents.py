"""Who a person is, and what they have agreed to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from profile_builders import DAY_MS, NOW_MS, TENANT, a_picture, a_profile, an_activity

from nungil.api.profile.v1 import profile_pb2 as pb
from services.profile import core
from services.profile.errors import UnidentifiedPerson, UnknownPerson, UnknownPurpose

INTEREST = pb.CONSENT_PURPOSE_IMAGE_INTEREST


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


def test_the_same_subject_is_the_same_person_and_the_id_says_nothing_of_it(profile):
    person = profile.identify(TENANT, "mina@example.org")
    assert profile.identify(TENANT, "mina@example.org") == person
    assert "mina" not in person


def test_the_same_subject_of_another_tenant_is_another_person(profile):
    assert profile.identify("a", "7") != profile.identify("b", "7")


def test_first_calls_at_the_same_moment_make_one_person(profile):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: profile.identify(TENANT, "mina"), range(32)))
    assert len(found) == 1


@pytest.mark.parametrize(("tenant", "subject"), [("", "mina"), (TENANT, ""), (TENANT, "x" * 257)])
def test_a_person_without_a_name_is_refused(profile, tenant, subject):
    with pytest.raises(UnidentifiedPerson):
        profile.identify(tenant, subject)


def test_a_person_of_another_tenant_is_as_unknown_as_nobody(profile):
    person = profile.identify("a", "mina")
    messages = set()
    for tenant, person_id in (("b", person), ("a", "p-nobody")):
        for call in (profile.consents.of, lambda t, p: profile.consents.set(t, p, INTEREST, True)):
            with pytest.raises(UnknownPerson) as error:
                call(tenant, person_id)
            messages.add(str(error.value).replace(person_id, "<id>"))
    assert messages == {"no person <id>"}


def test_nothing_is_agreed_to_until_it_is(profile):
    assert profile.consents.of(TENANT, profile.identify(TENANT, "mina")) == {}


def test_without_consent_nothing_enters_the_journal(profile):
    person = profile.a_person(consents=False)
    profile.put(a_picture(owner=person))
    assert profile.read(an_activity(person)) == []
    assert profile.rows() == []


def test_withdrawing_removes_journal_and_state(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    profile.consents.set(TENANT, person, INTEREST, False)
    assert profile.rows() == []
    assert profile.state(person) is None
    assert profile.interests(person) == {}


def test_a_replay_brings_nothing_back_after_the_consent_is_given_again(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    profile.consents.set(TENANT, person, INTEREST, False)
    profile.now_ms += DAY_MS
    profile.consents.set(TENANT, person, INTEREST, True)
    profile.read(an_activity(person))
    assert profile.rows() == []


def test_giving_what_is_given_changes_nothing(profile):
    person = profile.a_person(consents=False)
    first = profile.consents.set(TENANT, person, INTEREST, True)
    profile.now_ms += DAY_MS
    assert profile.consents.set(TENANT, person, INTEREST, True) == first
    assert first.changed_at_ms == NOW_MS


def test_withdrawing_another_consent_keeps_the_journal(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    profile.read(an_activity(person))
    profile.consents.set(TENANT, person, pb.CONSENT_PURPOSE_TAKEN_ON, True)
    profile.consents.set(TENANT, person, pb.CONSENT_PURPOSE_TAKEN_ON, False)
    assert "dogs" in profile.interests(person)


@pytest.mark.parametrize("purpose", [pb.CONSENT_PURPOSE_UNSPECIFIED, 99])
def test_an_unknown_purpose_is_refused(profile, purpose):
    with pytest.raises(UnknownPurpose):
        profile.consents.set(TENANT, profile.a_person(), purpose, True)


def test_no_subject_is_logged(profile, caplog):
    caplog.set_level("DEBUG")
    person = profile.a_person("mina@example.org")
    profile.read(an_activity(person, at_ms=NOW_MS - 1000 * DAY_MS))
    assert person in caplog.text
    assert "mina" not in caplog.text


def test_withdrawing_forgets_what_was_learnt_and_keeps_what_was_said(profile):
    person = profile.a_person()
    profile.put(a_picture(owner=person))
    assert profile.read(an_activity(person)) == []
    follow = core.Entry("e-9", pb.ACTIVITY_KIND_INTEREST_FOLLOWED, "", NOW_MS, (), "dogs")
    profile.journal.correct(TENANT, person, follow)
    profile.consents.set(TENANT, person, pb.CONSENT_PURPOSE_IMAGE_INTEREST, False)
    assert profile.journal.state_of(TENANT, person) == core.State(
        last=follow.place, corrections={"dogs": core.Correction(followed=True)}
    )
