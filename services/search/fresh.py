"""Rows of the newest pictures, kept beside the index until it surely shows them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection

from nungil.pictures.features import Features
from nungil.runtime.clock import Clock
from nungil.vector_index.port import IndexRow, row_id
from services.search.held import PictureRows, rows_of_pictures


class FreshRows:
    """The latest `max_pictures`, each for `keep_ms`: more than an index needs to show a row. Safe for many threads."""

    def __init__(self, clock: Clock, *, keep_ms: int, max_pictures: int) -> None:
        self._clock = clock
        self._keep_ms = keep_ms
        self._max_pictures = max_pictures
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, str], PictureRows] = OrderedDict()

    def put(self, features: Features) -> None:
        """The rows that embed gives the index of this picture."""
        tenant, media_id, owner = features.tenant, features.media_id, features.owner
        rows = [IndexRow(row_id(media_id, r.n), r.vector, tenant, owner, media_id) for r in features.regions]
        until_ms = self._clock() + self._keep_ms
        with self._lock:
            for each in rows_of_pictures(rows, until_ms).values():
                self._pictures[tenant, media_id] = each
                self._pictures.move_to_end((tenant, media_id))
            while len(self._pictures) > self._max_pictures:
                self._pictures.popitem(last=False)

    def forget(self, tenant: str, media_id: str) -> None:
        """Drops the rows of a picture."""
        with self._lock:
            self._pictures.pop((tenant, media_id), None)

    def forget_owner(self, tenant: str, owner: str) -> None:
        """Drops the rows of someone's pictures."""
        with self._lock:
            for key in [key for key, rows in self._pictures.items() if key[0] == tenant and rows.owner == owner]:
                del self._pictures[key]

    def of(self, tenant: str, owners: Collection[str]) -> dict[str, PictureRows]:
        """Media id -> rows, of the tenant's pictures that these own."""
        now_ms = self._clock()
        with self._lock:
            while self._pictures and next(iter(self._pictures.values())).stale_at_ms <= now_ms:
                self._pictures.popitem(last=False)
            pictures = list(self._pictures.items())
        return {media_id: rows for (of, media_id), rows in pictures if of == tenant and rows.owner in owners}
