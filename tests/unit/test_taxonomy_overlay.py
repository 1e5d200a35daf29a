"""What a tenant lays over the taxonomy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from nungil.cli.main import main
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.overlay import digest_of, faults_of, overlaid, read_overlay, read_overlays
from nungil.taxonomy.refused import refusal_of_words
from nungil.taxonomy.taxonomy import Name, load_taxonomy

SHIPPED = load_taxonomy()
CLINIC = """
names: {dogs: {ko: 우리 강아지, en: our dogs}}
interests:
  - {id: dog_teeth, ko: 강아지 이빨 관리, en: dog teeth, parent: dogs, words: [양치]}
labels:
  golden_retriever: {dog_teeth: 0.5}
  flagpole: {dog_teeth: 0.1}
hidden: [cars, pastel_colours]
weights: {pets_animals: 2, food_drink: 0.5}
"""


def an_overlay(**sections: Any) -> dict[str, Any]:
    return sections


def test_names_are_the_tenants_own_and_ids_stay():
    taxonomy = overlaid(SHIPPED, yaml.safe_load(CLINIC))
    assert taxonomy.interests["dogs"].name == Name("우리 강아지", "our dogs")
    assert taxonomy.interests["cats"] == SHIPPED.interests["cats"]


def test_an_own_interest_is_reached_by_its_labels_and_reaches_those_above():
    taxonomy = overlaid(SHIPPED, yaml.safe_load(CLINIC))
    assert taxonomy.interests_of("golden_retriever") == {"dog_teeth": 0.5, "dogs": 0.5, "pets_animals": 1.0}
    assert taxonomy.interests_of("beagle") == {"dogs": 1.0, "pets_animals": 1.0}


def test_a_label_that_everyone_passes_by_may_speak_for_something_here():
    assert SHIPPED.labels["flagpole"].no_interest == "says_nothing"
    assert overlaid(SHIPPED, yaml.safe_load(CLINIC)).interests_of("flagpole")["dog_teeth"] == 0.1


def test_what_is_hidden_is_gone_with_all_below_it():
    taxonomy = overlaid(SHIPPED, yaml.safe_load(CLINIC))
    assert not {"cars", "sports_cars", "pastel_colours"} & set(taxonomy.interests)
    assert "pastel_colours" not in taxonomy.palettes
    reached = {interest for label in taxonomy.labels for interest in taxonomy.interests_of(label)}
    assert reached <= set(taxonomy.interests)


def test_a_weight_makes_an_interest_count_for_more_or_less_and_never_for_more_than_one():
    taxonomy = overlaid(SHIPPED, yaml.safe_load(CLINIC))
    assert taxonomy.interests_of("beagle")["pets_animals"] == 1.0
    assert taxonomy.interests_of("espresso")["food_drink"] == 0.5 * SHIPPED.interests_of("espresso")["food_drink"]


def test_the_shipped_taxonomy_is_left_as_it_is():
    overlaid(SHIPPED, yaml.safe_load(CLINIC))
    assert "dog_teeth" not in SHIPPED.interests
    assert SHIPPED.interests_of("golden_retriever")["dogs"] == 1.0


def test_an_empty_overlay_changes_nothing():
    assert overlaid(SHIPPED, {}) == SHIPPED


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (an_overlay(nmaes={}), "nmaes: there is no such section"),
        (an_overlay(names=[]), "names: it should be a mapping"),
        (an_overlay(hidden="dogs"), "hidden: it should be a list"),
        (an_overlay(hidden=[str(n) for n in range(501)]), "hidden: 501 entries; at most 500"),
        (an_overlay(hidden=["unheard_of", {"a": 1}]), "hidden: there is no interest 'unheard_of'"),
        (an_overlay(names={"dogs": {"ko": "개"}}), "names.dogs.en: the name is missing"),
        (an_overlay(names={"dogs": "개"}), "names.dogs: it should be"),
        (an_overlay(names={"dogs": {"ko": "개", "en": "d" * 81}}), "names.dogs.en: 81 characters"),
        (
            an_overlay(names={"dogs": {"ko": "개", "en": "dogs", "fr": "chiens"}}),
            "names.dogs.fr: there is no such field",
        ),
        (an_overlay(interests=[{"id": "Dog Teeth"}]), "interests[0]: it needs an id"),
        (an_overlay(interests=["dogs"]), "interests[0]: it needs an id"),
        (an_overlay(interests=[{"id": "dogs", "ko": "개", "en": "dogs"}]), "interests.dogs: there is one already"),
        (an_overlay(interests=[{"id": "a", "ko": "가", "en": "a", "parent": "b"}]), "interests.a.parent: there is no"),
        (
            an_overlay(interests=[{"id": "a", "ko": "가", "en": "a", "parent": ["b"]}]),
            "interests.a.parent: there is no",
        ),
        (an_overlay(interests=[{"id": "a", "ko": "가", "en": "a", "parent": "a"}]), "interests.a.parent: it lies in a"),
        (an_overlay(interests=[{"id": "a", "ko": "가", "en": "a", "words": "x"}]), "interests.a.words: it should be"),
        (an_overlay(interests=[{"id": "a", "ko": "가", "en": "a"}] * 2), "interests.a: given twice"),
        (an_overlay(labels={"golden": {"dogs": 1}}), "labels.golden: there is no such label"),
        (an_overlay(labels={"beagle": ["dogs"]}), "labels.beagle: it should be a mapping"),
        (an_overlay(labels={"beagle": {"dogs": 1.5}}), "labels.beagle.dogs: 1.5 is no weight"),
        (an_overlay(labels={"beagle": {"dogs": True}}), "labels.beagle.dogs: True is no weight"),
        (an_overlay(labels={"beagle": {"gods": 1}}), "labels.beagle: there is no interest 'gods'"),
        (an_overlay(labels={"stethoscope": {"dogs": 1}}), "labels.stethoscope: it says nothing of a person (medical)"),
        (an_overlay(labels={"kimono": {"fashion": 1}}), "labels.kimono: it says nothing of a person (origin)"),
        (an_overlay(weights={"dogs": 0}), "weights.dogs: 0 is no weight"),
        (an_overlay(weights={"dogs": float("nan")}), "weights.dogs: nan is no weight"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(document: dict[str, Any], told: str):
    assert any(fault.startswith(told) for fault in faults_of(SHIPPED, document)), faults_of(SHIPPED, document)
    with pytest.raises(Misconfigured):
        overlaid(SHIPPED, document)


def test_every_fault_is_told_at_once():
    document = an_overlay(hidden=["x"], weights={"y": 9}, names={"dogs": {}}, labels={"z": {}})
    assert len(faults_of(SHIPPED, document)) == 6


REFUSED = [
    "nationality", "국적", "foreigners", "외국인 손님", "ethnic food lovers", "인종", "immigrants", "happiness", "기분", "lonely people",
    "외로운 사람", "health", "건강", "diabetes care", "당뇨", "pregnancy", "임신", "religion", "종교", "church goers", "교회", "muslim fashion",
    "불교", "politics", "정치", "voters", "좌파", "sexuality", "성적 지향", "gay", "게이", "환자",
]  # fmt: skip
TAKEN = [
    "national parks", "경기도 여행", "장애물 달리기", "race cars", "교외로 나들이", "dogs", "강아지", "Sussex", "drugstore", "moody blues",
    "organic food", "rabbits", "monkeys and apes",
]  # fmt: skip


@pytest.mark.parametrize("word", REFUSED)
def test_what_is_never_inferred_names_no_interest(word: str):
    renamed = an_overlay(names={"dogs": {"ko": word, "en": word}})
    own = an_overlay(interests=[{"id": "own", "ko": "것", "en": "thing", "words": [word]}])
    assert all("never inferred" in fault for fault in faults_of(SHIPPED, renamed))
    assert len(faults_of(SHIPPED, renamed)) == 2
    assert len(faults_of(SHIPPED, own)) == 1


def test_an_id_is_a_name_as_well():
    document = an_overlay(interests=[{"id": "mental_health", "ko": "것", "en": "thing"}])
    assert faults_of(SHIPPED, document) == [
        "interests.mental_health: 'mental_health' is refused: health and the state of the body are never inferred"
    ]


@pytest.mark.parametrize("word", TAKEN)
def test_what_only_sounds_like_it_is_taken(word: str):
    assert refusal_of_words(word) is None


def test_nothing_that_ships_is_refused():
    said = [text for each in SHIPPED.interests.values() for text in (each.name.ko, each.name.en, *each.words)]
    assert [text for text in said if refusal_of_words(text)] == []


def test_a_digest_follows_what_is_said_and_not_how():
    said = yaml.safe_load(CLINIC)
    assert digest_of(said) == digest_of(dict(reversed(list(said.items()))))
    assert digest_of(said) != digest_of(said | {"hidden": []})


def test_a_folder_holds_one_file_a_tenant(tmp_path: Path):
    (tmp_path / "clinic.yaml").write_text(CLINIC, "utf-8")
    (tmp_path / "bookshop.yaml").write_text("", "utf-8")
    (tmp_path / "readme.txt").write_text("not read", "utf-8")
    assert read_overlays(tmp_path) == {"bookshop": {}, "clinic": yaml.safe_load(CLINIC)}


@pytest.mark.parametrize(
    ("text", "told"), [("- a", "holds no sections"), ("a: [", "is no YAML"), ("a: b: c", "is no YAML")]
)
def test_a_file_that_is_no_overlay_is_refused(tmp_path: Path, text: str, told: str):
    path = tmp_path / "clinic.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match=told):
        read_overlay(path)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path):
    (tmp_path / "clinic.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "clinic.yaml", tmp_path / "absent.yaml"):
        with pytest.raises(Misconfigured, match="cannot be read"):
            read_overlay(path)
    with pytest.raises(Misconfigured, match="is no folder"):
        read_overlays(tmp_path / "absent")


def test_the_command_tells_what_an_overlay_changes(tmp_path: Path):
    path = tmp_path / "clinic.yaml"
    path.write_text(CLINIC, "utf-8")
    done = CliRunner().invoke(main, ["taxonomy", "check", str(path)])
    assert done.exit_code == 0, done.output
    assert "1 own interest, 1 name, 2 labels, 2 hidden, 2 weights" in done.output


def test_the_command_tells_every_fault_and_fails(tmp_path: Path):
    path = tmp_path / "clinic.yaml"
    path.write_text("hidden: [x]\nweights: {y: 9}", "utf-8")
    done = CliRunner().invoke(main, ["taxonomy", "check", str(path)])
    assert done.exit_code == 2
    for told in ("hidden: there is no interest 'x'", "weights: there is no interest 'y'", "weights.y: 9 is no weight"):
        assert told in done.stderr
