"""What passes the conditions of a question, as search's copy of items and pictures has it. The caller brings the transaction.

A picture that items show stands for those of them that pass, and for nothing else; a picture of no item stands for itself. An
item has the labels and colours of its pictures that the caller may see, its category and brand, and the shops of its offers that
pass the filters. A picture whose labels are not known yet passes no tag, neither wanted nor unwanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, false, not_, or_, select

from nungil.taxonomy.taxonomy import Taxonomy
from services.search.core import OF_PICTURES, Conditions, Named, Tag, TagKind
from services.search.store import (
    ITEM_MEDIA,
    ITEMS,
    OFFERS,
    PICTURE_TAGS,
    PICTURES,
    TITLE_WORDS,
    item_passes,
    offer_passes,
    same_item,
)

Stands = Mapping[str, Sequence[str]]
"""Media id -> the items that it stands for, ordered by id; none where it stands for itself."""

_VARIABLES = 1_000  # ids a statement


class Passing:
    """The rules of one question. labels_of: as `labels_by_interest` gives it. now_ms: offers expired by then pass not."""

    def __init__(self, conditions: Conditions, labels_of: Mapping[str, Sequence[str]], now_ms: int) -> None:
        self._conditions = conditions
        self._labels_of = labels_of
        self._now_ms = now_ms

    def among(self, connection: Connection, media_ids: Collection[str]) -> Stands:
        """Those of `media_ids` that pass."""
        ids = list(dict.fromkeys(media_ids))
        stands: dict[str, list[str]] = defaultdict(list)
        shown: set[str] = set()
        for some in _portions(ids):
            of_these = ITEM_MEDIA.c.media_id.in_(some)
            self._take(connection.execute(self._items().where(of_these)).all(), stands)
            if self._conditions.selective and not self._conditions.of_items:
                links = select(ITEM_MEDIA.c.media_id).where(ITEM_MEDIA.c.tenant == self._conditions.tenant, of_these)
                shown.update(connection.scalars(links))
        if not self._conditions.of_items:
            # where nothing is asked, every picture that an item shows stands for it already
            alone = [id_ for id_ in ids if id_ not in shown and id_ not in stands]
            for media_id in self._themselves(connection, alone):
                stands[media_id] = []
        return _ordered(stands)

    def all(self, connection: Connection, *, at_most: int, ordered: bool = False) -> tuple[Stands, bool]:
        """All that pass, and whether these are all: at most `at_most` pairs of picture and item are read.

        ordered: the same ones, whenever they are not all. Without conditions there is nothing to read: never call it then.
        """
        stands: dict[str, list[str]] = defaultdict(list)
        left = at_most + 1
        for statement in self._statements():
            some = statement.order_by(ITEM_MEDIA.c.media_id, ITEM_MEDIA.c.item_id) if ordered else statement
            left -= self._take(connection.execute(some.limit(left)).all(), stands)
            if left <= 0:
                return _ordered(stands), False
        if not self._conditions.of_items:
            of_an_item = and_(ITEM_MEDIA.c.tenant == PICTURES.c.tenant, ITEM_MEDIA.c.media_id == PICTURES.c.media_id)
            alone = self._pictures().where(not_(exists().where(of_an_item))).limit(left)
            for media_id in connection.scalars(alone.order_by(PICTURES.c.media_id) if ordered else alone):
                stands[media_id] = []
                left -= 1
        return _ordered(stands), left > 0

    def newest(self, connection: Connection, at_most: int) -> list[tuple[str, str]]:
        """Items that pass, the newest first, each with its first picture: item id and media id, at most `at_most`."""
        found: list[Row[str, str, int]] = []
        for statement in self._statements():
            aged = statement.add_columns(ITEMS.c.created_at_ms).where(ITEM_MEDIA.c.position == 0)
            order = (ITEMS.c.created_at_ms.desc(), ITEMS.c.item_id)
            found += connection.execute(
                aged.order_by(*order).limit(at_most + len(self._conditions.without_items))
            ).all()
        found.sort(key=lambda row: (-row[2], row[1]))
        without = self._conditions.without_items
        return [(item_id, media_id) for media_id, item_id, _ in found if item_id not in without][:at_most]

    def _statements(self) -> Iterator[Select[str, str]]:
        items = self._items()
        if shop := self._conditions.filters.shop:  # said twice, so that a small shop is gone through, and not all items
            of_shop = select(OFFERS.c.item_id).where(OFFERS.c.tenant == self._conditions.tenant, OFFERS.c.shop == shop)
            items = items.where(ITEMS.c.item_id.in_(of_shop))
        if self._conditions.items is None:
            yield items
            return
        for some in _portions(sorted(self._conditions.items)):
            yield items.where(ITEMS.c.item_id.in_(some))

    def _items(self) -> Select[str, str]:
        given = self._conditions
        wanted = [*map(self._item_has, given.narrow), *map(self._item_is_named, given.named)]
        unwanted = [not_(self._item_has(tag)) for tag in given.exclude]
        return (
            select(ITEM_MEDIA.c.media_id, ITEM_MEDIA.c.item_id)
            .join(ITEMS, same_item(ITEM_MEDIA, ITEMS))
            .where(ITEM_MEDIA.c.tenant == given.tenant, item_passes(given.filters, self._now_ms), *wanted, *unwanted)
        )

    def _pictures(self) -> Select[str]:
        given = self._conditions
        wanted = [self._picture_has(tag) for tag in (*given.narrow, *(named.tag for named in given.named))]
        unwanted = [not_(self._picture_has(tag)) for tag in given.exclude]
        seen = and_(PICTURES.c.tenant == given.tenant, PICTURES.c.owner.in_(given.owners))
        return select(PICTURES.c.media_id).where(seen, *wanted, *unwanted)

    def _themselves(self, connection: Connection, media_ids: Sequence[str]) -> Iterator[str]:
        """Of pictures that no item shows."""
        if not (self._conditions.narrow or self._conditions.exclude or self._conditions.named):
            yield from media_ids  # nothing is asked of them
            return
        for some in _portions(media_ids):
            yield from connection.scalars(self._pictures().where(PICTURES.c.media_id.in_(some)))

    def _take(self, rows: Sequence[Row[str, str]], stands: dict[str, list[str]]) -> int:
        """How many there were."""
        chosen, without = self._conditions.items, self._conditions.without_items
        for media_id, item_id in rows:
            if (chosen is None or item_id in chosen) and item_id not in without:
                stands[media_id].append(item_id)
        return len(rows)

    def _item_has(self, tag: Tag) -> ColumnElement[bool]:
        match tag.kind:
            case TagKind.CATEGORY:
                return ITEMS.c.category == tag.id
            case TagKind.BRAND:
                return ITEMS.c.brand == tag.id
            case TagKind.SHOP:
                passes = offer_passes(self._conditions.filters, self._now_ms)
                return exists().where(same_item(OFFERS, ITEMS), passes, OFFERS.c.shop == tag.id)
        in_a_picture = (
            select(ITEM_MEDIA.c.item_id)
            .join(
                PICTURE_TAGS,
                and_(PICTURE_TAGS.c.tenant == ITEM_MEDIA.c.tenant, PICTURE_TAGS.c.media_id == ITEM_MEDIA.c.media_id),
            )
            .where(self._tagged(tag))
        )
        return ITEMS.c.item_id.in_(in_a_picture)

    def _item_is_named(self, named: Named) -> ColumnElement[bool]:
        """Its pictures show it, or its title says it."""
        says = and_(TITLE_WORDS.c.tenant == self._conditions.tenant, TITLE_WORDS.c.word.in_(named.words))
        return or_(self._item_has(named.tag), ITEMS.c.item_id.in_(select(TITLE_WORDS.c.item_id).where(says)))

    def _picture_has(self, tag: Tag) -> ColumnElement[bool]:
        if tag.kind not in OF_PICTURES:
            return false()  # a picture of no item has no shop
        return PICTURES.c.media_id.in_(select(PICTURE_TAGS.c.media_id).where(self._tagged(tag)))

    def _meant_by(self, tag: Tag) -> Sequence[str]:
        return (tag.id, *self._labels_of.get(tag.id, ())) if tag.kind is TagKind.LABEL else (tag.id,)

    def _tagged(self, tag: Tag) -> ColumnElement[bool]:
        return and_(
            PICTURE_TAGS.c.tenant == self._conditions.tenant,
            PICTURE_TAGS.c.kind == tag.kind.value,
            PICTURE_TAGS.c.tag.in_(self._meant_by(tag)),
            PICTURE_TAGS.c.owner.in_(self._conditions.owners),
        )


def labels_by_interest(taxonomy: Taxonomy) -> Mapping[str, Sequence[str]]:
    """Interest id -> the labels that speak for it or for one below it."""
    labels: dict[str, list[str]] = defaultdict(list)
    for label in taxonomy.labels:
        for interest in taxonomy.interests_of(label):
            labels[interest].append(label)
    return labels


def _ordered(stands: Mapping[str, list[str]]) -> Stands:
    return {media_id: tuple(sorted(items)) if len(items) > 1 else tuple(items) for media_id, items in stands.items()}


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _VARIABLES):
        yield ids[start : start + _VARIABLES]
