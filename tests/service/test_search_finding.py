"""Finding what passes: nothing that passes is lost, and nothing that does not is shown, however the question is answered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
    item_changed,
    like,
)

from nungil.pictures.features import Features, FoundColour, FoundLabel
from nungil.vector_index.port import CATALOGUE, VectorIndex
from nungil.vector_index.ranking import exact_scores
from services.search.core import Conditions, Filters, FoundRows, Tag, TagKind

NUMBERS = itertools.count()
LABELS = ("siberian_husky", "dalmatian", "studio_couch")
COLOURS = ("red", "blue")
DOGS = {"siberian_husky", "dalmatian"}


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    with a_search(tmp_path) as search:
        yield search


@dataclass(frozen=True)
class Thing:
    """An item of a random catalogue. pictures: by number."""

    pictures: tuple[int, ...]
    category: str
    brand: str
    offers: tuple[tuple[str, str, int, bool], ...]  # shop, market, price, in stock


@dataclass(frozen=True)
class Shown:
    """A picture of a random catalogue."""

    owner: str
    labels: frozenset[str]
    colours: frozenset[str]
    parts: int


@dataclass(frozen=True)
class Catalogue:
    """What there is, and the vectors of it."""

    pictures: tuple[Shown, ...]
    things: tuple[Thing, ...]
    seed: int


def tags() -> st.SearchStrategy[Tag]:
    return st.one_of(
        st.sampled_from((*LABELS, "dogs")).map(lambda id_: Tag(TagKind.LABEL, id_)),
        st.sampled_from(COLOURS).map(lambda id_: Tag(TagKind.COLOUR, id_)),
        st.sampled_from(("sofas", "rugs")).map(lambda id_: Tag(TagKind.CATEGORY, id_)),
        st.sampled_from(("Nun", "Eye")).map(lambda id_: Tag(TagKind.SHOP, id_)),
        st.sampled_from(("Gil", "Byeol")).map(lambda id_: Tag(TagKind.BRAND, id_)),
    )


SHOWN = st.builds(
    Shown,
    st.sampled_from((CATALOGUE, CATALOGUE, MINA, JUNO)),
    st.frozensets(st.sampled_from(LABELS), max_size=2),
    st.frozensets(st.sampled_from(COLOURS), max_size=1),
    st.integers(0, 3),
)
OFFER = st.tuples(st.sampled_from(("Nun", "Eye")), st.sampled_from(("KR", "US")), st.integers(1, 5), st.booleans())
CATALOGUES = st.lists(SHOWN, min_size=1, max_size=14).flatmap(
    lambda shown: st.builds(
        Catalogue,
        st.just(tuple(shown)),
        st.lists(
            st.builds(
                Thing,
                st.lists(st.integers(0, len(shown) - 1), max_size=3, unique=True).map(tuple),
                st.sampled_from(("sofas", "rugs")),
                st.sampled_from(("Gil", "Byeol")),
                st.lists(OFFER, max_size=2).map(tuple),
            ),
            max_size=8,
        ).map(tuple),
        st.integers(0, 2**32 - 1),
    )
)
FILTERS = st.builds(
    Filters,
    market=st.sampled_from(("", "", "KR")),
    in_stock=st.booleans(),
    max_price_minor=st.sampled_from((0, 0, 3)),
    category=st.sampled_from(("", "", "rugs")),
    items_only=st.booleans(),
)
QUESTIONS = st.builds(
    Conditions,
    st.just("tenant"),
    st.sampled_from((MINA, "")),
    st.one_of(st.just(Filters()), FILTERS),
    st.lists(tags(), max_size=2).map(tuple),
    st.lists(tags(), max_size=2).map(tuple),
    st.one_of(st.none(), st.frozensets(st.sampled_from(("i-0", "i-1", "i-2", "i-3")))),
)


def fill(search: Search, tenant: str, catalogue: Catalogue) -> list[Features]:
    """The pictures that search then has, with their vectors."""
    random = np.random.default_rng(catalogue.seed)
    pictures = []
    for n, shown in enumerate(catalogue.pictures):
        picture = a_picture(f"{tenant}-{n}", owner=shown.owner, tenant=tenant)
        vectors = random.standard_normal((1 + shown.parts, SPACE.dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        regions = tuple(replace(picture.regions[0], n=k, vector=vector) for k, vector in enumerate(vectors))
        labels = tuple(FoundLabel(id_, 0.5) for id_ in sorted(shown.labels))
        colours = tuple(FoundColour(id_, 0, 0.5) for id_ in sorted(shown.colours))
        pictures.append(replace(picture, regions=regions, labels=labels, colours=colours))
    search.put(*pictures)
    search.facts([(tenant, picture.media_id) for picture in pictures])
    for n, thing in enumerate(catalogue.things):
        offers = [
            an_offer(f"o-{k}", shop=shop, market=market, price_minor=price, in_stock=in_stock)
            for k, (shop, market, price, in_stock) in enumerate(thing.offers)
        ]
        media_ids = [f"{tenant}-{k}" for k in thing.pictures]
        item = an_item(f"i-{n}", *media_ids, category=thing.category, brand=thing.brand, offers=offers)
        assert search.read(delivered(item_changed(item, tenant))) == []
    return pictures


def expected(catalogue: Catalogue, pictures: Sequence[Features], given: Conditions) -> list[tuple[str, str]]:
    """By brute force, straight from what was said: (row id, item id or nothing), best first."""

    def seen(n: int) -> bool:
        return catalogue.pictures[n].owner in given.owners

    def pictures_have(numbers: Sequence[int], tag: Tag) -> bool:
        meant = DOGS if tag.id == "dogs" else {tag.id}
        return any(seen(n) and meant & (catalogue.pictures[n].labels | catalogue.pictures[n].colours) for n in numbers)

    def passes(offer: tuple[str, str, int, bool]) -> bool:
        filters = given.filters
        return (
            filters.market in ("", offer[1])
            and (not filters.in_stock or offer[3])
            and (not filters.max_price_minor or offer[2] <= filters.max_price_minor)
        )

    def has(thing: Thing, tag: Tag) -> bool:
        match tag.kind:
            case TagKind.CATEGORY:
                return thing.category == tag.id
            case TagKind.BRAND:
                return thing.brand == tag.id
            case TagKind.SHOP:
                return any(passes(offer) and offer[0] == tag.id for offer in thing.offers)
        return pictures_have(thing.pictures, tag)

    def item_passes(n: int) -> bool:
        thing, filters = catalogue.things[n], given.filters
        return (
            (given.items is None or f"i-{n}" in given.items)
            and filters.category in ("", thing.category)
            and (not filters.of_offers or any(passes(offer) for offer in thing.offers))
            and all(has(thing, tag) for tag in given.narrow)
            and not any(has(thing, tag) for tag in given.exclude)
        )

    def picture_passes(n: int) -> bool:
        def its(tag: Tag) -> bool:
            return tag.kind in (TagKind.LABEL, TagKind.COLOUR) and pictures_have([n], tag)

        return not given.of_items and all(map(its, given.narrow)) and not any(map(its, given.exclude))

    best: dict[str, tuple[float, str, str]] = {}
    for n, picture in enumerate(pictures):
        showing = [k for k, thing in enumerate(catalogue.things) if n in thing.pictures]
        results = [f"i-{k}" for k in showing if item_passes(k)] if showing else [""] * picture_passes(n)
        for region in picture.regions if seen(n) else ():
            score = float(exact_scores(DOG, region.vector[None])[0])
            for result in results:
                row = (-score, f"{picture.media_id}:{region.n}", result)
                what = result or picture.media_id
                best[what] = min(row, best.get(what, row))
    return [(id_, result) for _, id_, result in sorted(best.values())]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    catalogue=CATALOGUES,
    question=QUESTIONS,
    wanted=st.integers(1, 30),
    limits=st.sampled_from(((2_500, 20_000), (1, 20_000), (1, 2), (3, 4))),
)
def test_whatever_the_catalogue_and_the_question_the_answer_is_that_of_brute_force(
    search: Search, catalogue: Catalogue, question: Conditions, wanted: int, limits: tuple[int, int]
) -> None:
    tenant = f"t-{next(NUMBERS)}"
    pictures = fill(search, tenant, catalogue)
    conditions = replace(question, tenant=tenant)
    finder = search.like(exact_limit=limits[0], exact_most=limits[1]).find
    answer = finder(DOG, conditions, wanted=wanted)
    assert not answer.partial  # the nearest rows reach the end of so small a catalogue
    found = [(each.match.id, each.item_id or "") for each in answer.found]
    assert found == expected(catalogue, pictures, conditions)[:wanted]


class FewRows:
    """An index that gives at most `most` rows, as one does of which too many pass."""

    def __init__(self, index: VectorIndex, most: int) -> None:
        self._index = index
        self._most = most

    def search(self, *args: object, limit: int, **kwargs: object) -> object:
        found = self._index.search(*args, limit=limit, **kwargs)  # type: ignore[arg-type]
        return [rows[: self._most] + rows[:1] * max(0, limit - self._most) for rows in found]

    def __getattr__(self, name: str) -> object:
        return getattr(self._index, name)


def crowded(search: Search, far: int) -> None:
    """A hundred pictures near the question that do not pass, and `far` that do."""
    search.put(*(a_picture(f"near-{n:03}", like(DOG, 0.99)) for n in range(100)))
    search.put(*(a_picture(f"far-{n:03}", like(DOG, 0.5 - n / 1000)) for n in range(far)))
    search.items(*(an_item(f"i-{n:03}", f"far-{n:03}", offers=[an_offer()]) for n in range(far)))


def ask(search: Search, wanted: int = 5) -> FoundRows:
    return search.find(DOG, Conditions(TENANT, filters=Filters(in_stock=True)), wanted=wanted)


def test_what_passes_and_is_far_from_the_question_is_scored_exactly_within_the_bound(search: Search) -> None:
    crowded(search, far=30)
    finder = search.like(exact_limit=10, exact_most=50, index=FewRows(search.index, 100))
    answer = ask(finder)
    assert [each.item_id for each in answer.found] == [f"i-{n:03}" for n in range(5)]
    assert not answer.partial


def test_where_more_pass_than_can_be_scored_the_answer_says_that_it_is_partial(search: Search) -> None:
    crowded(search, far=30)
    finder = search.like(exact_limit=10, exact_most=20, index=FewRows(search.index, 100))
    answer = ask(finder)
    assert answer.partial
    assert len(answer.found) == 5
    assert ask(finder) == answer


def test_a_search_tells_that_its_answer_is_partial(search: Search) -> None:
    search.put(a_picture("query", DOG))
    crowded(search, far=30)
    finder = search.like(exact_limit=10, exact_most=20, index=FewRows(search.index, 100))
    assert finder(filters=Filters(in_stock=True), limit=2).partial
    assert not search(filters=Filters(in_stock=True), limit=2).partial


def test_portions_together_give_the_best_of_all(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    crowded(search, far=30)
    whole = ask(search, wanted=30)
    monkeypatch.setattr("services.search.handlers.finding.PORTION", 7)
    assert ask(search, wanted=30) == whole
    assert len(whole.found) == 30


def test_rows_that_are_held_still_ask_whose_they_are(search: Search) -> None:
    search.put(a_picture("hers", DOG, owner=JUNO), a_picture("hers", like(DOG, 0.9), tenant="other"))
    search.items(an_item("i-1", "hers", offers=[an_offer()]))
    hers = Conditions(TENANT, JUNO, filters=Filters(in_stock=True))
    assert [each.item_id for each in search.find(DOG, hers, wanted=5).found] == ["i-1"]
    assert search.held.size_bytes > 0
    assert search.find(DOG, replace(hers, person_id=MINA), wanted=5).found == []
    assert search.find(DOG, replace(hers, tenant="other"), wanted=5).found == []
    assert search.find(DOG, replace(hers, tenant=""), wanted=5).found == []


def test_rows_held_are_read_again_once_they_changed(search: Search) -> None:
    search.put(a_picture("m-1", like(DOG, 0.5)))
    search.items(an_item("i-1", "m-1", offers=[an_offer()]))
    [before] = ask(search).found
    search.put(a_picture("m-1", like(DOG, 0.9)))
    search.keep_fresh.changed(TENANT, "m-1", gone=False)
    [after] = ask(search).found
    assert (before.match.score, after.match.score) == pytest.approx((0.5, 0.9), abs=1e-6)


def test_a_picture_that_was_not_there_is_looked_for_again(search: Search) -> None:
    search.items(an_item("i-1", "m-1", offers=[an_offer()]))
    assert ask(search).found == []
    search.put(a_picture("m-1", DOG))
    search.now[0] += 5_000
    assert [each.item_id for each in ask(search).found] == ["i-1"]


def test_what_changes_while_its_rows_are_read_is_not_held(search: Search) -> None:
    class Overtaken(FewRows):
        def fetch(self, media_ids: Sequence[str], *, tenant: str) -> object:
            rows = self._index.fetch(media_ids, tenant=tenant)
            finder.held.forget(tenant, "m-1")  # as a tail does in its own thread
            return rows

    search.put(a_picture("m-1", like(DOG, 0.5)))
    search.items(an_item("i-1", "m-1", offers=[an_offer()]))
    finder = search.like(index=Overtaken(search.index, 100))
    assert len(ask(finder).found) == 1
    search.put(a_picture("m-1", like(DOG, 0.9)))
    [after] = ask(finder).found
    assert after.match.score == pytest.approx(0.9, abs=1e-6)


def encoded_now(search: Search, picture: Features) -> None:
    """What embed has done before its rows are in the index."""
    search.store(picture)
    search.keep_fresh.encoded(picture.tenant, picture.media_id, SPACE.name)


def test_a_picture_is_found_before_the_index_has_its_rows(search: Search) -> None:
    search.put(a_picture("query", DOG), a_picture("old", like(DOG, 0.5)))
    encoded_now(search, a_picture("new", like(DOG, 0.9)))
    assert search.found() == ["new", "old"]
    search.put(a_picture("new", like(DOG, 0.9)))
    assert search.found() == ["new", "old"]


@pytest.mark.parametrize("exact_limit", [2_500, 1])
def test_a_new_picture_of_an_item_passes_filters_as_others_do(search: Search, exact_limit: int) -> None:
    finder = search.like(exact_limit=exact_limit)
    finder.put(a_picture("old", like(DOG, 0.5)), a_picture("older", like(DOG, 0.4)))
    for media_id, cosine in (("new", 0.9), ("sold out", 0.95)):
        encoded_now(finder, a_picture(media_id.replace(" ", "-"), like(DOG, cosine)))
    finder.items(
        *(an_item(f"i-{id_}", id_, offers=[an_offer()]) for id_ in ("old", "older", "new")),
        an_item("i-sold-out", "sold-out", offers=[an_offer(in_stock=False)]),
    )
    assert [each.item_id for each in ask(finder).found] == ["i-new", "i-old", "i-older"]


def test_a_new_picture_is_its_owners_and_its_tenants(search: Search) -> None:
    search.put(a_picture("query", DOG))
    encoded_now(search, a_picture("hers", DOG, owner=JUNO))
    encoded_now(search, a_picture("theirs", DOG, tenant="other"))
    encoded_now(search, a_picture("mine", DOG, owner=MINA))
    assert search.found() == ["mine"]


def test_a_new_picture_that_is_deleted_is_gone_at_once(search: Search) -> None:
    search.put(a_picture("query", DOG))
    encoded_now(search, a_picture("new", DOG))
    search.denied.deny("new")
    assert search.found() == []


def test_new_pictures_are_kept_for_a_while_and_in_a_number(search: Search) -> None:
    finder = search.like(fresh_pictures=2)
    finder.put(a_picture("query", DOG))
    for n in range(3):
        encoded_now(finder, a_picture(f"new-{n}", like(DOG, 0.9 - n / 10)))
    assert finder.found() == ["new-1", "new-2"]
    finder.now[0] += 60_000
    assert finder.found() == []


def test_a_note_of_a_picture_that_is_gone_or_of_another_space_says_nothing(search: Search) -> None:
    search.put(a_picture("query", DOG))
    search.keep_fresh.encoded(TENANT, "gone", SPACE.name)
    search.store(a_picture("new", DOG))
    search.keep_fresh.encoded(TENANT, "new", "other-8-v1")
    assert search.found() == []
