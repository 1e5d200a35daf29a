"""The taxonomy that ships: complete, consistent, in both languages, and silent about what must not be inferred."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import (
    FACETS,
    ColourEntry,
    Interest,
    LabelEntry,
    Name,
    Taxonomy,
    check_interests,
    check_labels,
    load_taxonomy,
)
from services.search.words.vocabulary import of_taxonomy

HANGUL = re.compile("[가-힣]")
REASONS = {"medical", "religion", "origin", "weapon", "military", "tobacco", "gambling", "says_nothing"}
REFUSED_IN_ENGLISH = re.compile(
    r"\b(health\w*|wellness|medic\w*|disease\w*|disab\w*|pregnan\w*|patient\w*|drugs?|religi\w*|church\w*|christ\w*|musl\w*|islam\w*|jew|jewish"
    r"|buddh\w*|hindu\w*|pray\w*|faith|worship|politic\w*|election\w*|ethnic\w*|race|races|racial|national\w*|immigra\w*"
    r"|sex\w*|gay|lesbian|lgbt\w*|gender|men|women|emotion\w*|mood|happy|sad|lonel\w*|weapons?|guns?|military|army)\b"
)
REFUSED_IN_KOREAN = re.compile(
    "건강|의료|의약|질병|장애|임신|환자|종교|교회|기독|이슬람|불교|기도|신앙|정치|선거|민족|인종|국적|이민|성적|동성|감정|우울|외로|무기|총기|군사|군대"
)


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def an_interest(interest_id: str, parent: str | None = None) -> Interest:
    return Interest(interest_id, Name("이름", "name"), parent)


def a_label(label_id: str = "thing", **changes: object) -> LabelEntry:
    return replace(LabelEntry(label_id, Name("물건", "thing"), {"dogs": 1.0}), **changes)  # type: ignore[arg-type]


def named(taxonomy: Taxonomy) -> list[LabelEntry | Interest | ColourEntry]:
    return [*taxonomy.labels.values(), *taxonomy.interests.values(), *taxonomy.colours.values()]


def test_every_imagenet_class_has_a_label(taxonomy: Taxonomy) -> None:
    assert len(taxonomy.imagenet) == 1000
    assert len(set(taxonomy.imagenet)) == 1000
    assert set(taxonomy.imagenet) <= set(taxonomy.labels)


@pytest.mark.parametrize(
    ("index", "label_id"),
    [
        (0, "tench"),
        (134, "crane_bird"),
        (151, "chihuahua"),
        (207, "golden_retriever"),
        (264, "cardigan_welsh_corgi"),
        (281, "tabby_cat"),
        (388, "giant_panda"),
        (474, "cardigan_garment"),
        (517, "crane_machine"),
        (638, "one_piece_swimsuit"),
        (639, "tank_swimsuit"),
        (657, "missile"),
        (744, "projectile"),
        (770, "running_shoe"),
        (836, "tinted_glasses"),
        (837, "sunglasses_pair"),
        (967, "espresso"),
        (970, "alp"),
        (979, "valley"),
        (999, "toilet_paper"),
    ],
)
def test_labels_lie_in_imagenet_order(taxonomy: Taxonomy, index: int, label_id: str) -> None:
    assert taxonomy.imagenet[index] == label_id


def test_label_names_agree_with_the_published_list_of_classes(taxonomy: Taxonomy) -> None:
    categories = pytest.importorskip("torchvision.models._meta")._IMAGENET_CATEGORIES
    in_common = [
        bool(words(category) & words(taxonomy.labels[label_id].name.en))
        for category, label_id in zip(categories, taxonomy.imagenet, strict=True)
    ]
    shifted = [
        bool(words(category) & words(taxonomy.labels[label_id].name.en))
        for category, label_id in zip(categories, taxonomy.imagenet[1:], strict=False)
    ]
    assert sum(in_common) >= 880
    assert sum(shifted) <= 300


def words(name: str) -> set[str]:
    return set(re.findall("[a-z]+", name.lower()))


def test_ids_are_plain_snake_case(taxonomy: Taxonomy) -> None:
    ids = [*taxonomy.labels, *taxonomy.interests, *taxonomy.colours]
    assert [each for each in ids if not re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", each)] == []


def test_everything_has_a_korean_and_an_english_name(taxonomy: Taxonomy) -> None:
    entries = named(taxonomy)
    assert [each.id for each in entries if not HANGUL.search(each.name.ko)] == []
    assert [each.id for each in entries if not each.name.en or HANGUL.search(each.name.en)] == []


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", ["labels", "interests", "colours"])
def test_no_two_of_a_kind_share_a_name(taxonomy: Taxonomy, kind: str, language: str) -> None:
    names = [getattr(each.name, language) for each in getattr(taxonomy, kind).values()]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_there_are_enough_roots_and_interests(taxonomy: Taxonomy) -> None:
    assert 18 <= len(taxonomy.roots()) <= 30
    assert len(taxonomy.interests) >= 150


def test_no_interest_is_out_of_reach_of_every_label_and_palette(taxonomy: Taxonomy) -> None:
    reached = {interest for label in taxonomy.labels for interest in taxonomy.interests_of(label)}
    for palette in taxonomy.palettes:
        reached |= {palette, *(above.id for above in taxonomy.ancestors(palette))}
    assert set(taxonomy.interests) - reached == set()


def test_all_but_styles_are_told_without_a_text_tower(taxonomy: Taxonomy) -> None:
    reached = {interest for label in taxonomy.imagenet for interest in taxonomy.interests_of(label)}
    told = reached | {
        above.id for each in taxonomy.palettes for above in (taxonomy.interests[each], *taxonomy.ancestors(each))
    }
    styles = {id_ for id_ in taxonomy.interests if "styles" in (id_, *(above.id for above in taxonomy.ancestors(id_)))}
    assert set(taxonomy.interests) - told == styles


def test_every_style_and_material_is_asked_of_a_text_tower(taxonomy: Taxonomy) -> None:
    asked = {
        (one.of, interest) for one in taxonomy.prompted if one.told for interest in taxonomy.labels[one.id].interests
    }
    for facet in ("materials", "styles"):
        mine = {interest.id for interest in taxonomy.interests.values() if interest.parent == facet}
        assert mine <= {interest for of, interest in asked if of == facet}


def test_prompts_are_in_both_languages_and_of_a_known_kind(taxonomy: Taxonomy) -> None:
    for one in taxonomy.prompted:
        assert one.of in FACETS, one.id
        assert one.en, one.id
        assert one.ko, one.id
        assert not any(HANGUL.search(text) for text in one.en), one.id
        assert all(HANGUL.search(text) for text in one.ko), one.id
        assert one.told == (one.id in taxonomy.labels)


def test_each_kind_but_scenes_has_something_that_is_none_of_it(taxonomy: Taxonomy) -> None:
    assert {one.of for one in taxonomy.prompted if not one.told} == {"materials", "styles"}


def test_palettes_have_ranges_and_shares_that_colours_can_reach(taxonomy: Taxonomy) -> None:
    for palette in taxonomy.palettes.values():
        assert all(low < high for low, high in (palette.lightness, palette.chroma, palette.hue)), palette.interest
        assert 0 < palette.share <= 1, palette.interest
        assert 0 < palette.weight <= 1, palette.interest


def test_looks_are_no_words_of_a_search(taxonomy: Taxonomy) -> None:
    looks = {id_ for id_ in taxonomy.interests if taxonomy.is_look(id_)}
    assert {"looks", "wood", "minimal_style", "pastel_colours"} <= looks
    assert not {"dogs", "fashion", "denim"} & looks
    assert not looks & {tag.id for tag in of_taxonomy().tags}


def test_a_label_speaks_for_interests_or_says_why_not(taxonomy: Taxonomy) -> None:
    for label in taxonomy.labels.values():
        assert bool(label.interests) != bool(label.no_interest), label.id
        assert label.no_interest is None or label.no_interest in REASONS, label.id


def test_weights_lie_above_zero_and_up_to_one(taxonomy: Taxonomy) -> None:
    for label in taxonomy.labels.values():
        assert all(0 < weight <= 1 for weight in label.interests.values()), label.id


def test_a_label_names_only_the_most_specific_interests(taxonomy: Taxonomy) -> None:
    for label in taxonomy.labels.values():
        above = {broader.id for interest in label.interests for broader in taxonomy.ancestors(interest)}
        assert not above & set(label.interests), label.id


def test_no_interest_is_about_what_is_refused(taxonomy: Taxonomy) -> None:
    for interest in taxonomy.interests.values():
        english = f"{interest.id.replace('_', ' ')} {interest.name.en.lower()}"
        assert not REFUSED_IN_ENGLISH.search(english), interest.id
        assert not REFUSED_IN_KOREAN.search(interest.name.ko), interest.id


@pytest.mark.parametrize(
    ("reason", "label_ids"),
    [
        ("medical", ["stethoscope", "syringe", "pill_bottle", "crutch", "adhesive_bandage", "stretcher", "ambulance"]),
        ("religion", ["altar", "prayer_rug", "vestment", "abaya"]),
        ("weapon", ["rifle", "revolver", "assault_rifle", "missile", "cannon", "holster"]),
        ("military", ["military_uniform", "military_tank", "warplane", "aircraft_carrier", "gas_mask"]),
        ("tobacco", ["lighter", "tobacco_shop"]),
        ("gambling", ["slot_machine"]),
    ],
)
def test_what_must_not_be_inferred_speaks_for_nothing(taxonomy: Taxonomy, reason: str, label_ids: list[str]) -> None:
    for label_id in label_ids:
        assert taxonomy.labels[label_id].no_interest == reason
        assert taxonomy.interests_of(label_id) == {}


@pytest.mark.parametrize("building", ["church", "mosque", "stupa", "monastery", "bell_tower"])
def test_a_place_of_worship_speaks_for_architecture_alone(taxonomy: Taxonomy, building: str) -> None:
    assert set(taxonomy.labels[building].interests) == {"architecture"}


@pytest.mark.parametrize("garment", ["bra", "bikini", "swimming_trunks", "one_piece_swimsuit"])
def test_bras_and_swimwear_speak_for_fashion_alone(taxonomy: Taxonomy, garment: str) -> None:
    roots = {interest for interest in taxonomy.interests_of(garment) if taxonomy.interests[interest].parent is None}
    assert roots == {"fashion"}


@pytest.mark.parametrize(
    ("label_id", "interest_id"),
    [
        ("golden_retriever", "pets_animals"),
        ("alp", "outdoors_nature"),
        ("running_shoe", "sports_fitness"),
        ("running_shoe", "fashion"),
        ("football_helmet", "sports_fitness"),
        ("espresso", "food_drink"),
        ("jay", "wildlife"),
    ],
)
def test_what_speaks_for_an_interest_speaks_for_those_above_it(
    taxonomy: Taxonomy, label_id: str, interest_id: str
) -> None:
    assert taxonomy.interests_of(label_id)[interest_id] == max(
        weight
        for each, weight in taxonomy.labels[label_id].interests.items()
        if interest_id in {broader.id for broader in taxonomy.ancestors(each)}
    )


def test_a_parent_takes_the_largest_weight_that_leads_to_it() -> None:
    interests = {each.id: each for each in (an_interest("animals"), an_interest("dogs", "animals"))}
    interests["cats"] = an_interest("cats", "animals")
    label = a_label(interests={"dogs": 0.4, "cats": 0.9})
    taxonomy = Taxonomy({label.id: label}, interests, {}, ())
    assert taxonomy.interests_of(label.id) == {"dogs": 0.4, "cats": 0.9, "animals": 0.9}


def test_ancestors_come_nearest_first_and_a_root_has_none(taxonomy: Taxonomy) -> None:
    assert [each.id for each in taxonomy.ancestors("songbirds")] == ["birdwatching", "wildlife"]
    assert taxonomy.ancestors("wildlife") == ()


def test_interests_in_a_circle_are_refused() -> None:
    circle = {each.id: each for each in (an_interest("a", "b"), an_interest("b", "c"), an_interest("c", "a"))}
    with pytest.raises(Misconfigured, match="circle"):
        check_interests(circle)


def test_an_unknown_parent_is_refused() -> None:
    with pytest.raises(Misconfigured, match="unknown parent nowhere"):
        check_interests({"a": an_interest("a", "nowhere")})


@pytest.mark.parametrize(
    "label",
    [
        a_label(interests={"unheard_of": 1.0}),
        a_label(interests={}),
        a_label(no_interest="says_nothing"),
    ],
)
def test_a_label_that_contradicts_itself_is_refused(label: LabelEntry) -> None:
    with pytest.raises(Misconfigured, match="label thing"):
        check_labels({label.id: label}, {"dogs": an_interest("dogs")})


def test_colours_are_the_basic_terms_and_distinct(taxonomy: Taxonomy) -> None:
    basic = {"black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"}
    assert basic <= set(taxonomy.colours)
    values = [colour.rgb for colour in taxonomy.colours.values()]
    assert len(set(values)) == len(values)
    assert all(isinstance(value, int) and 0 <= value <= 0xFFFFFF for value in values)
