"""Why an interest is there, and what a season of a gallery shows, in one sentence of Korean and of English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from nungil.api.profile.v1 import people_pb2, profile_pb2
from nungil.pictures.boxes import WHOLE
from nungil.taxonomy.taxonomy import Name
from services.profile.core import Reason

MOST = 0.5  # one label has more than this of what was seen, and
SURE = 0.4  # is at least so probable: then it is named, else the interest

_VOWEL_SOUND = re.compile(r"(?!(uni|eu|us[ae]|ur[ai]|one))[aeiou]|hour|heir|honest", re.IGNORECASE)
_UNCOUNTED = re.compile(
    r"(broccoli|carbonara|corn|cream|dough|eggnog|fungus|guacamole|hay|mail|paper|potato|sauce|soup|velvet|wine|wool|woods)$"
)
_BATCHIM_OF_LATIN = frozenset("lmnr")  # read out, these letters end in a consonant: 엘, 엠, 엔, 아르(알)
_BATCHIM_OF_DIGIT = frozenset("013678")  # 영, 일, 삼, 육, 칠, 팔


class _Deed(NamedTuple):
    ko: str
    en: str


_DEEDS: dict[int, _Deed] = {
    profile_pb2.ACTIVITY_KIND_UPLOADED: _Deed("업로드", "You uploaded a picture"),
    profile_pb2.ACTIVITY_KIND_SAVED: _Deed("저장", "You saved a picture"),
    profile_pb2.ACTIVITY_KIND_LIKED: _Deed("좋아요", "You liked a picture"),
    profile_pb2.ACTIVITY_KIND_TRIED: _Deed("미리 보기", "You tried something out from a picture"),
    profile_pb2.ACTIVITY_KIND_SHARED: _Deed("공유", "You shared a picture"),
    profile_pb2.ACTIVITY_KIND_CROP_SEARCHED: _Deed("검색", "You searched with a picture"),
    profile_pb2.ACTIVITY_KIND_CLOSED_UP: _Deed("자세히 보기", "You looked closely at a picture"),
    profile_pb2.ACTIVITY_KIND_CLICKED_OUT: _Deed("판매처 방문", "You went to a shop from a picture"),
    profile_pb2.ACTIVITY_KIND_HIDDEN: _Deed("숨김", "You hid a picture"),
    profile_pb2.ACTIVITY_KIND_BOUGHT: _Deed("구매", "You bought something from a picture"),
}


_SEASONS: dict[int, Name] = {
    people_pb2.SEASON_WINTER: Name("겨울", "winter"),
    people_pb2.SEASON_SPRING: Name("봄", "spring"),
    people_pb2.SEASON_SUMMER: Name("여름", "summer"),
    people_pb2.SEASON_AUTUMN: Name("가을", "autumn"),
}


def why(interest: Name, reason: Reason, labels: Sequence[tuple[Name, float]]) -> Name:
    """The sentence. labels: what was seen, with probabilities, surest first; may be empty."""
    deed = _DEEDS[reason.kind]
    whole = reason.box == WHOLE
    place = Name("이 사진에서" if whole else "이 사진의 이 부분에서", "that" if whole else "in which this part")
    if labels and labels[0][1] >= max(SURE, MOST * sum(p for _, p in labels)):
        label = _bare(labels[0][0])
        return Name(
            f"{place.ko} {with_object_particle(label.ko)} 보았습니다 ({deed.ko})",
            f"{deed.en} {place.en} shows {with_article(label.en)}",
        )
    name = _bare(interest)
    return Name(
        f"{place.ko} {with_and_particle(f'‘{name.ko}’')} 관련된 것을 보았습니다 ({deed.ko})",
        f"{deed.en} {place.en} has to do with {name.en}",
    )


def why_by_colours(interest: Name, reason: Reason) -> Name:
    """The sentence where the colours of the whole picture are the reason."""
    deed, name = _DEEDS[reason.kind], _bare(interest)
    return Name(
        f"이 사진의 색에서 {with_and_particle(f'‘{name.ko}’')} 관련된 것을 보았습니다 ({deed.ko})",
        f"{deed.en} whose colours have to do with {name.en}",
    )


def season(year: int, season_: int, pictures: int, interests: Sequence[Name]) -> Name:
    """What a season's pictures show. year: in which it begins. season_: of people_pb2.Season. interests: most often seen first, three at most."""
    word = _SEASONS[season_]
    winter = season_ == people_pb2.SEASON_WINTER
    ko = f"{year}~{year + 1}년" if winter else f"{year}년"
    en = f"{word.en} {year}–{(year + 1) % 100:02d}" if winter else f"{word.en} {year}"
    few = Name(
        "사진 한 장" if pictures == 1 else f"사진 {pictures}장",
        "one picture" if pictures == 1 else f"{pictures} pictures",
    )
    begun = Name(f"{ko} {word.ko}에 찍은 {few.ko}", f"In {en} you took {few.en}")
    if not interests:
        return Name(
            f"{begun.ko}에서는 아직 관심사를 찾지 못했습니다", f"{begun.en}, in which no interest was found yet"
        )
    first, *others = interests
    is_there = with_subject_particle(first.ko)
    if pictures == 1:
        ko = f"{is_there} 있고 {_and(others).ko}도" if others else is_there
        return Name(f"{begun.ko}에는 {ko} 있습니다", f"{begun.en}, of {' and '.join(name.en for name in interests)}")
    if not others:
        return Name(f"{begun.ko}에는 {is_there} 가장 많습니다", f"{begun.en}, most often of {first.en}")
    also = _and(others)
    return Name(
        f"{begun.ko}에는 {is_there} 가장 많고 {also.ko}도 있습니다",
        f"{begun.en}, most often of {first.en}, and also of {also.en}",
    )


def with_subject_particle(noun: str) -> str:
    """이 after a final consonant, 가 after a vowel: 산이, 강아지가."""
    return noun + ("이" if ends_in_consonant(noun) else "가")


def with_object_particle(noun: str) -> str:
    """을 after a final consonant, 를 after a vowel: 산을, 골든 리트리버를."""
    return noun + ("을" if ends_in_consonant(noun) else "를")


def with_and_particle(noun: str) -> str:
    """과 after a final consonant, 와 after a vowel: 산과, 개와."""
    return noun + ("과" if ends_in_consonant(noun) else "와")


def ends_in_consonant(noun: str) -> bool:
    """Whether a word, read aloud in Korean, ends in a consonant. Marks at its end are not read."""
    spoken = re.sub(r"[^0-9A-Za-z가-힣]+$", "", noun)
    if not spoken:
        return False
    last = spoken[-1]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28 != 0
    if last.isdigit():
        return last in _BATCHIM_OF_DIGIT
    return last.lower() in _BATCHIM_OF_LATIN


def with_article(noun: str) -> str:
    """a golden retriever, an apple, sunglasses, broccoli."""
    head = noun.partition(" of ")[0]
    last = head.split()[-1] if head.split() else head
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is", "ops"))
    if plural or _UNCOUNTED.search(last):
        return noun
    return f"{'an' if _VOWEL_SOUND.match(noun) else 'a'} {noun}"


def _and(names: Sequence[Name]) -> Name:
    """One or two names together."""
    if len(names) == 1:
        return names[0]
    first, second = names
    return Name(f"{with_and_particle(first.ko)} {second.ko}", f"{first.en} and {second.en}")


def _bare(name: Name) -> Name:
    """Without what stands in brackets to explain it."""
    return Name(*(re.sub(r"\s*\([^)]*\)", "", text) or text for text in (name.ko, name.en)))
