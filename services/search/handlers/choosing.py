"""Chips of the present results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nungil.database.open import reading
from nungil.runtime.clock import Clock
from nungil.taxonomy.taxonomy import load_taxonomy
from services.search import store
from services.search.chips import choose
from services.search.core import CropQuery, Found, ItemRow, Tag, TagKind
from services.search.facts import tags_of

RESULTS = 100  # that chips are chosen from and counted over, where there are so many
CHIPS = 12


@dataclass(frozen=True)
class ChooseChips:
    """Tags that split results well, each with how many of them it would leave. Blocking: call it in a thread."""

    engine: Engine
    clock: Clock

    def __call__(self, query: CropQuery, found: Sequence[Found]) -> list[tuple[Tag, int]]:
        return choose(self._tags(query, found), CHIPS)

    def _tags(self, query: CropQuery, found: Sequence[Found]) -> list[set[Tag]]:
        """Of each result, as finding it reads them: an item has what any of its pictures shows."""
        item_ids = [each.item_id for each in found if each.item_id is not None]
        with reading(self.engine) as connection:
            items = store.load_items(connection, query.tenant, item_ids, query.filters, now_ms=self.clock())
            media_ids = {each.match.media_id for each in found} | {
                id_ for item in items.values() for id_ in item.media_ids
            }
            of_pictures = tags_of(connection, query.tenant, media_ids)
        shown = [(each.match.media_id, items.get(each.item_id or "")) for each in found]
        return [_of_item(item, of_pictures) if item else _of_picture(id_, of_pictures) for id_, item in shown]


def _of_item(item: ItemRow, of_pictures: Mapping[str, Mapping[Tag, float]]) -> set[Tag]:
    tags = {tag for media_id in item.media_ids for tag in _of_picture(media_id, of_pictures)}
    tags.update(Tag(TagKind.SHOP, offer.shop) for offer in item.offers)
    tags.update(Tag(kind, id_) for kind, id_ in ((TagKind.CATEGORY, item.category), (TagKind.BRAND, item.brand)) if id_)
    return tags


def _of_picture(media_id: str, of_pictures: Mapping[str, Mapping[Tag, float]]) -> set[Tag]:
    """Its labels and colours, and the interests that the labels speak for."""
    tags = set(of_pictures.get(media_id, ()))
    taxonomy = load_taxonomy()
    labels = [tag.id for tag in tags if tag.kind is TagKind.LABEL and tag.id in taxonomy.labels]
    return tags | {Tag(TagKind.LABEL, interest) for label in labels for interest in taxonomy.interests_of(label)}
