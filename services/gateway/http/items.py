"""Items and feeds: /v1/items, /v1/imports."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from nungil.api.ingest.v1 import ingest_pb2
from nungil.runtime.errors import Rejected, TooLarge
from nungil.runtime.rpc import calling, chunks, metadata
from services.gateway.errors import UnsupportedBody
from services.gateway.handlers.peers import ask
from services.gateway.http.route import Caller, GuardedRoute, Merchant, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.items import ImportModel, ItemGivenModel, ItemModel

router = APIRouter(prefix="/v1", tags=["catalogue"], route_class=GuardedRoute)

_FEED = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
                }
            },
        },
    }
}


@router.put("/items/{item_id}")
async def put_item(who: Merchant, parts: Wired, item_id: str, item: ItemGivenModel) -> ItemModel:
    """Creates or replaces an item and its offers."""
    request = ingest_pb2.PutItemRequest(caller=caller(who), item=item.proto(item_id))
    answer = await ask(parts.peers.ingest.PutItem, request, timeout_s=parts.settings.call_timeout_s)
    return ItemModel.of(answer.item)


@router.get("/items/{item_id}")
async def get_item(who: Caller, parts: Wired, item_id: str) -> ItemModel:
    """An item and its offers."""
    request = ingest_pb2.GetItemRequest(caller=caller(who), item_id=item_id)
    return ItemModel.of((await ask(parts.peers.ingest.GetItem, request, timeout_s=parts.settings.call_timeout_s)).item)


@router.delete("/items/{item_id}", status_code=204, response_class=Response)
async def delete_item(who: Merchant, parts: Wired, item_id: str) -> Response:
    """Deletes an item. Its pictures stay."""
    request = ingest_pb2.DeleteItemRequest(caller=caller(who), item_id=item_id)
    await ask(parts.peers.ingest.DeleteItem, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.post("/imports", status_code=202, openapi_extra=_FEED)
async def import_feed(who: Merchant, parts: Wired, request: Request) -> ImportModel:
    """Takes a CSV feed, one row an offer, with media ids in `image`. Rows that cannot be are reported by line; the others are applied.

    Columns: id, image, title_en, title_ko, brand, category, shop, url, market, currency, price, in_stock.
    """
    feed = await _feed_of(request)
    if len(feed) > parts.settings.feed_limit_bytes:
        raise TooLarge(f"the feed has {len(feed):,} bytes; at most {parts.settings.feed_limit_bytes:,} are taken")

    async def messages() -> AsyncIterator[ingest_pb2.ImportFeedRequest]:
        yield ingest_pb2.ImportFeedRequest(caller=caller(who))
        for chunk in chunks(feed):
            yield ingest_pb2.ImportFeedRequest(chunk=chunk)

    with calling():
        answer = await parts.peers.ingest.ImportFeed(
            messages(), timeout=parts.settings.picture_timeout_s, metadata=metadata()
        )
    return ImportModel.of(getattr(answer, "import"))


@router.get("/imports/{import_id}")
async def get_import(who: Merchant, parts: Wired, import_id: str) -> ImportModel:
    """How far an import has come."""
    request = ingest_pb2.GetImportRequest(caller=caller(who), import_id=import_id)
    answer = await ask(parts.peers.ingest.GetImport, request, timeout_s=parts.settings.call_timeout_s)
    return ImportModel.of(getattr(answer, "import"))


async def _feed_of(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        return await request.body()
    if kind == "multipart/form-data":
        file = (await request.form()).get("file")
        if isinstance(file, UploadFile):
            return await file.read()
        raise Rejected("the form needs a part 'file' with the CSV")
    raise UnsupportedBody("send the feed as text/csv, or as the part 'file' of multipart/form-data")
