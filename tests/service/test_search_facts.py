"""Labels and colours of pictures in search's copy, and the tags that narrow and exclude by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from search_builders import (
    DOG,
    JUNO,
    MINA,
    SPACE,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    delivered,
    like,
)

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.database.open import reading
from nungil.event_log import topics
from nungil.event_log.port import NewRecord
from nungil.object_store import keys
from nungil.pictures.features import Features, FoundColour, FoundLabel
from nungil.runtime.errors import Rejected
from nungil.vector_index.port import CATALOGUE
from services.search.core import Conditions, Filters, Tag, TagKind
from services.search.facts import tags_of
from services.search.handlers.facts import FillFacts

HUSKY, DALMATIAN, SOFA = (Tag(TagKind.LABEL, id_) for id_ in ("siberian_husky", "dalmatian", "studio_couch"))
DOGS = Tag(TagKind.LABEL, "dogs")
RED, BLUE = Tag(TagKind.COLOUR, "red"), Tag(TagKind.COLOUR, "blue")


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        yield search


@pytest.fixture(params=[2_500, 1], ids=["few pass", "many pass"])
def either(request: pytest.FixtureRequest, search: Search) -> Search:
    """All that passes scored, and nearest rows checked."""
    return search.like(exact_limit=request.param)


def showing(picture: Features, *tags: Tag, score: float = 0.6) -> Features:
    """The same picture, with labels and colours."""
    labels = tuple(FoundLabel(tag.id, score) for tag in tags if tag.kind is TagKind.LABEL)
    colours = tuple(FoundColour(tag.id, 0, score) for tag in tags if tag.kind is TagKind.COLOUR)
    return replace(picture, labels=labels, colours=colours)


def embedded(
    media_id: str,
    outcome: MediaEmbedded.Outcome.ValueType = MediaEmbedded.OUTCOME_EMBEDDED,
    *,
    space: str = SPACE.name,
    tenant: str = TENANT,
) -> NewRecord:
    event = MediaEmbedded(tenant=tenant, media_id=media_id, outcome=outcome, encoder_space=space, version=1)
    return NewRecord(topics.MEDIA_EMBEDDED, media_id, event.SerializeToString())


def put(search: Search, *pictures: Features) -> None:
    """In the index and the object store, and told of."""
    search.put(*pictures)
    assert search.read_pictures(delivered(*(embedded(each.media_id, tenant=each.tenant) for each in pictures))) == []


def found(search: Search, *narrow: Tag, without: tuple[Tag, ...] = (), **of: object) -> list[str]:
    """Item id, or media id of what is no item's, best first."""
    conditions = Conditions(TENANT, MINA, narrow=narrow, exclude=without, **of)  # type: ignore[arg-type]
    return [each.item_id or each.match.media_id for each in search.find(DOG, conditions, wanted=20).found]


def tags(search: Search, media_id: str, tenant: str = TENANT) -> set[Tag]:
    with reading(search.engine) as connection:
        return set(tags_of(connection, tenant, [media_id]).get(media_id, ()))


def a_home(search: Search) -> None:
    """Best first: a husky, red; a dalmatian; an item of two pictures, one showing a sofa, the other blue; a bare wall."""
    put(
        search,
        showing(a_picture("husky", like(DOG, 0.9)), HUSKY, RED),
        showing(a_picture("dalmatian", like(DOG, 0.8), owner=MINA), DALMATIAN),
        showing(a_picture("front", like(DOG, 0.7)), SOFA),
        showing(a_picture("back", like(DOG, 0.6)), BLUE),
        a_picture("wall", like(DOG, 0.5)),
    )
    offers = [an_offer(shop="Nun"), an_offer("o-2", shop="Gone", in_stock=False)]
    search.items(an_item("sofa", "front", "back", offers=offers, brand="Gil"))


def test_results_narrow_to_what_has_all_the_tags(either: Search) -> None:
    a_home(either)
    assert found(either, HUSKY) == ["husky"]
    assert found(either, HUSKY, RED) == ["husky"]
    assert found(either, HUSKY, BLUE) == []
    assert found(either, DALMATIAN) == ["dalmatian"]


def test_an_interest_stands_for_all_its_labels(either: Search) -> None:
    a_home(either)
    assert found(either, DOGS) == ["husky", "dalmatian"]
    assert found(either, Tag(TagKind.LABEL, "pets_animals")) == ["husky", "dalmatian"]


def test_an_item_has_the_tags_of_each_of_its_pictures_and_its_best_picture_stands_for_it(either: Search) -> None:
    a_home(either)
    assert found(either, SOFA, BLUE) == ["sofa"]
    [row] = either.find(DOG, Conditions(TENANT, MINA, narrow=(BLUE,)), wanted=5).found
    assert (row.match.media_id, row.item_id) == ("front", "sofa")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (Tag(TagKind.CATEGORY, "sofas"), ["sofa"]),
        (Tag(TagKind.CATEGORY, "rugs"), []),
        (Tag(TagKind.BRAND, "Gil"), ["sofa"]),
        (Tag(TagKind.SHOP, "Nun"), ["sofa"]),
        (Tag(TagKind.SHOP, "Gone"), ["sofa"]),
        (Tag(TagKind.SHOP, "' or 1=1 --"), []),
    ],
)
def test_an_item_has_its_category_brand_and_shops(either: Search, tag: Tag, expected: list[str]) -> None:
    a_home(either)
    assert found(either, tag) == expected
    rest = [each for each in ["husky", "dalmatian", "sofa", "wall"] if each not in expected]
    assert found(either, without=(tag,)) == rest


def test_a_shop_counts_by_an_offer_that_passes_the_filters(either: Search) -> None:
    a_home(either)
    assert found(either, Tag(TagKind.SHOP, "Nun"), filters=Filters(in_stock=True)) == ["sofa"]
    assert found(either, Tag(TagKind.SHOP, "Gone"), filters=Filters(in_stock=True)) == []
    assert found(either, without=(Tag(TagKind.SHOP, "Gone"),), filters=Filters(in_stock=True)) == ["sofa"]


def test_what_has_a_tag_that_is_crossed_out_is_left_out_whole_items_too(either: Search) -> None:
    a_home(either)
    assert found(either, without=(DOGS,)) == ["sofa", "wall"]
    assert found(either, without=(BLUE,)) == ["husky", "dalmatian", "wall"]
    assert found(either, without=(DOGS, BLUE)) == ["wall"]
    assert found(either, DOGS, without=(RED,)) == ["dalmatian"]


def test_items_that_words_chose_are_the_only_ones(either: Search) -> None:
    a_home(either)
    assert found(either, items=frozenset({"sofa", "unknown"})) == ["sofa"]
    assert found(either, items=frozenset()) == []
    assert found(either, HUSKY, items=frozenset({"sofa"})) == []


def test_a_label_that_is_hardly_there_is_no_tag(search: Search) -> None:
    put(search, showing(a_picture("m-1", DOG), HUSKY, RED, score=0.05))
    assert tags(search, "m-1") == set()


def test_a_label_of_a_region_counts(search: Search) -> None:
    picture = a_picture("m-1", DOG)
    regions = (*picture.regions, replace(picture.regions[0], n=1, labels=(FoundLabel("dalmatian", 0.8),)))
    put(search, replace(picture, regions=regions))
    assert tags(search, "m-1") == {DALMATIAN}


def test_a_picture_whose_labels_are_not_known_yet_passes_no_tag(either: Search) -> None:
    either.put(showing(a_picture("m-1", DOG), HUSKY))
    assert found(either, HUSKY) == found(either, without=(RED,)) == []
    assert found(either) == ["m-1"]


def test_labels_of_a_picture_that_the_caller_may_not_see_say_nothing(either: Search) -> None:
    put(
        either,
        showing(a_picture("hers", like(DOG, 0.9), owner=JUNO), HUSKY),
        showing(a_picture("shop", like(DOG, 0.8), owner=CATALOGUE), SOFA),
    )
    either.items(an_item("i-1", "hers", "shop"))
    assert found(either, HUSKY) == []
    assert found(either, SOFA) == ["i-1"]


def test_another_tenants_labels_say_nothing(either: Search) -> None:
    put(either, showing(a_picture("m-1", DOG), SOFA), showing(a_picture("m-1", DOG, tenant="other"), HUSKY))
    assert found(either, HUSKY) == []
    assert found(either, SOFA) == ["m-1"]


def test_a_removed_picture_is_forgotten_and_a_late_record_brings_nothing_back(search: Search) -> None:
    put(search, showing(a_picture("m-1", DOG), HUSKY))
    search.objects.put(keys.tombstone_key(TENANT, "m-1"), b"2")
    assert search.read_pictures(delivered(embedded("m-1", MediaEmbedded.OUTCOME_REMOVED))) == []
    assert tags(search, "m-1") == set()
    assert search.read_pictures(delivered(embedded("m-1"))) == []
    assert tags(search, "m-1") == set()


def test_the_same_record_again_changes_nothing_and_a_new_version_replaces(search: Search) -> None:
    put(search, showing(a_picture("m-1", DOG), HUSKY))
    put(search, showing(a_picture("m-1", DOG), DALMATIAN), showing(a_picture("m-1", DOG), DALMATIAN))
    assert tags(search, "m-1") == {DALMATIAN}


def test_what_is_told_of_another_encoder_space_is_passed_over(search: Search) -> None:
    search.put(showing(a_picture("m-1", DOG), HUSKY))
    assert search.read_pictures(delivered(embedded("m-1", space="other-8-v1"))) == []
    assert search.read_pictures(delivered(embedded("m-1", MediaEmbedded.OUTCOME_REJECTED))) == []
    assert tags(search, "m-1") == set()


def test_a_record_that_is_none_is_put_away_and_the_others_applied(search: Search) -> None:
    search.put(showing(a_picture("m-1", DOG), HUSKY))
    bad = [NewRecord(topics.MEDIA_EMBEDDED, "m-2", b"\xff\xff"), NewRecord(topics.MEDIA_EMBEDDED, "m-3", b"")]
    faults = search.read_pictures(delivered(*bad, embedded("m-1")))
    assert [record.key for record, error in faults if isinstance(error, Rejected)] == ["m-2", "m-3"]
    assert tags(search, "m-1") == {HUSKY}


@pytest.mark.parametrize("page", [1, 2, 64])
def test_labels_are_read_again_from_the_feature_objects_and_what_has_none_is_forgotten(
    search: Search, page: int
) -> None:
    put(search, *(showing(a_picture(f"gone-{n}", DOG, tenant=f"t-{n}"), HUSKY) for n in range(3)))
    put(search, showing(a_picture("stays", DOG), HUSKY))
    search.put(showing(a_picture("untold", DOG), DALMATIAN))
    for n in range(3):
        search.objects.delete(keys.features_key(f"t-{n}", f"gone-{n}", SPACE.name))
    assert FillFacts(search.facts, page)(Event()) == (2, 3)
    assert tags(search, "stays") == {HUSKY}
    assert tags(search, "untold") == {DALMATIAN}
    assert tags(search, "gone-1", "t-1") == set()
    assert FillFacts(search.facts, page)(Event()) == (2, 0)
