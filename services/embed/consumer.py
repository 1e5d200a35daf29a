"""media.changed: uploads and deletions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nungil.event_log.port import Record
from nungil.runtime.errors import Rejected
from services.embed import wire
from services.embed.handlers import EmbedUploads, RemoveDeleted
from services.embed.wire import Change

GROUP = "embed"


@dataclass(frozen=True)
class MediaChangedReader:
    """Of each picture the highest version in the batch counts, so pictures are independent and their order is free."""

    embed: EmbedUploads
    remove: RemoveDeleted
    keep_alive: Callable[[], None]

    def __call__(self, records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        faults: list[tuple[Record, Rejected]] = []
        latest: dict[tuple[str, str], tuple[Change, Record]] = {}
        for record in records:
            try:
                change = wire.change_of(record)
            except Rejected as error:
                faults.append((record, error))
                continue
            key = change.picture.tenant, change.picture.media_id
            if key not in latest or change.picture.version >= latest[key][0].picture.version:
                latest[key] = change, record
        changes = [change for change, _ in latest.values()]
        if deletions := [change for change in changes if change.deleted]:
            self.remove(deletions)
        if uploads := [change for change in changes if not change.deleted]:
            rejected = self.embed(uploads, self.keep_alive)
            faults += [(latest[change.picture.tenant, change.picture.media_id][1], error) for change, error in rejected]
        return faults
