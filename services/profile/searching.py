"""Search, as profile asks it: what may be recommended, and how that is shown."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.ingest.v1.items_pb2 import ITEM_KIND_ARTICLE, ITEM_KIND_SERVICE, Item
from nungil.api.search.v1 import search_pb2 as pb
from nungil.api.search.v1.search_pb2_grpc import SearchServiceStub
from nungil.runtime.errors import Rejected, TooLarge
from nungil.runtime.rpc import calling, metadata, open_channel
from services.profile.recommendations.errors import SearchUnknown
from services.profile.recommendations.mixing import Candidate
from services.profile.recommendations.stated import Stated
from services.profile.recommendations.wishes import Wish

logger = logging.getLogger(__name__)

WAIT_S = 5.0
NEWEST = 200
BESIDE = (ITEM_KIND_SERVICE, ITEM_KIND_ARTICLE)
_EACH, _BESIDE_EACH = 40, 8
_LABELLED = 40
_SAYING = 15  # a tenth of a list is six
_ANSWER_BYTES = 2_500_000  # of the 4 MiB that a message has
_HIT_BYTES = 200
_MOST = 1_900  # candidates: search gives 2,000 at once
_LEAST = 5


class Ask(Protocol):
    """FindCandidates of search. Raises what search raises, and DependencyAway."""

    def __call__(self, request: pb.FindCandidatesRequest) -> pb.FindCandidatesResponse: ...


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What holds of everything that is found. without_pictures: nor what they show. muted: interests nothing of which is found."""

    tenant: str
    filters: pb.Filters = field(default_factory=pb.Filters)
    about: str = ""
    without_items: Collection[str] = ()
    without_pictures: Collection[str] = ()
    muted: Collection[str] = ()

    def request(self, space: str, **of: object) -> pb.FindCandidatesRequest:
        return pb.FindCandidatesRequest(
            caller=Caller(tenant=self.tenant),
            encoder_space=space,
            filters=self.filters,
            text=self.about,
            exclude=[pb.Chip(kind=pb.Chip.KIND_LABEL, id=id_) for id_ in sorted(self.muted)],
            without_items=sorted(self.without_items),
            without_media=sorted(self.without_pictures),
            **of,  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class FindThings:
    """What search has for wishes. space: the encoder's that vectors belong to."""

    ask: Ask
    space: str

    def __call__(self, wishes: Sequence[Wish], conditions: Conditions) -> list[list[Candidate]]:
        """For each wish, best first. Services and articles are asked for beside, so that many products leave room for them."""
        found: list[dict[str, Candidate]] = [{} for _ in wishes]
        plans = [(conditions.filters, _EACH, NEWEST)]
        if not conditions.filters.kinds:
            beside = pb.Filters()
            beside.CopyFrom(conditions.filters)
            beside.kinds.extend(BESIDE)
            plans.append((beside, _BESIDE_EACH, _BESIDE_EACH))
        for filters, each, newest in plans:
            queries = list(_queries(wishes, each, newest))
            request = conditions.request(self.space, bare=True, queries=_within_bounds([query for _, query in queries]))
            request.filters.CopyFrom(filters)
            for (n, query), of in zip(queries, self.ask(request).found, strict=True):
                for one in of.candidates:
                    candidate = _candidate_of(one, wishes[n], labelled=bool(query.label))
                    known = found[n].get(candidate.item_id, candidate)
                    best = max(known, candidate, key=lambda it: it.score)
                    found[n][candidate.item_id] = replace(best, labelled=known.labelled or candidate.labelled)
        for n, wish in enumerate(wishes):
            if wish.stated is not None:
                saying = self._saying(wish.stated, conditions)
                found[n] = {one.hit.item.item_id: _candidate_of(one, wish, labelled=False) for one in saying}
        return [sorted(some.values(), key=lambda one: -one.score) for some in found]

    def _saying(self, stated: Stated, conditions: Conditions) -> list[pb.Candidate]:
        """Things whose words say it, in either language, the newest first. Words that search cannot read find nothing."""
        found: dict[str, pb.Candidate] = {}
        newest = pb.CandidateQuery(newest=pb.CandidateQuery.Newest(), limit=_SAYING)
        for words in stated.questions:
            request = replace(conditions, about=words).request(self.space, queries=[newest])
            try:
                [of] = self.ask(request).found
            except TooLarge:
                raise
            except Rejected as error:
                logger.info("a phrase of what is stated was not read: %s", error.slug)
                continue
            found |= {one.hit.item.item_id: one for one in of.candidates if stated.is_said_by(_words_of(one.hit.item))}
        return sorted(found.values(), key=lambda one: (-one.hit.item.created_at_ms, one.hit.item.item_id))

    def shown(
        self, things: Sequence[Sequence[pb.CandidateQuery.Named.Thing]], conditions: Conditions
    ) -> list[dict[str, pb.Hit]]:
        """Of each sequence, what passes the conditions, by item id."""
        asked = [some for some in things if some]
        queries = [pb.CandidateQuery(named=pb.CandidateQuery.Named(things=some), limit=len(some)) for some in asked]
        answers = iter(self.ask(conditions.request(self.space, queries=queries)).found if queries else ())
        return [
            {each.hit.item.item_id: each.hit for each in next(answers).candidates} if some else {} for some in things
        ]


@contextmanager
def open_search(address: str) -> Iterator[Ask]:
    """Search at this address; where none is given, each question raises SearchUnknown."""
    if not address:
        yield _nobody
        return
    with open_channel(address) as channel:
        stub = SearchServiceStub(channel)

        def ask(request: pb.FindCandidatesRequest) -> pb.FindCandidatesResponse:
            with calling():
                return stub.FindCandidates(request, timeout=WAIT_S, metadata=metadata())

        yield ask


def _nobody(request: pb.FindCandidatesRequest) -> pb.FindCandidatesResponse:
    raise SearchUnknown


def _queries(wishes: Sequence[Wish], each: int, newest: int) -> Iterator[tuple[int, pb.CandidateQuery]]:
    """With the number of the wish that it is for."""
    for n, wish in enumerate(wishes):
        for vector in () if wish.named else wish.vectors:
            yield n, pb.CandidateQuery(vector=vector.astype("<f4").tobytes(), limit=each)
        if wish.label:
            yield n, pb.CandidateQuery(label=wish.label, limit=min(each, _LABELLED))
        if not (wish.vectors or wish.label or wish.stated):
            yield n, pb.CandidateQuery(newest=pb.CandidateQuery.Newest(), limit=newest)


def _words_of(item: Item) -> tuple[str, ...]:
    return (item.title.ko, item.title.en, item.brand, item.category, *item.aliases)


def _within_bounds(queries: Sequence[pb.CandidateQuery]) -> list[pb.CandidateQuery]:
    """With limits such that the answer fits a message, however long the vectors are."""
    length = max((len(query.vector) for query in queries), default=0) or 4 * 256
    most = min(_ANSWER_BYTES // (length + _HIT_BYTES), _MOST)
    share = min(1.0, most / max(1, sum(query.limit for query in queries)))
    for query in queries:
        query.limit = max(_LEAST, int(query.limit * share))
    return list(queries)


def _candidate_of(candidate: pb.Candidate, wish: Wish, *, labelled: bool) -> Candidate:
    """What was found by its label is compared here."""
    hit = candidate.hit
    vector = np.frombuffer(candidate.vector, dtype="<f4").astype(np.float32) if candidate.vector else None
    score = hit.score
    if labelled and vector is not None and wish.vectors:
        score = float((np.stack(wish.vectors) @ vector).max())
    product = hit.item.kind not in BESIDE
    return Candidate(hit.item.item_id, hit.media_id, hit.region, score, product, vector, labelled)
