"""What no segment may ask for: a hundred definitions that must not validate, each with its reason, and those that must."""

from __future__ import annotations

import json

import pytest

from nungil.taxonomy.refused import load_refusals
from nungil.taxonomy.taxonomy import load_taxonomy
from services.profile.segments.definition import decode, encode
from services.profile.segments.errors import InvalidSegment, RefusedSegment
from services.profile.segments.validation import read

NAMED = {
    "nationality": [
        "Koreans", "Chinese", "Chinese shoppers", "Vietnamese women", "German customers", "Foreigners", "Recent immigrants",
        "Native speakers of Thai", "Refugees", "Country of origin: Mongolia", "한국인", "중국계 고객", "외국인", "이민자 가정",
        "일본 사람", "국적이 베트남", "조선족", "재외동포",
    ],
    "ethnicity": [
        "Asian people", "Black people", "Hispanics", "African American shoppers", "Mixed-race families", "Ethnic minorities",
        "skin_tone dark", "흑인", "백인 손님", "다문화 가정", "혼혈", "인종별 취향", "동남아 사람들",
    ],
    "religion": [
        "Christians", "Muslim shoppers", "Buddhists", "Who keeps kosher", "church goers", "Mosque visitors",
        "Yarmulke wearers", "Hijab fashion", "Halal food", "Ramadan buyers", "Temple-goers", "교회 다니는 사람", "불교 신도", "무슬림",
        "성당", "할랄 음식", "히잡", "기독교인",
    ],
    "health": [
        "Pregnant", "pre-natal", "P r e g n a n t", "Ｐｒｅｇｎａｎｔ", "Expecting a baby", "Diabetics", "Cancer patients", "Wheelchair users", "Crutches",
        "Weight loss", "Overweight people", "Takes medication", "Mental health", "Alcoholics", "Smokers", "Hair loss",
        "임산부", "임 산 부", "당뇨 환자", "비만", "다이어트하는 사람", "정신과 상담", "장애인", "탈모", "흡연자", "휠체어 이용자",
    ],
    "emotion": [
        "Sad people", "Lonely at night", "Depressed", "Anxious buyers", "Heartbroken", "Low self-esteem", "우울한 사람", "외로운 사람", "이별한 사람",
        "스트레스 받는 사람", "기분이 좋은 사람",
    ],
    "politics": [
        "Political", "Liberal voters", "Conservatives", "Trade union members", "Protesters", "Left-wing", "정치 관심", "보수 성향", "진보층",
        "노조", "집회 참가자",
    ],
    "sexuality": [
        "Gay men", "LGBTQ", "Lesbians", "Same-sex couples", "Transgender", "성소수자", "동성애자", "게이", "성적 지향",
    ],
    "age": ["Teenagers", "Seniors", "In their 20s", "Millennials", "Age 30 to 39", "20대", "청소년", "노인", "MZ세대"],
    "gender": ["Women", "Men", "Moms", "Females", "여성", "남자", "워킹맘", "주부"],
    "face": ["Selfies", "Face shape", "Look-alikes of a star", "얼굴형", "셀카", "외모"],
    "occupation": ["Nurses", "Soldiers", "Unemployed", "Students", "간호사", "직장인", "군인"],
    "sensitive": ["Gamblers", "Gun owners", "도박"],
}  # fmt: skip
ASKED = [
    ("religion", {"label": "church"}),
    ("religion", {"label": "mosque", "images": 3}),
    ("religion", {"label": "yarmulke"}),
    ("religion", {"label": "monastery"}),
    ("religion", {"label": "stupa"}),
    ("religion", {"label": "altar"}),
    ("religion", {"label": "prayer_rug"}),
    ("religion", {"label": "abaya"}),
    ("religion", {"label": "vestment"}),
    ("religion", {"interest": "religion"}),
    ("religion", {"follows": "christianity"}),
    ("health", {"label": "crutch"}),
    ("health", {"label": "pill_bottle", "days": 2}),
    ("health", {"label": "syringe"}),
    ("health", {"label": "stethoscope"}),
    ("health", {"label": "neck_brace"}),
    ("health", {"label": "oxygen_mask"}),
    ("health", {"label": "adhesive_bandage"}),
    ("health", {"label": "medicine_cabinet"}),
    ("health", {"label": "wheelchair"}),
    ("health", {"label": "tobacco_shop"}),
    ("health", {"label": "wig"}),
    ("health", {"interest": "pregnancy"}),
    ("nationality", {"label": "kimono"}),
    ("nationality", {"label": "sombrero"}),
    ("ethnicity", {"label": "totem_pole"}),
    ("occupation", {"label": "military_uniform"}),
    ("occupation", {"label": "lab_coat"}),
    ("gender", {"label": "bra"}),
    ("sensitive", {"label": "revolver"}),
    ("sensitive", {"label": "slot_machine"}),
    ("sensitive", {"label": "prison"}),
    ("nationality", {"nationality": "KR"}),
    ("gender", {"gender": "any"}),
    ("age", {"age_band": "x"}),
    ("emotion", {"emotion": "x"}),
    ("face", {"face": "oval"}),
    ("ethnicity", {"about": "skin tone"}),
    ("politics", {"interest": "politics"}),
    ("sexuality", {"label": "rainbow_flag"}),
    ("religion", {"stated": {"religion": "any"}}),
    ("ethnicity", {"stated": {"skin_type": "dark skin tone"}}),
    ("health", {"stated": {"hair": ["curly", "hair loss"]}}),
    ("occupation", {"stated": {"occupation": "nurse"}}),
]
ALLOWED = [
    "Rabbits", "Monkeys and apes",
    "Dog and mountain", "French bulldog owners", "German shepherds", "Persian cats", "Korean food", "Chinese tea", "Italian cooking",
    "Mexican dishes", "Black dresses", "Black and white photography", "White sneakers", "Coffee lovers", "Weight training", "Cycling",
    "Running", "Skincare", "Make-up", "Face cream", "Hair styling", "Weddings", "Baby care", "Nursery furniture", "Toys", "Graduations",
    "Christmas decorations", "Castles and palaces", "Roman history", "Middle Ages architecture", "Race cars", "1950s cars", "Farmers market",
    "Motherboards and PC parts", "Animal hospital, boarding too", "Comics and games", "Car camping", "Mood lighting", "Glue guns and craft",
    "반려견과 산", "한국 음식", "중국 차", "게이밍 노트북", "경기도 캠핑", "동물병원", "나이키 운동화", "재활용 가구", "캠핑과 낚시", "흑백 사진", "집 보수",
    "관상어", "결혼식", "육아용품", "러닝화", "프랑스 요리",
]  # fmt: skip


def a_definition(ko: str = "등산", en: str = "Hiking", who: object = None) -> str:
    return json.dumps({"name": {"ko": ko, "en": en}, "who": who or {"interest": "hiking"}})


def reason(id_: str) -> str:
    return next(refusal.why.en for refusal in load_refusals() if refusal.id == id_)


@pytest.mark.parametrize(("why", "name"), [(why, name) for why, names in NAMED.items() for name in names])
def test_a_segment_may_not_be_called_after_what_is_refused(why, name):
    with pytest.raises(RefusedSegment, match=reason(why)):
        read("a-segment", a_definition(en=name), load_taxonomy())
    with pytest.raises(RefusedSegment, match=reason(why)):
        read("a-segment", a_definition(ko=name), load_taxonomy())


@pytest.mark.parametrize(("why", "condition"), ASKED, ids=[str(condition) for _, condition in ASKED])
def test_a_condition_may_not_ask_for_what_is_refused_however_deep_it_lies(why, condition):
    who = {"all": [{"interest": "dogs"}, {"any": [{"not": condition}, {"interest": "cats"}]}]}
    with pytest.raises(RefusedSegment, match=reason(why)) as refused:
        read("a-segment", a_definition(who=who), load_taxonomy())
    assert "who.all[1].any[0].not" in str(refused.value)
    assert refused.value.slug == "refused-segment"


def test_the_id_is_looked_at_as_well():
    with pytest.raises(RefusedSegment, match=reason("health")):
        read("pregnant-soon", a_definition(), load_taxonomy())


@pytest.mark.parametrize("name", ALLOWED)
def test_a_segment_may_be_called_after_things(name):
    assert read("a-segment", a_definition(ko=name, en=name), load_taxonomy()).name.en == name


def test_there_are_at_least_a_hundred_that_must_not_and_forty_that_must():
    assert sum(map(len, NAMED.values())) + len(ASKED) >= 100
    assert len(ALLOWED) >= 40


def test_every_label_that_says_nothing_by_the_taxonomy_is_refused():
    for label in load_taxonomy().labels.values():
        if label.no_interest:
            with pytest.raises(RefusedSegment):
                read("a-segment", a_definition(who={"label": label.id}), load_taxonomy())


def test_no_interest_of_the_taxonomy_is_refused_and_none_is_called_by_what_is():
    for interest in load_taxonomy().interests.values():
        read("a-segment", a_definition(who={"interest": interest.id}), load_taxonomy())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "no YAML and no JSON"),
        ("just words", "a mapping with `name` and `who`"),
        ("a: &x [1]\nb: *x", "aliases"),
        (a_definition(who={"interest": "dogz"}), "there is no interest 'dogz'; perhaps 'dogs'"),
        (a_definition(who={"label": "beaglle"}), "there is no label 'beaglle'; perhaps 'beagle'"),
        (a_definition(who={"interest": "dogs", "weight": 0}), "weight is 0; it must be 0.05 to 1000"),
        (a_definition(who={"interest": "dogs", "weight": float("nan")}), "must be a number"),
        (a_definition(who={"interest": "dogs", "leave_below": 2.0}), "leave_below is 2; it must be 0.01 to 1"),
        (a_definition(who={"label": "beagle", "images": 0}), "images is '0'; it must be a whole number from 1 to 20"),
        (a_definition(who={"activity": "saved", "within_days": 91}), "from 1 to 90"),
        (a_definition(who={"activity": "slept"}), "activity is 'slept'; it must be one of uploaded"),
        (a_definition(who={"market": "Korea"}), "must be an ISO 3166-1"),
        (a_definition(who={"interest": "dogs", "label": "beagle"}), "exactly one of"),
        (a_definition(who={"interest": "dogs", "weigth": 2}), "'weigth', which is no field"),
        (a_definition(who={"all": []}), "a list of at least one"),
        (a_definition(who={"not": {"interest": "dogs"}}), "people of whom nothing is known"),
        (a_definition(who={"any": [{"interest": "dogs"}] * 33}), "33 conditions; at most 32"),
        (a_definition(en=" "), "name needs `ko` and `en`"),
        (json.dumps({"name": {"ko": "산", "en": "Hills"}}), "`who` is missing"),
        ("x" * 20_001, "at most 20,000 bytes"),
        (a_definition(who={"stated": {"age_band": "20"}}), "age_band has '20'; its words are under_20, 20s, 30s, 40s"),
        (a_definition(who={"stated": {"age_band": ["20s", 30]}}), "age_band has '30'; its words are under_20"),
        (
            a_definition(who={"stated": {"gender": "female"}}),
            "gender has 'female'; its words are woman, man, nonbinary",
        ),
        (a_definition(who={"stated": {"gender": []}}), "its words are woman, man, nonbinary"),
        (a_definition(who={"stated": {"style": "linen"}}), "exactly one of age_band, gender, hair, skin_type"),
        (a_definition(who={"stated": {"hair": "wavy", "gender": "man"}}), "who.stated needs exactly one of age_band"),
        (a_definition(who={"stated": "20s"}), "exactly one of age_band, gender, hair, skin_type"),
        (
            a_definition(who={"not": {"stated": {"gender": ["man", "woman", "nonbinary"]}}}),
            "no word of gender to state",
        ),
        (
            a_definition(who={"any": [{"not": {"interest": "dogs"}}, {"stated": {"hair": "wavy"}}]}),
            "people of whom nothing is known",
        ),
    ],
    ids=range(29),
)
def test_what_cannot_be_is_refused_with_its_place_and_what_to_do(text, fault):
    with pytest.raises(InvalidSegment) as invalid:
        read("a-segment", text, load_taxonomy())
    assert fault in str(invalid.value)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("{stated: {age_band: 20s}}", {"stated": {"age_band": ["20s"]}}),
        ("{stated: {age_band: [30s, 20s, 30s]}}", {"stated": {"age_band": ["20s", "30s"]}}),
        ("{not: {stated: {gender: woman}}}", {"stated": {"gender": ["man", "nonbinary"]}}),
        ("{all: [{stated: {hair: wavy}}, {stated: {skin_type: dry}}]}", None),
    ],
)
def test_what_people_state_may_be_asked_for_and_is_kept_as_it_is_meant(written, kept):
    definition = read("a-segment", f"name: {{ko: 모임, en: A group}}\nwho: {written}", load_taxonomy())
    assert kept is None or json.loads(encode(definition))["who"] == kept
    assert decode(encode(definition)) == read("a-segment", encode(definition), load_taxonomy()) == definition


def test_a_segment_that_asks_what_people_state_may_still_not_be_called_by_it():
    with pytest.raises(RefusedSegment, match=reason("age")):
        read("a-segment", a_definition(en="In their 20s", who={"stated": {"age_band": "20s"}}), load_taxonomy())


def test_every_fault_is_told_at_once():
    who = {"all": [{"interest": "dogz"}, {"label": "beaglle"}, {"activity": "saved", "times": -1}]}
    with pytest.raises(InvalidSegment) as invalid:
        read("A segment!", a_definition(who=who), load_taxonomy())
    assert [part in str(invalid.value) for part in ("the id", "who.all[0]", "who.all[1]", "who.all[2].times")] == [
        True
    ] * 4
