"""The sentence that says why an interest is there."""

from __future__ import annotations

import pytest

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.pictures.boxes import WHOLE, Box
from nungil.taxonomy.taxonomy import Name
from services.profile import sentences
from services.profile.config import GAINS, gains_by_kind
from services.profile.core import Reason

DOGS = Name("개", "dogs")
BEAGLE = Name("비글", "beagle")


def a_reason(*, kind: int = pb.ACTIVITY_KIND_UPLOADED, box: Box = WHOLE) -> Reason:
    return Reason("e-1", kind, "m-1", 0, 1.0, box, ())


def test_what_was_surely_seen_is_named():
    assert sentences.why(DOGS, a_reason(), [(BEAGLE, 0.8)]) == Name(
        "이 사진에서 비글을 보았습니다 (업로드)", "You uploaded a picture that shows a beagle"
    )


def test_a_part_is_called_a_part():
    why = sentences.why(DOGS, a_reason(kind=pb.ACTIVITY_KIND_SAVED, box=Box(0, 0, 0.5, 1)), [(BEAGLE, 0.8)])
    assert why == Name(
        "이 사진의 이 부분에서 비글을 보았습니다 (저장)", "You saved a picture in which this part shows a beagle"
    )


def test_a_single_label_that_is_not_sure_is_not_named():
    assert "비글" not in sentences.why(DOGS, a_reason(), [(BEAGLE, 0.3)]).ko


def test_of_many_unsure_labels_the_interest_is_named_and_none_of_them():
    breeds = [(Name("비글", "beagle"), 0.1), (Name("퍼그", "pug"), 0.1), (Name("박서", "boxer"), 0.1)]
    assert sentences.why(DOGS, a_reason(), breeds) == Name(
        "이 사진에서 ‘개’와 관련된 것을 보았습니다 (업로드)", "You uploaded a picture that has to do with dogs"
    )


def test_colours_are_the_reason_where_they_spoke():
    assert sentences.why_by_colours(Name("파스텔 톤", "pastel colours"), a_reason()) == Name(
        "이 사진의 색에서 ‘파스텔 톤’과 관련된 것을 보았습니다 (업로드)",
        "You uploaded a picture whose colours have to do with pastel colours",
    )


@pytest.mark.parametrize("kind", gains_by_kind(GAINS))
def test_every_kind_of_activity_that_counts_has_its_sentence(kind):
    why = sentences.why(DOGS, a_reason(kind=kind), [(BEAGLE, 0.8)])
    assert "비글을" in why.ko
    assert "a beagle" in why.en


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("산", "산을"),
        ("골든 리트리버", "골든 리트리버를"),
        ("비글", "비글을"),
        ("커피 잔", "커피 잔을"),
        ("아홀로틀(우파루파)", "아홀로틀(우파루파)를"),
        ("폭스바겐 T1", "폭스바겐 T1을"),
        ("모델 3", "모델 3을"),
        ("모델 2", "모델 2를"),
        ("CD", "CD를"),
        ("LPM", "LPM을"),
        ("", "를"),
    ],
)
def test_the_object_particle_follows_the_last_sound(noun, expected):
    assert sentences.with_object_particle(noun) == expected


@pytest.mark.parametrize(("noun", "expected"), [("산", "산과"), ("개", "개와"), ("‘산’", "‘산’과")])
def test_the_and_particle_follows_the_last_sound(noun, expected):
    assert sentences.with_and_particle(noun) == expected


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("golden retriever", "a golden retriever"),
        ("Afghan hound", "an Afghan hound"),
        ("sunglasses", "sunglasses"),
        ("wine glass", "a wine glass"),
        ("bus", "a bus"),
        ("trolleybus", "a trolleybus"),
        ("unicycle", "a unicycle"),
        ("hourglass", "an hourglass"),
        ("chest of drawers", "a chest of drawers"),
        ("ear of corn", "an ear of corn"),
        ("broccoli", "broccoli"),
        ("ice cream", "ice cream"),
        ("triceratops", "a triceratops"),
    ],
)
def test_the_article_follows_the_first_sound(noun, expected):
    assert sentences.with_article(noun) == expected


def test_what_stands_in_brackets_is_left_out():
    fish = Name("텐치(잉엇과 민물고기)", "tench (a fish)")
    assert sentences.why(DOGS, a_reason(), [(fish, 0.9)]).ko == "이 사진에서 텐치를 보았습니다 (업로드)"
