"""Items and feeds: /v1/items, /v1/imports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse

from nungil.api.ingest.v1 import ingest_pb2
from nungil.runtime.errors import DependencyAway, Rejected, TooLarge
from nungil.runtime.rpc import calling, chunks, metadata
from services.gateway.core import Who
from services.gateway.errors import UnsupportedBody
from services.gateway.handlers.peers import ask
from services.gateway.http.parts import Parts
from services.gateway.http.route import Caller, GuardedRoute, Merchant, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.items import (
    FORMATS_OF_TYPES,
    FormatWord,
    ImportModel,
    ItemGivenModel,
    ItemModel,
    terms_message,
)

router = APIRouter(prefix="/v1", tags=["catalogue"], route_class=GuardedRoute)

_LOOK_S = 0.3  # between two looks at an import that is followed
_TABS = ("text/tab-separated-values", "text/plain")
_AS_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_FEED = {
    "requestBody": {
        "required": True,
        "content": {
            **dict.fromkeys(FORMATS_OF_TYPES, _AS_TEXT),
            **dict.fromkeys(_TABS, _AS_TEXT),
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
_Format = Annotated[
    FormatWord | None,
    Query(
        description="of the feed; where it is left out, the type of the body says it: text/csv, application/jsonl, application/xml"
    ),
]
_Mode = Annotated[
    Literal["partial", "full"],
    Query(
        description="full: the feed names all that `shop` offers (in `market`, where it is said); what it does not name is retired"
    ),
]
_Force = Annotated[bool, Query(description="take a full feed even where it retires most of what the shop has here")]
_Shop = Annotated[
    str,
    Query(max_length=200, description="whose feed it is; needed where the format names no shop, or the feed is full"),
]
_Market = Annotated[
    str,
    Query(
        max_length=20,
        description="where its offers can be delivered, for formats that do not say; Naver's: KR",
        examples=["KR"],
    ),
]


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
async def import_feed(
    who: Merchant,
    parts: Wired,
    request: Request,
    format: _Format = None,
    mode: _Mode = "partial",
    force: _Force = False,
    shop: _Shop = "",
    market: _Market = "",
) -> ImportModel:
    """Takes a feed, one row an offer. Rows that cannot be are reported by line; the others are applied.

    Formats: `csv`, ours, with the columns id, image, title_en, title_ko, brand, category, shop, url, market, currency, price,
    in_stock and, where wanted, aliases (separated by |), condition, expires_at and kind; `jsonl`, one JSON object a line with
    the same names; `google`, Google Merchant's product feed, tab-separated or XML; `naver`, Naver Shopping's EP 3.0.

    A picture is named by its media id, or by the address that it was given with as `source_url`. Nothing is fetched.
    """
    feed, found = await _feed_of(request)
    chosen = format or found
    if chosen is None:
        raise UnsupportedBody("say which format the feed has: format=csv, jsonl, google or naver")
    terms = terms_message(chosen, full=mode == "full", force=force, shop=shop, market=market)
    if len(feed) > parts.settings.feed_limit_bytes:
        raise TooLarge(f"the feed has {len(feed):,} bytes; at most {parts.settings.feed_limit_bytes:,} are taken")

    async def messages() -> AsyncIterator[ingest_pb2.ImportFeedRequest]:
        yield ingest_pb2.ImportFeedRequest(caller=caller(who), terms=terms)
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


@router.get(
    "/imports/{import_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {}},
            "description": "`event: import`, its data as GET without `rejected`",
        }
    },
)
async def follow_import(who: Merchant, parts: Wired, import_id: str) -> StreamingResponse:
    """How far an import has come, whenever that changes, until it is done."""
    stream = _progress(who, parts, import_id)
    first = await anext(stream)  # so that an unknown import is a 404, not an empty stream

    async def body() -> AsyncIterator[bytes]:
        async with aclosing(stream):
            yield first
            async for part in stream:
                yield part

    return StreamingResponse(body(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _progress(who: Who, parts: Parts, import_id: str) -> AsyncGenerator[bytes, None]:
    told: ImportModel | None = None
    unsaid_s = 0.0
    while not parts.progress.ended and not (told and told.done):
        try:
            now = await get_import(who, parts, import_id)
        except DependencyAway:
            if told is None:
                raise
            now = told
        if now != told:
            yield b"event: import\ndata: " + now.model_dump_json(exclude={"rejected"}).encode() + b"\n\n"
            told, unsaid_s = now, 0.0
        elif unsaid_s >= parts.settings.keep_alive_s:
            yield b": still here\n\n"
            unsaid_s = 0.0
        if not told.done:
            await asyncio.sleep(_LOOK_S)
            unsaid_s += _LOOK_S


async def _feed_of(request: Request) -> tuple[bytes, FormatWord | None]:
    """The bytes, and the format that their type says; None for one of two."""
    kind = _type_of(request.headers.get("content-type", ""))
    if kind == "multipart/form-data":
        file = (await request.form()).get("file")
        if isinstance(file, UploadFile):
            part_kind = _type_of(file.content_type or "")
            return await file.read(), FORMATS_OF_TYPES.get(part_kind, None if part_kind in _TABS else "csv")
        raise Rejected("the form needs a part 'file' with the feed")
    if kind in FORMATS_OF_TYPES or kind in _TABS:
        return await request.body(), FORMATS_OF_TYPES.get(kind)
    known = ", ".join((*FORMATS_OF_TYPES, *_TABS))
    raise UnsupportedBody(f"send the feed as {known}, or as the part 'file' of multipart/form-data")


def _type_of(header: str) -> str:
    return header.partition(";")[0].strip().lower()
