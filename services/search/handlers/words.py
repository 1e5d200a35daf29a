"""Words of a question made conditions of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime.errors import DependencyAway
from services.search import titles
from services.search.core import OF_PICTURES, CropQuery, Filters, Named, Tag, TagKind, checked_filters
from services.search.errors import InvalidQuery
from services.search.text_tower import TextTower, Vector
from services.search.vocabularies import Vocabularies
from services.search.wire import Understood
from services.search.words.reading import Reading, read
from services.search.words.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

_NAMED_AT_MOST = 20  # known names in a complaint
_SHOWN_OR_SAID = frozenset({TagKind.LABEL, TagKind.COLOUR})  # by a picture, or by a title: a shaded blue is mostly navy


@dataclass(frozen=True)
class ReadWords:
    """What a question says in words becomes its filters, tags and items. Blocking: call it in a thread.

    tower: that of the encoder, which is asked what pictures show the rest; None where it has none. Then titles that say every
    word of it count, and what is left out by them is found by its look.
    """

    engine: Engine
    vocabularies: Vocabularies
    tower: TextTower | None = None

    def __call__(self, query: CropQuery) -> tuple[CropQuery, Understood | None]:
        """The question with its words read, and how they were; None where it has none. Raises InvalidQuery, and as `checked_filters`."""
        if not (query.text or query.narrow or query.exclude):
            return query, None
        vocabulary = self.vocabularies.of(query.tenant)
        _check_known((*query.narrow, *query.exclude), vocabulary)
        if not query.text:
            return query, None
        reading_ = read(query.text, vocabulary, query.filters.currency)
        filters = checked_filters(_merged(query.filters, reading_.filters))
        look, away = self._look(query.tenant, reading_)
        ranked = self._ranked(query.tenant, reading_, every=look is not None)
        rest = " ".join(reading_.rest)
        understood = Understood(filters, reading_.narrow, reading_.exclude, rest, ranked, look, away)
        exclude = tuple(dict.fromkeys((*query.exclude, *reading_.exclude)))
        named = self._named(query.tenant, reading_)
        said = (tag for tag in reading_.narrow if tag.kind not in _SHOWN_OR_SAID)
        narrow = tuple(dict.fromkeys((*query.narrow, *said)))
        narrows = ranked is not None and (look is None or (bool(ranked) and bool(query.media_id)))
        items = frozenset(ranked or ()) if narrows else None
        asked = replace(query, filters=filters, narrow=narrow, exclude=exclude, items=items, named=named)
        return asked, understood

    def _named(self, tenant: str, reading_: Reading) -> tuple[Named, ...]:
        with reading(self.engine) as connection:
            return tuple(
                Named(tag, titles.words_saying(connection, tenant, word))
                for tag, word in zip(reading_.narrow, reading_.spelled, strict=True)
                if tag.kind in _SHOWN_OR_SAID
            )

    def _look(self, tenant: str, reading_: Reading) -> tuple[Vector | None, bool]:
        """The vector of the rest, and whether the tower that should have made it was away. Words that are not to be in a title are
        for titles alone to answer: what pictures show says nothing of them."""
        if self.tower is None or not reading_.rest or reading_.unwanted:
            return None, False
        try:
            return self.tower(tenant, " ".join(reading_.rest)), False
        except DependencyAway as error:
            logger.warning("words are looked for in titles alone: %s", error)
            return None, True

    def _ranked(self, tenant: str, reading_: Reading, *, every: bool) -> Sequence[str] | None:
        if not reading_.rest:
            return None
        with reading(self.engine) as connection:
            found = titles.matching(connection, tenant, reading_.rest, every=every)
            without = {item_id for word in reading_.unwanted for item_id in titles.matching(connection, tenant, [word])}
        return [item_id for item_id in found if item_id not in without]


def _merged(given: Filters, said: Filters) -> Filters:
    """What words say goes before what was given: it was said last. A price is said as a whole."""
    merged = replace(given, market=said.market or given.market, in_stock=said.in_stock or given.in_stock)
    if not said.currency:
        return merged
    return replace(
        merged,
        currency=said.currency,
        min_price_minor=said.min_price_minor,
        max_price_minor=said.max_price_minor,
    )


def _check_known(tags: Sequence[Tag], vocabulary: Vocabulary) -> None:
    """Raises InvalidQuery for a category, shop or brand that the tenant does not have."""
    for tag in tags:
        if tag.kind not in OF_PICTURES and tag not in vocabulary.tags:
            known = sorted(each.id for each in vocabulary.tags if each.kind is tag.kind)
            more = f" and {len(known) - _NAMED_AT_MOST} more" if len(known) > _NAMED_AT_MOST else ""
            named = ", ".join(known[:_NAMED_AT_MOST]) or "none"
            raise InvalidQuery(f"no {tag.kind.name.lower()} {tag.id!r} is known; there are: {named}{more}")
