"""Pictures: /v1/media."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from nungil.api.ingest.v1 import ingest_pb2
from services.gateway.handlers.peers import ask
from services.gateway.handlers.pictures import Upload
from services.gateway.http.route import Caller, GuardedRoute, Wired
from services.gateway.wire.common import caller
from services.gateway.wire.pictures import (
    GivenModel,
    ListedPurpose,
    MediaDetailModel,
    MediaListModel,
    PurposeWord,
    SourceWord,
    purpose_of,
)

router = APIRouter(prefix="/v1/media", tags=["pictures"], route_class=GuardedRoute)


@router.post(
    "",
    status_code=202,
    responses={200: {"model": GivenModel, "description": "purpose search: ready to be searched with"}},
)
async def give_picture(
    who: Caller,
    parts: Wired,
    response: Response,
    file: Annotated[UploadFile, File(description="JPEG, PNG, WebP or HEIC, at most 30 MB and 50 megapixels")],
    purpose: Annotated[
        PurposeWord,
        Form(description="personal: its owner's alone; catalogue: for all in the tenant; search: kept 15 minutes"),
    ] = "personal",
    source: Annotated[SourceWord, Form(description="where the picture came from")] = "upload",
    source_url: Annotated[str, Form(max_length=2000)] = "",
    keep_taken_on: Annotated[bool, Form(description="keep the date taken; needs the consent taken_on")] = False,
) -> GivenModel:
    """Gives a picture. Its metadata is removed before anything is stored. The same bytes again give the same id."""
    if purpose == "personal":
        who.as_person()
    elif purpose == "catalogue":
        who.within("catalogue")
    parts.give_picture.check_size(file.size or 0)
    upload = Upload(
        file=file,
        file_name=PurePosixPath((file.filename or "").replace("\\", "/")).name[:255],
        purpose=purpose,
        source=source,
        source_url=source_url,
        keep_taken_on=keep_taken_on,
    )
    stored, encoded = await parts.give_picture(who, upload)
    if encoded is not None:
        response.status_code = 200
    return GivenModel.given(stored, encoded)


@router.get("")
async def list_pictures(
    who: Caller,
    parts: Wired,
    purpose: Annotated[ListedPurpose, Query(description="one's own, or the tenant's catalogue")] = "personal",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> MediaListModel:
    """Pictures, newest first."""
    if purpose == "personal":
        who.as_person()
    request = ingest_pb2.ListMediaRequest(caller=caller(who), limit=limit, cursor=cursor, purpose=purpose_of(purpose))
    return MediaListModel.of(await ask(parts.peers.ingest.ListMedia, request, timeout_s=parts.settings.call_timeout_s))


@router.get("/{media_id}")
async def get_picture(who: Caller, parts: Wired, media_id: str) -> MediaDetailModel:
    """The state of a picture and, once searchable, what was found in it."""
    request = ingest_pb2.GetMediaRequest(caller=caller(who), media_id=media_id)
    answer = await ask(parts.peers.ingest.GetMedia, request, timeout_s=parts.settings.call_timeout_s)
    return MediaDetailModel.of(answer.media)


@router.get(
    "/{media_id}/image",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "the upright picture"}},
)
async def get_image(
    who: Caller,
    parts: Wired,
    media_id: str,
    width: Annotated[int, Query(ge=0, le=8192, description="at most so many pixels wide; 0: as it is stored")] = 0,
) -> Response:
    """The upright picture, as JPEG."""
    data = await parts.show_picture(who, media_id, max_width_px=width)
    headers = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization, Cookie, Nungil-Person"}
    return Response(data, headers=headers, media_type="image/jpeg")


@router.delete("/{media_id}", status_code=204, response_class=Response)
async def delete_picture(who: Caller, parts: Wired, media_id: str) -> Response:
    """Deletes a picture. It is found no more at once; its bytes go soon after. The catalogue's needs the scope catalogue."""
    await parts.delete_picture(who, media_id)
    return Response(status_code=204)
