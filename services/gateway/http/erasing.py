"""Leaving: DELETE /v1/me, its receipt, and all that is kept to take away, /v1/me/export."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from nungil.api.profile.v1 import erasure_pb2
from services.gateway.handlers.peers import ask
from services.gateway.http.route import ForgetfulRoute, GuardedRoute, KeyHolder, Person, Wired
from services.gateway.wire.erasing import LeftModel, ReceiptKeyModel, ReceiptModel

router = APIRouter(prefix="/v1/me", tags=["a person"], route_class=GuardedRoute)
leaving = APIRouter(prefix="/v1", tags=["a person"], route_class=ForgetfulRoute)
receipts = APIRouter(prefix="/v1", tags=["receipts"])

_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}, "description": "everything"}}


@router.get("/export", response_class=StreamingResponse, responses=_ZIP)
async def export_me(who: Person, parts: Wired) -> StreamingResponse:
    """Everything that is kept of the person, as a zip of readable files: interests with their reasons, what they did and said,
    consents, and their pictures. An archive that is cut short does not open: ask again."""
    pieces = await parts.export(who)
    headers = {"Content-Disposition": 'attachment; filename="nungil-export.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@leaving.delete("/me", status_code=202)
async def erase_me(who: Person, speaker: KeyHolder, parts: Wired) -> LeftModel:
    """Erases the person, at once and for good: the link from their name to all that was kept, and what was kept. Each service
    confirms what it has removed; the receipt says who has. Who comes again is a new person. A key that speaks for this person and
    can do nothing else ends with them."""
    return LeftModel(receipt_id=await parts.leave(who, speaker.subject or ""))


@receipts.get("/erasures/{receipt_id}")
async def get_receipt(parts: Wired, receipt_id: Annotated[str, Path(max_length=64)]) -> ReceiptModel:
    """What became of an erasure: what each store has removed, who is missing, and once nobody is, a signature. Needs no key."""
    request = erasure_pb2.GetReceiptRequest(receipt_id=receipt_id)
    answer = await ask(parts.peers.erasure.GetReceipt, request, timeout_s=parts.settings.call_timeout_s)
    return ReceiptModel.model_validate_json(answer.document)


@receipts.get("/receipt-key")
async def get_receipt_key(parts: Wired) -> ReceiptKeyModel:
    """What receipts are checked with. Needs no key."""
    request = erasure_pb2.GetReceiptKeyRequest()
    answer = await ask(parts.peers.erasure.GetReceiptKey, request, timeout_s=parts.settings.call_timeout_s)
    return ReceiptKeyModel(public_key=answer.public_key)
