"""What was found in pictures a moment ago: many people do things with the same picture within seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nungil.pictures.boxes import Box
from services.profile.core import Found

KEPT = 1024  # pictures and parts, of some 6 KB each
KEPT_MS = 10_000  # what embed writes anew is seen after so long

Key = tuple[str, str, Box | None]
Seen = tuple[str, Found]  # the owner of the picture, and what was found


@dataclass
class FoundCache:
    """Only what was found is kept: a picture without features is looked for again. Whether it may be used, and whether the
    picture is still there, is asked each time by whoever uses it."""

    kept: dict[Key, tuple[int, Seen]] = field(default_factory=dict)

    def of(self, key: Key, now_ms: int, look: Callable[[], Seen | None]) -> Seen | None:
        """What is kept of `key`, tenant, media id and part, or what `look` gives."""
        known = self.kept.get(key)
        if known is not None and 0 <= now_ms - known[0] < KEPT_MS:
            return known[1]
        seen = look()
        if seen is None:
            self.kept.pop(key, None)
            return None
        if len(self.kept) >= KEPT:
            self.kept.clear()
        self.kept[key] = (now_ms, seen)
        return seen

    def forget(self, tenant: str, media_id: str) -> None:
        """Of a picture that is gone, or read anew."""
        for key in [key for key in self.kept if key[:2] == (tenant, media_id)]:
            self.kept.pop(key, None)
