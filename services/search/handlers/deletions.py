"""Which pictures are gone, before every index has followed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable


class DeniedPictures:
    """The latest `max_pictures` deletions. Safe for many threads. Media ids are never given twice, so nothing is ever taken back."""

    def __init__(self, max_pictures: int) -> None:
        self._max_pictures = max_pictures
        self._lock = threading.Lock()
        self._ids: OrderedDict[str, None] = OrderedDict()

    def deny(self, media_id: str) -> None:
        with self._lock:
            self._ids[media_id] = None
            while len(self._ids) > self._max_pictures:
                self._ids.popitem(last=False)

    def __contains__(self, media_id: object) -> bool:
        with self._lock:
            return media_id in self._ids

    def among(self, media_ids: Iterable[str]) -> set[str]:
        """Those of `media_ids` that are denied."""
        with self._lock:
            return {media_id for media_id in media_ids if media_id in self._ids}
