"""What may be recommended: under conditions that hold within the search, each item once, with the vector of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from search_builders import (
    DOG,
    LAMP,
    MINA,
    NOW_MS,
    SOFA,
    SPACE,
    TENANT,
    Search,
    a_picture,
    a_search,
    an_item,
    an_offer,
    like,
)

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.ingest.v1.items_pb2 import ITEM_KIND_ARTICLE, ITEM_KIND_PRODUCT, ITEM_KIND_SERVICE
from nungil.api.search.v1 import search_pb2 as pb
from nungil.pictures.features import FoundLabel
from nungil.runtime.errors import Rejected
from services.search.candidates_wire import asked_of, found_to_proto
from services.search.facts import facts_of, replace_facts
from services.search.text_tower import TextTower

EVERYWHERE = pb.Filters()
KOREA = pb.Filters(market="KR", in_stock=True)


@pytest.fixture(params=[2_500, 1], ids=["few pass", "many pass"])
def search(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        yield search.like(exact_limit=request.param)


def by_vector(vector: NDArray[np.float32], limit: int = 10) -> pb.CandidateQuery:
    return pb.CandidateQuery(vector=vector.astype("<f4").tobytes(), limit=limit)


def by_label(label: str, limit: int = 10) -> pb.CandidateQuery:
    return pb.CandidateQuery(label=label, limit=limit)


def newest(limit: int = 10) -> pb.CandidateQuery:
    return pb.CandidateQuery(newest=pb.CandidateQuery.Newest(), limit=limit)


def named(*things: pb.CandidateQuery.Named.Thing) -> pb.CandidateQuery:
    return pb.CandidateQuery(named=pb.CandidateQuery.Named(things=things), limit=max(1, len(things)))


def a_thing(item_id: str, media_id: str = "", region: int = 0) -> pb.CandidateQuery.Named.Thing:
    return pb.CandidateQuery.Named.Thing(item_id=item_id, media_id=media_id, region=region)


def ask(search: Search, *queries: pb.CandidateQuery, bare: bool = False, **of: object) -> list[list[pb.Candidate]]:
    caller = Caller(tenant=TENANT, person_id=MINA)
    given = {"caller": caller, "encoder_space": SPACE.name, "bare": bare, **of}
    request = pb.FindCandidatesRequest(queries=queries, **given)  # type: ignore[arg-type]
    answer = found_to_proto(search.candidates(asked_of(request, SPACE)), bare=bare)
    return [list(each.candidates) for each in answer.found]


def items_of(candidates: list[pb.Candidate]) -> list[str]:
    return [each.hit.item.item_id for each in candidates]


def a_shop(search: Search) -> None:
    """A dog's bed, a pet clinic shown by a dog, a sofa and something to read about sofas."""
    pictures = {"bed": like(DOG, 0.9), "clinic": like(DOG, 0.8), "sofa": SOFA, "essay": like(SOFA, 0.9)}
    search.put(*(a_picture(f"m-{name}", shows) for name, shows in pictures.items()))
    kinds = {"clinic": ITEM_KIND_SERVICE, "essay": ITEM_KIND_ARTICLE}
    ages = {name: NOW_MS - n for n, name in enumerate(pictures)}
    search.items(
        *(
            an_item(name, f"m-{name}", offers=[an_offer()], kind=kinds.get(name, 0), created_at_ms=ages[name])
            for name in pictures
        )
    )


def test_each_question_is_answered_by_itself_from_one_pool(search: Search) -> None:
    a_shop(search)
    dogs, sofas = ask(search, by_vector(DOG, 2), by_vector(SOFA, 2))
    assert items_of(dogs) == ["bed", "clinic"]
    assert items_of(sofas) == ["sofa", "essay"]
    assert dogs[0].hit.score == pytest.approx(0.9)
    assert np.frombuffer(dogs[0].vector, "<f4") == pytest.approx(like(DOG, 0.9))
    assert dogs[0].hit.item.title.en == "thing bed"


def test_bare_candidates_have_ids_kinds_scores_and_vectors_alone(search: Search) -> None:
    a_shop(search)
    [dogs] = ask(search, by_vector(DOG, 2), bare=True)
    assert [(each.hit.item.item_id, each.hit.item.kind, each.hit.media_id) for each in dogs] == [
        ("bed", ITEM_KIND_PRODUCT, "m-bed"),
        ("clinic", ITEM_KIND_SERVICE, "m-clinic"),
    ]
    assert all(each.vector and not each.hit.item.offers and not each.hit.HasField("box") for each in dogs)


def test_the_newest_come_by_age_and_those_of_a_label_show_it(search: Search) -> None:
    a_shop(search)
    a_dog = replace(a_picture("m-clinic"), labels=(FoundLabel("siberian_husky", 0.7),))
    with search.engine.begin() as connection:
        replace_facts(connection, [facts_of(a_dog)])
    new, huskies, dogs = ask(search, newest(3), by_label("siberian_husky"), by_label("dogs"))
    assert items_of(new) == ["bed", "clinic", "sofa"]
    assert items_of(huskies) == items_of(dogs) == ["clinic"]
    assert ask(search, newest(), by_vector(DOG, 1), exclude=[pb.Chip(kind=pb.Chip.KIND_LABEL, id="dogs")])[0][0].hit.item.item_id != "clinic"  # fmt: skip


def test_what_was_seen_is_left_out_within_the_search_so_that_others_come_in_its_place(search: Search) -> None:
    a_shop(search)
    assert items_of(ask(search, by_vector(DOG, 1), without_items=["bed"])[0]) == ["clinic"]
    assert items_of(ask(search, by_vector(DOG, 1), without_media=["m-bed"])[0]) == ["clinic"]
    assert items_of(ask(search, newest(1), without_items=["bed", "clinic"])[0]) == ["sofa"]
    assert items_of(ask(search, named(a_thing("bed"), a_thing("sofa")), without_items=["bed"])[0]) == ["sofa"]


def test_market_stock_and_kind_hold_within_the_search(search: Search) -> None:
    search.put(a_picture("m-1", DOG), a_picture("m-2", like(DOG, 0.9)), a_picture("m-3", like(DOG, 0.8)))
    search.items(
        an_item("abroad", "m-1", offers=[an_offer(market="US")]),
        an_item("gone", "m-2", offers=[an_offer(in_stock=False)]),
        an_item("here", "m-3", offers=[an_offer()], kind=ITEM_KIND_SERVICE),
    )
    for query in (by_vector(DOG, 1), newest(1), named(a_thing("abroad"), a_thing("gone"), a_thing("here"))):
        assert items_of(ask(search, query, filters=KOREA)[0]) == ["here"]
        assert items_of(ask(search, query, filters=pb.Filters(kinds=[ITEM_KIND_SERVICE]))[0]) == ["here"]
        assert ask(search, query, filters=pb.Filters(kinds=[ITEM_KIND_ARTICLE])) == [[]]


def test_named_things_come_in_their_order_by_their_pictures(search: Search) -> None:
    a_shop(search)
    search.put(a_picture("m-side", LAMP))
    search.items(an_item("sofa", "m-sofa", "m-side", offers=[an_offer()]))
    [found] = ask(search, named(a_thing("sofa", "m-side"), a_thing("nothing"), a_thing("bed", "m-of-another")))
    assert [(each.hit.item.item_id, each.hit.media_id) for each in found] == [("sofa", "m-side"), ("bed", "m-bed")]


def test_pictures_of_people_of_no_item_and_deleted_ones_are_no_candidates(search: Search) -> None:
    search.put(a_picture("m-own", DOG, owner=MINA), a_picture("m-alone", DOG), a_picture("m-gone", like(DOG, 0.9)))
    search.items(an_item("gone", "m-gone", offers=[an_offer()]), an_item("own", "m-own", offers=[an_offer()]))
    search.denied.deny("m-gone")
    assert ask(search, by_vector(DOG)) == [[]]
    assert ask(search, named(a_thing("gone"))) == [[]]


def test_words_narrow_what_is_found(search: Search) -> None:
    a_shop(search)
    assert items_of(ask(search, by_vector(DOG), newest(), text="thing clinic")[1]) == ["clinic"]


def test_words_must_hold_where_the_encoder_has_a_text_tower_too(search: Search) -> None:
    a_shop(search)
    of_tower = search.like(tower=TextTower(lambda tenant, text: DOG))
    assert items_of(ask(of_tower, newest(), text="clinic")[0]) == ["clinic"]
    assert ask(of_tower, newest(), by_vector(DOG), text="velvety") == [[], []]
    assert len(ask(of_tower, newest())[0]) == 4


@pytest.mark.parametrize(
    ("queries", "of", "says"),
    [
        ([], {}, "0 queries"),
        ([pb.CandidateQuery(limit=3)], {}, "a query says how"),
        ([newest(0)], {}, "1 to 1000"),
        ([newest(1_000)] * 3, {}, "sum up"),
        ([by_vector(DOG[:4])], {}, "has 4 numbers"),
        ([by_vector(2 * DOG)], {}, "unit length"),
        ([by_vector(DOG)], {"encoder_space": "another"}, "cannot be compared"),
        ([by_label("nonsense")], {}, "no label 'nonsense'"),
        ([newest()], {"filters": pb.Filters(market="XX")}, "market"),
    ],
)
def test_a_question_that_cannot_be_says_why(
    search: Search, queries: list[pb.CandidateQuery], of: dict[str, object], says: str
) -> None:
    with pytest.raises(Rejected, match=says):
        ask(search, *queries, **of)
