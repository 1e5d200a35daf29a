"""What people state of themselves, as they are told it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from nungil.taxonomy.taxonomy import Name

FIELDS: Mapping[str, Name] = {
    "age_band": Name("나이대", "age band"),
    "gender": Name("성별", "gender"),
    "hair": Name("머리카락", "hair"),
    "skin_type": Name("피부", "skin"),
}
WORDS: Mapping[str, Mapping[str, Name]] = {
    "age_band": {
        "under_20": Name("20세 미만", "under 20"),
        "20s": Name("20대", "20s"),
        "30s": Name("30대", "30s"),
        "40s": Name("40대", "40s"),
        "50s": Name("50대", "50s"),
        "60_or_over": Name("60대 이상", "60 or over"),
    },
    "gender": {
        "woman": Name("여성", "woman"),
        "man": Name("남성", "man"),
        "nonbinary": Name("논바이너리", "non-binary"),
    },
    "hair": {
        "straight": Name("직모", "straight"),
        "wavy": Name("반곱슬", "wavy"),
        "curly": Name("곱슬", "curly"),
        "coily": Name("강한 곱슬", "coily"),
    },
    "skin_type": {
        "dry": Name("건성", "dry"),
        "oily": Name("지성", "oily"),
        "combination": Name("복합성", "combination"),
        "normal": Name("중성", "normal"),
        "sensitive": Name("민감성", "sensitive"),
    },
}
