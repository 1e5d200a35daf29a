"""Taking the bytes of deleted rows out of Milvus: milvus-lite's files are written anew, a server is made to compact."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from nungil.vector_index.milvus_rows import FIELDS

logger = logging.getLogger(__name__)

_TIMEOUT_S = 60.0
_COPIED_ROWS = 1_000
_RENAMES = 20
_COMPACTED_WITHIN_S = 60.0
_LOOK_S = 0.2


def rewrite(client: MilvusClient, name: str, make: Callable[[str], None]) -> None:
    """Copies the rows of `name` into a new collection that takes its place. Nobody else may write meanwhile.

    milvus-lite keeps the bytes of deleted rows in its files whatever it is asked; a collection that is dropped loses its folder.
    The copy is called `<name>_part` until it is whole, then `<name>_whole` until it has the name: whatever a crash leaves, the next
    call brings to its end.
    """
    part, whole = f"{name}_part", f"{name}_whole"
    if client.has_collection(whole, timeout=_TIMEOUT_S):  # a crash before the last step: what came since lies in `name`
        client.load_collection(whole, timeout=_TIMEOUT_S)
        _copy(client, whole, name)
        client.flush(name, timeout=_TIMEOUT_S)
        client.drop_collection(whole, timeout=_TIMEOUT_S)
    if client.has_collection(part, timeout=_TIMEOUT_S):
        client.drop_collection(part, timeout=_TIMEOUT_S)
    make(part)
    _copy(client, name, part)
    client.flush(part, timeout=_TIMEOUT_S)
    client.rename_collection(part, whole, timeout=_TIMEOUT_S)
    client.drop_collection(name, timeout=_TIMEOUT_S)
    _rename(client, whole, name)
    client.load_collection(name, timeout=_TIMEOUT_S)


def compact(client: MilvusClient, name: str) -> None:
    """Seals what is growing, and has every segment with deleted rows written anew. Returns once that is done, or goes on behind us."""
    client.flush(name, timeout=_TIMEOUT_S)
    job = client.compact(name, timeout=_TIMEOUT_S)
    until_s = time.monotonic() + _COMPACTED_WITHIN_S
    while client.get_compaction_state(job, timeout=_TIMEOUT_S) != "Completed":
        if time.monotonic() > until_s:
            logger.warning("the compaction of %s takes over %.0f s", name, _COMPACTED_WITHIN_S)
            return
        time.sleep(_LOOK_S)


def _copy(client: MilvusClient, source: str, target: str) -> None:
    pages: Any = client.query_iterator(
        source, batch_size=_COPIED_ROWS, filter='id > ""', output_fields=FIELDS, timeout=_TIMEOUT_S
    )
    try:
        while page := pages.next():
            client.upsert(target, [{field: row[field] for field in FIELDS} for row in page], timeout=_TIMEOUT_S)
    finally:
        pages.close()


def _rename(client: MilvusClient, whole: str, name: str) -> None:
    """A reader that finds no collection of this name makes one, which is in our way, and empty."""
    for _ in range(_RENAMES):
        try:
            client.rename_collection(whole, name, timeout=_TIMEOUT_S)
            return
        except MilvusException:
            if not client.has_collection(name, timeout=_TIMEOUT_S):
                raise
            client.drop_collection(name, timeout=_TIMEOUT_S)
    client.rename_collection(whole, name, timeout=_TIMEOUT_S)
