"""What a person's pictures look like, as clustering features; and what is kept beside: labels, what was hidden, a session."""

from __future__ import annotations

import random
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import WHOLE, Box
from services.profile import tastes
from services.profile.clusters import CLUSTERS_KEPT, NO_CLUSTERS, Clusters, Part, fold_part
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import DAY_MS, NOTHING, Entry, Finding, Rules, State, fold, parts_of
from services.profile.label_weights import LABELS_KEPT, SEEN_KEPT
from services.profile.pointed import NEGATIVES_KEPT, SESSION_KEPT
from services.profile.store.encoding import decode_state, encode_state
from services.profile.taking_back import fold_all, standing

RULES = Rules(gains_by_kind(GAINS), 60 * DAY_MS, "space", likeness=0.5)
UPLOADED, SAVED, UNSAVED = pb.ACTIVITY_KIND_UPLOADED, pb.ACTIVITY_KIND_SAVED, pb.ACTIVITY_KIND_UNSAVED
HIDDEN, SEARCHED = pb.ACTIVITY_KIND_HIDDEN, pb.ACTIVITY_KIND_CROP_SEARCHED
LEFT, RIGHT = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 0.5, 1.0)
DOG = Finding("dogs", 0.8, WHOLE, (("beagle", 0.8),))
ALP = Finding("mountains", 0.6, WHOLE, (("alp", 0.6),))
NOON = 12 * 3600 * 1000


def towards(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, dtype=np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def an_entry(
    event_id: str,
    *vectors: np.ndarray,
    findings: tuple[Finding, ...] = (DOG,),
    kind: int = UPLOADED,
    media_id: str = "",
    at_ms: int = NOON,
    space: str = "space",
) -> Entry:
    kept = np.stack(vectors).astype("<f2").tobytes() if vectors else b""
    return Entry(event_id, kind, media_id or event_id, at_ms, findings, vectors=kept, space=space)


def a_word(event_id: str, kind: int, interest: str, at_ms: int) -> Entry:
    return Entry(event_id, kind, "", at_ms, (), interest)


def at(state: State, now_ms: int = NOON) -> list[tastes.Taste]:
    return tastes.clusters_at(state, now_ms, RULES)


X, Y, Z = towards(1, 0, 0), towards(0, 1, 0), towards(0, 0, 1)


# Joining, opening, merging


def test_what_looks_alike_is_one_cluster_and_what_does_not_is_two():
    state = fold(NOTHING, [an_entry("a", X), an_entry("b", towards(9, 1, 0)), an_entry("c", Y)], RULES)
    assert [round(taste.weight, 6) for taste in at(state)] == [2.0, 1.0]
    assert at(state)[0].centre @ X > 0.99


def test_the_parts_of_a_picture_share_what_it_is_worth():
    both = (replace(DOG, box=LEFT), replace(ALP, box=RIGHT))
    state = fold(NOTHING, [an_entry("a", X, Y, findings=both)], RULES)
    assert [(taste.weight, taste.interests) for taste in at(state)] == [(0.5, {"dogs": 0.8}), (0.5, {"mountains": 0.6})]


def test_a_picture_has_at_most_four_parts_and_the_surest_findings_choose_them():
    boxes = [Box(n / 10, 0.0, 0.1, 1.0) for n in range(6)]
    findings = [Finding(f"i-{n}", 1 - n / 10, box, ()) for n, box in enumerate([*boxes, boxes[0]])]
    parts = parts_of(findings, None)
    assert list(parts) == boxes[:4]
    assert [id_ for id_, _ in parts[boxes[0]]] == ["i-0", "i-6"]


def test_a_picture_that_names_nothing_is_one_part_all_the_same():
    assert parts_of((), None) == {WHOLE: ()}
    assert parts_of((), LEFT) == {LEFT: ()}
    assert at(fold(NOTHING, [an_entry("a", X, findings=())], RULES))[0].interests == {}


def test_the_medoid_is_the_picture_nearest_to_the_centre():
    state = fold(
        NOTHING, [an_entry("a", towards(1, 0.9, 0)), an_entry("b", X), an_entry("c", towards(1, 0.3, 0))], RULES
    )
    assert [taste.media_id for taste in at(state)] == ["c"]


def test_what_comes_back_on_many_days_fades_more_slowly():
    once = fold(NOTHING, [an_entry("a", X)], RULES)
    weekly = fold(NOTHING, [an_entry(f"{n:02}", X, at_ms=NOON + n * DAY_MS) for n in range(20)], RULES)
    assert at(once)[0].half_life_ms == 7 * DAY_MS
    assert at(weekly, NOON + 20 * DAY_MS)[0].half_life_ms == 90 * DAY_MS
    assert at(once, NOON + 7 * DAY_MS)[0].weight == pytest.approx(0.5)


def test_past_thirty_two_the_two_merge_that_lose_least():
    far = [towards(*row) for row in np.eye(CLUSTERS_KEPT + 1)[: CLUSTERS_KEPT - 1]]
    twin = towards(*(np.eye(CLUSTERS_KEPT + 1)[0] + 1.9 * np.eye(CLUSTERS_KEPT + 1)[-1]))  # nearest to the first of all
    last = towards(*np.eye(CLUSTERS_KEPT + 1)[-2])
    clusters = NO_CLUSTERS
    for n, vector in enumerate([*far, twin, last]):
        clusters = fold_part(clusters, Part(f"m-{n}", WHOLE, vector), 1.0, NOON + n, 0.5)
    assert len(clusters.each) == CLUSTERS_KEPT
    merged = [i for i, cluster in enumerate(clusters.each) if cluster.weight > 1.5]
    assert len(merged) == 1
    assert clusters.means[merged[0]] @ far[0] > 0.7 < clusters.means[merged[0]] @ twin


def test_a_cluster_that_has_faded_makes_room():
    state = fold(NOTHING, [an_entry("a", X), an_entry("b", Y, at_ms=NOON + 80 * DAY_MS)], RULES)
    assert [cluster.media_id for cluster in state.clusters.each] == ["b"]


def test_rows_without_vectors_and_of_another_encoder_make_interests_and_no_clusters():
    state = fold(NOTHING, [an_entry("a"), an_entry("b", X, space="before")], RULES)
    assert set(state.interests) == {"dogs"}
    assert state.clusters == NO_CLUSTERS
    assert state.labels["beagle"].pictures == 2


# Labels, what was hidden, the session


def test_a_label_counts_its_pictures_and_days_at_two_speeds():
    journal = [
        an_entry("a", media_id="m-1"),
        an_entry("b", media_id="m-1", kind=SAVED, at_ms=NOON + 1),
        an_entry("c", media_id="m-2", at_ms=NOON + 3 * DAY_MS),
    ]
    seen = tastes.labels_at(fold(NOTHING, journal, RULES), NOON + 3 * DAY_MS, RULES)["beagle"]
    assert (seen.pictures, seen.days, seen.interests) == (2, 2, ("dogs",))
    assert seen.fast == pytest.approx(1.6 / 2 + 0.8, rel=1e-6)
    assert seen.slow == pytest.approx(1.6 * 0.5 ** (3 / 60) + 0.8, rel=1e-6)


def test_what_was_pointed_at_is_remembered_newest_first_and_an_upload_points_at_nothing():
    journal = [an_entry(f"{n:02}", X, kind=SEARCHED, at_ms=NOON + n) for n in range(SESSION_KEPT + 3)]
    state = fold(NOTHING, [*journal, an_entry("u", X, at_ms=NOON + 99)], RULES)
    assert [one.media_id for one in tastes.session_at(state, NOON + 99)] == [f"{n:02}" for n in range(10, 2, -1)]
    assert tastes.session_at(state, NOON + 2 * tastes.SESSION_MS) == []


def test_what_is_hidden_is_a_negative_until_it_is_liked_again():
    hidden = an_entry("b", X, kind=HIDDEN, media_id="m", at_ms=NOON + 1)
    journal = [an_entry("a", X, kind=SEARCHED, media_id="m"), hidden]
    state = fold_all(journal, RULES)
    assert [one.media_id for one in state.negatives] == ["m"]
    assert (at(state), state.session, dict(state.labels)) == ([], (), {})
    again = fold_all([*journal, an_entry("c", X, kind=SAVED, media_id="m", at_ms=NOON + 2)], RULES)
    assert (again.negatives, len(at(again))) == ((), 1)


# What was said


@pytest.mark.parametrize("kind", [pb.ACTIVITY_KIND_INTEREST_MUTED, pb.ACTIVITY_KIND_INTEREST_DELETED])
def test_a_muted_or_deleted_interest_feeds_nothing(kind):
    journal = [an_entry("a", X, kind=SEARCHED), an_entry("b", Y, findings=(ALP,), kind=SEARCHED)]
    state = fold(NOTHING, [*journal, a_word("c", kind, "dogs", NOON + 1)], RULES)
    assert [set(taste.interests) for taste in at(state)] == [{"mountains"}]
    assert set(tastes.labels_at(state, NOON, RULES)) == {"alp"}
    assert [one.media_id for one in tastes.session_at(state, NOON)] == ["b"]


def test_what_is_muted_stays_in_the_fold_and_is_back_when_it_is_unmuted():
    muted = [an_entry("a", X), a_word("b", pb.ACTIVITY_KIND_INTEREST_MUTED, "dogs", NOON + 1)]
    heard = [*muted, a_word("c", pb.ACTIVITY_KIND_INTEREST_UNMUTED, "dogs", NOON + 2)]
    assert at(fold(NOTHING, muted, RULES)) == []
    assert len(at(fold(NOTHING, heard, RULES))) == 1


# Taking back


def test_unsaving_gives_the_bytes_of_never_having_saved():
    other = [an_entry("a", X, media_id="m"), an_entry("b", Y, findings=(ALP,))]
    saved = an_entry("s", X, media_id="m", kind=SAVED, at_ms=NOON + 1)
    unsaved = an_entry("u", X, media_id="m", kind=UNSAVED, at_ms=NOON + 2)
    assert encode_state(fold_all([*other, saved, unsaved], RULES)) == encode_state(fold_all([*other, unsaved], RULES))
    assert fold_all([*other, saved], RULES).interests["dogs"].weight == pytest.approx(1.6)


def test_hiding_what_was_unsaved_takes_away_as_hiding_what_was_never_saved():
    dog = an_entry("a", X, media_id="other")
    saved = an_entry("s", X, media_id="m", kind=SAVED, at_ms=NOON + 1)
    unsaved = an_entry("u", X, media_id="m", kind=UNSAVED, at_ms=NOON + 2)
    hidden = an_entry("v", X, media_id="m", kind=HIDDEN, at_ms=NOON + 3)
    assert encode_state(fold_all([dog, saved, unsaved, hidden], RULES)) == encode_state(
        fold_all([dog, unsaved, hidden], RULES)
    )


def test_hiding_twice_is_hiding_once():
    dog, seen = an_entry("a", X, media_id="other"), an_entry("b", X, media_id="m")
    hides = [an_entry(f"h{n}", X, media_id="m", kind=HIDDEN, at_ms=NOON + n) for n in (1, 2)]
    assert fold_all([dog, seen, *hides], RULES).interests["dogs"].weight == pytest.approx(0.8, rel=1e-6)


# Bytes


def lives(seed: int, *, dim: int = 8, rows: int = 40) -> list[Entry]:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    kinds = [*RULES.gains, UNSAVED, pb.ACTIVITY_KIND_INTEREST_MUTED, pb.ACTIVITY_KIND_INTEREST_DELETED]
    found = [
        Finding(f"i-{n}", round(rng.uniform(0.2, 1), 4), rng.choice([WHOLE, LEFT, RIGHT]), ((f"l-{n}", 0.5),))
        for n in range(6)
    ]
    entries = []
    for n in range(rng.randint(1, rows)):
        at_ms, kind = rng.randrange(1, 90 * DAY_MS), rng.choice(kinds)
        if kind >= pb.ACTIVITY_KIND_INTEREST_FOLLOWED:
            entries.append(a_word(f"e-{n}", kind, f"i-{rng.randrange(6)}", at_ms))
            continue
        findings = tuple(rng.sample(found, rng.randint(0, 3)))
        vectors = [towards(*numbers.normal(size=dim)) for _ in parts_of(findings, None)]
        entries.append(
            an_entry(f"e-{n}", *vectors, findings=findings, kind=kind, media_id=f"m-{rng.randrange(6)}", at_ms=at_ms)
        )
    return sorted(entries, key=lambda entry: entry.place)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_any_cut_kept_and_read_again_gives_the_bytes_of_one_fold(seed, data):
    journal = standing(lives(seed))
    state = NOTHING
    for size in data.draw(st.lists(st.integers(0, len(journal)), max_size=4).map(sorted)):
        done = sum(entry.place <= state.last for entry in journal)
        state = decode_state(encode_state(fold(state, journal[done : max(size, done)], RULES)))
    done = sum(entry.place <= state.last for entry in journal)
    assert encode_state(fold(state, journal[done:], RULES)) == encode_state(fold(NOTHING, journal, RULES))


def test_a_vector_anywhere_in_memory_gives_the_same_bytes():
    """No sum may depend on where its numbers lie: a matrix product of BLAS does."""
    rng = np.random.default_rng(7)
    vectors = [towards(*rng.normal(size=256)) for _ in range(200)]

    def folded(offset: int) -> Clusters:
        clusters = NO_CLUSTERS
        for n, vector in enumerate(vectors):
            room = np.zeros(256 + offset, np.float32)
            room[offset:] = vector
            clusters = fold_part(clusters, Part(f"m-{n}", WHOLE, room[offset:]), 1.0, NOON + n, 0.1)
            shifted = np.zeros(clusters.means.size + offset, np.float32)
            shifted[offset:] = clusters.means.ravel()
            clusters = replace(clusters, means=shifted[offset:].reshape(clusters.means.shape))
        return clusters

    assert all(folded(offset) == folded(0) for offset in (1, 3, 5))


def a_person(pictures: int, *, kinds_of_things: int, rng: np.random.Generator, long: bool = False) -> State:
    """Who uploads pictures of so many kinds of things, each speaking for an interest and its parent."""
    centres = rng.normal(size=(kinds_of_things, 256))
    state = NOTHING
    kinds = sorted(RULES.gains)
    for n in range(pictures):
        of = rng.integers(0, kinds_of_things, size=2)
        findings = tuple(
            Finding(
                f"interest-of-{int(k):03}-{i}",
                round(float(rng.uniform(0.3, 1)), 4),
                (LEFT, RIGHT)[side],
                ((f"label-of-{int(k):03}-{i}", 0.6),),
            )
            for side, k in enumerate(dict.fromkeys(of.tolist()))
            for i in range(4 if long else 2)
        )
        vectors = [towards(*(centres[k] + rng.normal(size=256))) for k in dict.fromkeys(of.tolist())]
        media_id = str(UUID(bytes=rng.bytes(16)))
        event_id = "".join(map(chr, rng.integers(97, 123, 64))) if long else str(UUID(bytes=rng.bytes(16)))
        kind = kinds[int(rng.integers(len(kinds)))] if n % 3 == 0 else UPLOADED
        entry = an_entry(event_id, *vectors, findings=findings, kind=kind, media_id=media_id, at_ms=NOON + n * 900_000)
        state = fold(state, [entry], RULES)
    return state


def test_a_typical_person_takes_under_25_kb():
    """Sixty pictures of six kinds of things."""
    state = a_person(60, kinds_of_things=6, rng=np.random.default_rng(3))
    assert len(encode_state(state)) < 25_000


def test_nobody_takes_more_than_100_kb():
    """More interests, labels, looks, hidden and pointed things than are kept, with the longest ids."""
    state = a_person(900, kinds_of_things=160, rng=np.random.default_rng(4), long=True)
    assert len(state.clusters.each) == CLUSTERS_KEPT
    assert len(state.labels) == LABELS_KEPT
    assert len(state.negatives) == NEGATIVES_KEPT
    assert len(state.session) == SESSION_KEPT
    assert all(len(one.seen) <= SEEN_KEPT for one in state.labels.values())
    assert len(encode_state(state)) <= 100_000
