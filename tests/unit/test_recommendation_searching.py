"""What profile asks search for: within a message, services beside products, and loudly where nobody says where search is."""

from __future__ import annotations

import numpy as np
import pytest

from nungil.api.common.v1.common_pb2 import Name
from nungil.api.ingest.v1.items_pb2 import Item
from nungil.api.search.v1 import search_pb2 as pb
from nungil.runtime.errors import DependencyAway, NungilError, Rejected, TooLarge
from services.profile.abouts import About
from services.profile.recommendations.stated import stated_of
from services.profile.recommendations.wishes import Source, Wish
from services.profile.searching import BESIDE, Conditions, FindThings, open_search

MESSAGE_BYTES = 4 * 1024 * 1024


def asked(dim: int, **of: object) -> list[pb.FindCandidatesRequest]:
    """What is asked for as many wishes as a person may have."""
    requests: list[pb.FindCandidatesRequest] = []

    def ask(request: pb.FindCandidatesRequest) -> pb.FindCandidatesResponse:
        requests.append(request)
        return pb.FindCandidatesResponse(found=[pb.FindCandidatesResponse.OfQuery() for _ in request.queries])

    vector = np.eye(1, dim, dtype=np.float32)[0]
    wishes = [Wish(Source.INTEREST, 0.05, f"i-{n}", [vector] * 3, f"i-{n}") for n in range(12)]
    wishes += [Wish(Source.SESSION, 0.05, vectors=[vector])] * 4 + [Wish(Source.FRESH, 0.1)]
    assert FindThings(ask, "a-space")(wishes, Conditions("shop", **of)) == [[]] * len(wishes)  # type: ignore[arg-type]
    return requests


@pytest.mark.parametrize("dim", [64, 256, 768, 1152])
def test_the_answer_fits_a_message_however_long_the_vectors_are(dim: int) -> None:
    for request in asked(dim):
        assert sum(query.limit for query in request.queries) * (4 * dim + 200) < MESSAGE_BYTES
        assert sum(query.limit for query in request.queries) <= 2_000
        assert len(request.queries) <= 100
        assert min(query.limit for query in request.queries) >= 1


def test_services_and_articles_are_asked_for_beside_unless_a_kind_is_named() -> None:
    of_any, beside = asked(64)
    assert (list(of_any.filters.kinds), list(beside.filters.kinds)) == ([], list(BESIDE))
    [only] = asked(64, filters=pb.Filters(kinds=[1]))
    assert list(only.filters.kinds) == [1]


def test_conditions_are_in_every_question() -> None:
    of = {"about": "dry skin", "without_items": ["b", "a"], "without_pictures": ["m"], "muted": ["dogs"]}
    for request in asked(64, filters=pb.Filters(market="KR", in_stock=True), **of):
        assert (request.filters.market, request.filters.in_stock, request.text) == ("KR", True, "dry skin")
        assert (list(request.without_items), list(request.without_media)) == (["a", "b"], ["m"])
        assert [(chip.kind, chip.id) for chip in request.exclude] == [(pb.Chip.KIND_LABEL, "dogs")]
        assert not request.caller.person_id  # search need not know for whom


TITLES = ("dry skin", "dry shampoo for skin", "건성피부", "건성 피부 dry skin")
SAYING = Wish(Source.STATED, 0.1, stated=stated_of(About(skin_type="dry"))[0])
ONE_KIND = pb.Filters(market="KR", kinds=[1])


def a_shop(refuses: NungilError | None = None) -> tuple[list[pb.FindCandidatesRequest], FindThings]:
    """Gives four things for any words; the last is the newest. refuses: what words in Korean are answered with."""
    requests: list[pb.FindCandidatesRequest] = []
    items = [Item(item_id=f"i-{n}", title=Name(en=title), created_at_ms=n) for n, title in enumerate(TITLES)]

    def ask(request: pb.FindCandidatesRequest) -> pb.FindCandidatesResponse:
        requests.append(request)
        if refuses is not None and "피부" in request.text:
            raise refuses
        found = [pb.Candidate(hit=pb.Hit(item=item)) for item in items] if request.text else []
        return pb.FindCandidatesResponse(found=[pb.FindCandidatesResponse.OfQuery(candidates=found)])

    return requests, FindThings(ask, "a-space")


def test_what_is_stated_is_asked_in_each_language_under_the_same_conditions_and_what_says_it_is_found() -> None:
    requests, find = a_shop()
    conditions = Conditions("shop", ONE_KIND, without_items=["b"], without_pictures=["m"], muted=["dogs"])
    [said, fresh] = find([SAYING, Wish(Source.FRESH, 0.9)], conditions)
    assert [one.item_id for one in said] == ["i-3", "i-2", "i-0"]
    assert fresh == []
    assert [request.text for request in requests] == ["", "건성 피부", "dry skin"]
    for request in requests:
        assert request.filters == ONE_KIND
        assert (list(request.without_items), list(request.without_media)) == (["b"], ["m"])
        assert [chip.id for chip in request.exclude] == ["dogs"]


def test_words_that_search_refuses_find_nothing_and_the_others_are_asked_all_the_same() -> None:
    requests, find = a_shop(Rejected("not to be read"))
    [said, _] = find([SAYING, Wish(Source.FRESH, 0.9)], Conditions("shop", ONE_KIND))
    assert len(said) == len(requests) == 3


@pytest.mark.parametrize("error", [DependencyAway("search is away"), TooLarge("an answer over 4 MiB")])
def test_a_search_that_is_away_or_broken_is_no_phrase_that_finds_nothing(error: NungilError) -> None:
    _, find = a_shop(error)
    with pytest.raises(type(error)):
        find([SAYING, Wish(Source.FRESH, 0.9)], Conditions("shop", ONE_KIND))


def test_where_nobody_says_where_search_is_the_answer_says_what_to_set() -> None:
    with open_search("") as ask, pytest.raises(DependencyAway, match="NUNGIL_SEARCH_ADDRESS"):
        ask(pb.FindCandidatesRequest())
