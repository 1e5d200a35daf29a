"""Items by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from nungil.api.ingest.v1 import ingest_pb2, items_pb2
from nungil.runtime.errors import NotFound
from services.gateway.core import Who
from services.gateway.handlers.peers import Peers, ask
from services.gateway.wire.common import caller


@dataclass(frozen=True)
class FindItems:
    """Many at once; one that is gone is left out."""

    peers: Peers
    timeout_s: float

    async def __call__(self, who: Who, item_ids: Iterable[str]) -> dict[str, items_pb2.Item]:
        wanted = [item_id for item_id in dict.fromkeys(item_ids) if item_id]
        found = await asyncio.gather(*(self._find(who, item_id) for item_id in wanted))
        return {item.item_id: item for item in found if item is not None}

    async def _find(self, who: Who, item_id: str) -> items_pb2.Item | None:
        request = ingest_pb2.GetItemRequest(caller=caller(who), item_id=item_id)
        try:
            answer = await ask(self.peers.ingest.GetItem, request, timeout_s=self.timeout_s)
        except NotFound:
            return None
        found: items_pb2.Item = answer.item
        return found
