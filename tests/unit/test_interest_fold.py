"""How a journal folds into interests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import WHOLE
from services.profile import core
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import DAY_MS, NOTHING, Entry, Finding, Rules, State, fold
from services.profile.errors import OutOfOrder
from services.profile.store.encoding import decode_state, encode_state
from services.profile.taking_back import fold_all

RULES = Rules(gains_by_kind(GAINS), half_life_ms=60 * DAY_MS)
DOG = Finding("dogs", 0.8, WHOLE, (("beagle", 0.8),))


def an_entry(
    event_id: str = "e-1",
    *findings: Finding,
    kind: int = pb.ACTIVITY_KIND_UPLOADED,
    media_id: str = "m-1",
    at_ms: int = DAY_MS,
) -> Entry:
    return Entry(event_id, kind, media_id, at_ms, findings or (DOG,))


def weights(state: State, at_ms: int = DAY_MS) -> dict[str, float]:
    return {id_: weight for id_, weight, _ in core.weights_at(state, at_ms, RULES)}


findings = st.builds(
    Finding,
    st.sampled_from(["dogs", "cats", "mountains"]),
    st.floats(0.01, 1.0),
    st.just(WHOLE),
    st.just((("beagle", 0.5),)),
)
entries = st.builds(
    Entry,
    st.uuids().map(str),
    st.sampled_from(sorted(RULES.gains)),
    st.sampled_from(["m-1", "m-2", "m-3"]),
    st.integers(0, 90 * DAY_MS),
    st.lists(findings, max_size=3, unique_by=lambda f: f.interest).map(tuple),
)
journals = st.lists(entries, max_size=40, unique_by=lambda e: e.event_id).map(
    lambda journal: sorted(journal, key=lambda e: e.place)
)


@given(journals, st.data())
def test_folding_in_steps_gives_the_same_bytes_as_folding_from_the_start(journal, data):
    cut = data.draw(st.integers(0, len(journal)))
    kept = decode_state(encode_state(fold(NOTHING, journal[:cut], RULES)))
    assert encode_state(fold(kept, journal[cut:], RULES)) == encode_state(fold(NOTHING, journal, RULES))


@given(journals)
def test_every_interest_has_a_weight_above_zero_and_at_most_sixteen_reasons(journal):
    for interest in fold(NOTHING, journal, RULES).interests.values():
        assert interest.weight > 0
        assert len(interest.reasons) <= core.REASONS_KEPT


@given(journals)
def test_a_picture_that_is_hidden_last_is_no_reason_for_anything_that_it_shows(journal):
    hidden = an_entry("z", DOG, kind=pb.ACTIVITY_KIND_HIDDEN, media_id="m-1", at_ms=91 * DAY_MS)
    dogs = fold_all([*journal, hidden], RULES).interests.get("dogs")
    assert dogs is None or all(reason.media_id != "m-1" for reason in dogs.reasons)


def test_an_upload_counts_as_much_as_the_picture_is_sure():
    assert weights(fold(NOTHING, [an_entry()], RULES)) == {"dogs": 0.8}


def test_a_crop_search_counts_half_an_upload():
    searched = an_entry(kind=pb.ACTIVITY_KIND_CROP_SEARCHED)
    assert weights(fold(NOTHING, [searched], RULES)) == pytest.approx({"dogs": 0.4})


def test_after_one_half_life_half_is_left():
    assert weights(fold(NOTHING, [an_entry()], RULES), 61 * DAY_MS) == pytest.approx({"dogs": 0.4})


def test_evidence_of_different_days_adds_up_as_of_the_later():
    state = fold(NOTHING, [an_entry("a"), an_entry("b", media_id="m-2", at_ms=61 * DAY_MS)], RULES)
    assert weights(state, 61 * DAY_MS) == pytest.approx({"dogs": 0.4 + 0.8})


def test_an_interest_that_has_all_but_faded_is_not_shown():
    assert weights(fold(NOTHING, [an_entry()], RULES), 10 * 365 * DAY_MS) == {}


def test_the_heaviest_interest_comes_first_and_ties_go_by_id():
    both = (Finding("mountains", 0.5, WHOLE, ()), Finding("cats", 0.5, WHOLE, ()), DOG)
    assert list(weights(fold(NOTHING, [an_entry("a", *both)], RULES))) == ["dogs", "cats", "mountains"]


def test_hiding_a_picture_takes_away_all_that_it_gave():
    journal = [
        an_entry("a"),
        an_entry("b", kind=pb.ACTIVITY_KIND_SAVED, at_ms=DAY_MS + 1),
        an_entry("c", kind=pb.ACTIVITY_KIND_HIDDEN, at_ms=DAY_MS + 2),
    ]
    assert weights(fold_all(journal, RULES)) == {}


def test_hiding_another_picture_takes_away_no_more_than_there_is():
    hidden = an_entry("b", kind=pb.ACTIVITY_KIND_HIDDEN, media_id="m-2", at_ms=DAY_MS + 1)
    weak = an_entry("a", kind=pb.ACTIVITY_KIND_CLOSED_UP)
    assert weights(fold_all([weak, hidden], RULES)) == {}


def test_an_interest_survives_the_hiding_of_one_of_its_pictures():
    journal = [
        an_entry("a", media_id="m-1"),
        an_entry("b", media_id="m-2", at_ms=DAY_MS + 1),
        an_entry("c", kind=pb.ACTIVITY_KIND_HIDDEN, media_id="m-1", at_ms=DAY_MS + 2),
    ]
    state = fold_all(journal, RULES)
    assert weights(state) == pytest.approx({"dogs": 0.8}, rel=1e-6)
    assert [reason.media_id for reason in state.interests["dogs"].reasons] == ["m-2"]


def test_the_strongest_reasons_are_kept_strongest_first():
    weak = [
        an_entry(f"weak-{i:02}", kind=pb.ACTIVITY_KIND_CLOSED_UP, media_id=f"m-{i}", at_ms=DAY_MS + i)
        for i in range(20)
    ]
    strong = an_entry("strong", kind=pb.ACTIVITY_KIND_BOUGHT, media_id="bought", at_ms=DAY_MS + 5)
    journal = sorted([*weak, strong], key=lambda e: e.place)
    reasons = fold(NOTHING, journal, RULES).interests["dogs"].reasons
    assert len(reasons) == 16
    assert [reason.event_id for reason in reasons[:3]] == ["strong", "weak-19", "weak-18"]


def test_an_entry_that_comes_late_is_refused_so_that_the_journal_is_folded_again():
    state = fold(NOTHING, [an_entry("b")], RULES)
    with pytest.raises(OutOfOrder):
        fold(state, [an_entry("a")], RULES)


def test_other_rules_have_another_fingerprint():
    assert RULES.fingerprint != Rules(RULES.gains, RULES.half_life_ms * 2).fingerprint
    assert RULES.fingerprint != Rules({**RULES.gains, pb.ACTIVITY_KIND_LIKED: 0.9}, RULES.half_life_ms).fingerprint


def a_word(event_id: str, kind: int, *, interest: str = "dogs", text: str = "", at_ms: int = 2 * DAY_MS) -> Entry:
    return Entry(event_id, kind, "", at_ms, (), interest, text)


def test_what_is_said_of_an_interest_stays_until_something_else_is_said():
    said = [
        a_word("e-1", pb.ACTIVITY_KIND_INTEREST_FOLLOWED),
        a_word("e-2", pb.ACTIVITY_KIND_INTEREST_RENAMED, text="our dogs"),
        a_word("e-3", pb.ACTIVITY_KIND_INTEREST_MUTED),
    ]
    state = fold(NOTHING, said, RULES)
    assert state.corrections == {"dogs": core.Correction(followed=True, muted=True, name="our dogs")}
    taken_back = [
        a_word("e-4", pb.ACTIVITY_KIND_INTEREST_UNFOLLOWED),
        a_word("e-5", pb.ACTIVITY_KIND_INTEREST_UNMUTED),
        a_word("e-6", pb.ACTIVITY_KIND_INTEREST_RENAMED),
    ]
    assert fold(state, taken_back, RULES).corrections == {}


def test_deleting_an_interest_forgets_what_was_learnt_of_it_and_nothing_else():
    cat = Finding("cats", 0.8, WHOLE, (("tabby", 0.8),))
    journal = [an_entry("e-1", DOG, cat), a_word("e-2", pb.ACTIVITY_KIND_INTEREST_DELETED)]
    assert set(fold(NOTHING, journal, RULES).interests) == {"cats"}
    again = an_entry("e-3", media_id="m-2", at_ms=3 * DAY_MS)
    assert weights(fold(NOTHING, [*journal, again], RULES), 3 * DAY_MS)["dogs"] == pytest.approx(0.8)
