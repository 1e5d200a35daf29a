"""A tenant's overlay of the taxonomy, from its file to what a person is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from profile_builders import NOW_MS, TENANT, AProfile, a_picture, a_profile, a_taxonomy, an_activity

from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.overlay import Document
from nungil.taxonomy.taxonomy import Name
from services.profile.refolding import FoldAll
from services.profile.tenant_taxonomies import read_taxonomies

PUPPIES = {"interests": [{"id": "puppies", "ko": "강아지", "en": "puppies", "parent": "dogs"}]}
CLINIC: Document = {
    **PUPPIES,
    "labels": {"beagle": {"puppies": 1.0}},
    "hidden": ["outdoors"],
    "names": {"dogs": {"ko": "우리 개", "en": "our dogs"}},
}


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[AProfile]:
    with a_profile(tmp_path) as profile:
        yield profile


def lay(profile: AProfile, document: Document | None) -> None:
    """As after a restart with this file, or without it."""
    profile.overlays = {} if document is None else {TENANT: document}


def who_saved(profile: AProfile, subject: str = "mina") -> str:
    person = profile.a_person(subject)
    profile.put(
        a_picture(f"beagle-{subject}", owner=person, shows=[("beagle", 0.9)]),
        a_picture(f"alp-{subject}", owner=person, shows=[("alp", 0.9)]),
    )
    for media_id in (f"beagle-{subject}", f"alp-{subject}"):
        profile.read(an_activity(person, media_id, event_id=f"e-{media_id}"))
    return person


def test_a_tenants_own_interests_are_learnt_and_what_it_hides_is_not(profile: AProfile) -> None:
    lay(profile, CLINIC)
    assert set(profile.interests(who_saved(profile))) == {"puppies", "dogs", "pets"}


def test_names_are_the_tenants_own(profile: AProfile) -> None:
    lay(profile, CLINIC)
    assert profile.taxonomies.of(TENANT).interests["dogs"].name == Name("우리 개", "our dogs")
    assert profile.taxonomies.of("bookshop").interests["dogs"].name != Name("우리 개", "our dogs")


def test_another_tenants_overlay_changes_nothing(profile: AProfile) -> None:
    profile.overlays = {"clinic": CLINIC}
    assert set(profile.interests(who_saved(profile))) == {"dogs", "pets", "mountains", "outdoors"}


def test_a_changed_overlay_reads_the_pictures_of_before_again_as_if_it_had_always_been_so(profile: AProfile) -> None:
    person = who_saved(profile)
    before = profile.state(person)
    lay(profile, CLINIC)
    assert set(profile.interests(person)) == {"puppies", "dogs", "pets"}
    always = profile.state(person)
    lay(profile, None)
    assert set(profile.interests(person)) == {"dogs", "pets", "mountains", "outdoors"}
    assert profile.state(person) == before
    lay(profile, CLINIC)
    assert set(profile.interests(person)) == {"puppies", "dogs", "pets"}
    assert profile.state(person) == always


def test_the_next_event_after_a_change_folds_all_under_the_new_one(profile: AProfile) -> None:
    person = who_saved(profile)
    lay(profile, CLINIC)
    profile.put(a_picture("beagle-2", owner=person, shows=[("beagle", 0.9)]))
    profile.read(an_activity(person, "beagle-2", event_id="e-2", at_ms=NOW_MS + 1))
    kept = profile.state(person)
    assert set(profile.interests(person)) == {"puppies", "dogs", "pets"}
    assert profile.state(person) == kept


def test_a_picture_whose_features_are_gone_keeps_what_was_found_then(profile: AProfile) -> None:
    person = profile.a_person()
    profile.put(a_picture("searched", owner=person, shows=[("beagle", 0.9)]), transient=True)
    profile.read(an_activity(person, "searched"))
    for key in list(profile.objects.list("transient/")):
        profile.objects.delete(key)
    lay(profile, CLINIC)
    assert set(profile.interests(person)) == {"dogs", "pets"}


def test_folding_everything_again_leaves_the_overlay_of_a_state_alone(profile: AProfile) -> None:
    lay(profile, CLINIC)
    person = who_saved(profile)
    kept = profile.state(person)
    done = FoldAll(profile.engine, profile.rules)(Event())
    assert (done.changed, done.ruled) == (0, 0)
    assert profile.state(person) == kept
    assert set(profile.interests(person)) == {"puppies", "dogs", "pets"}


def test_every_fault_of_every_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "clinic.yaml").write_text("hidden: [x]\nweights: {y: 9}", "utf-8")
    (tmp_path / "bookshop.yaml").write_text("names: {z: {ko: 가, en: a}}", "utf-8")
    with pytest.raises(Misconfigured) as refused:
        read_taxonomies(a_taxonomy(), str(tmp_path))
    for told in ("clinic.yaml: hidden: there is no interest 'x'", "clinic.yaml: weights.y", "bookshop.yaml: names"):
        assert told in str(refused.value)


def test_without_a_folder_nobody_has_an_overlay() -> None:
    taxonomies = read_taxonomies(a_taxonomy(), "")
    assert taxonomies.of(TENANT) is taxonomies.shipped
    assert taxonomies.digest(TENANT) == ""
