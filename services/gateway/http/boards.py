"""Boards: /v1/me/boards, what a link shows without a key, /v1/boards/shared, and what goes with an item."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from nungil.api.profile.v1 import boards_pb2
from nungil.runtime.errors import NotFound
from services.gateway.core import Who
from services.gateway.errors import NoSuchItem
from services.gateway.handlers.peers import ask
from services.gateway.http.parts import Parts
from services.gateway.http.route import Caller, ForgetfulRoute, GuardedRoute, Person, Wired
from services.gateway.wire.boards import (
    BoardChangeModel,
    BoardDetailModel,
    BoardGivenModel,
    BoardModel,
    BoardsModel,
    CompanionsModel,
    KeepModel,
    LinkModel,
    MoreFoundModel,
    MoreModel,
    PinChangedModel,
    PinChangeModel,
    PinGivenModel,
    PinSavedModel,
    SharedBoardModel,
)
from services.gateway.wire.common import caller

router = APIRouter(prefix="/v1", tags=["boards"], route_class=GuardedRoute)
links = APIRouter(prefix="/v1/me/boards", tags=["boards"], route_class=ForgetfulRoute)
shared = APIRouter(prefix="/v1/boards/shared", tags=["boards"])

_OF_LINKS = {"X-Robots-Tag": "noindex, nofollow"}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "the part of the picture that was saved"}
}
Limit = Annotated[int, Query(ge=1, le=200, description="pins")]
Cursor = Annotated[str, Query(max_length=2000)]
Width = Annotated[int, Query(ge=0, le=8192, description="at most so many pixels wide; 0: as it is stored")]
Token = Annotated[str, Path(max_length=200)]


@router.get("/me/boards")
async def list_boards(who: Person, parts: Wired) -> BoardsModel:
    """The person's boards, and others' that they keep."""
    request = boards_pb2.ListBoardsRequest(caller=caller(who))
    return BoardsModel.of(await ask(parts.peers.boards.ListBoards, request, timeout_s=parts.settings.call_timeout_s))


@router.post("/me/boards", status_code=201)
async def create_board(who: Person, parts: Wired, board: BoardGivenModel) -> BoardModel:
    """A new board, after the others."""
    request = boards_pb2.CreateBoardRequest(caller=caller(who), name=board.name)
    answer = await ask(parts.peers.boards.CreateBoard, request, timeout_s=parts.settings.call_timeout_s)
    return BoardModel.of(answer.board)


@router.post("/me/boards/shared")
async def keep_board(who: Person, parts: Wired, link: KeepModel) -> BoardModel:
    """Keeps a board that another shares, to read it here and to find more like it, for as long as it is shared."""
    request = boards_pb2.KeepBoardRequest(caller=caller(who), token=link.token)
    answer = await ask(parts.peers.boards.KeepBoard, request, timeout_s=parts.settings.call_timeout_s)
    return BoardModel.of(answer.board, own=False)


@router.delete("/me/boards/shared/{board_id}", status_code=204, response_class=Response)
async def drop_kept_board(who: Person, parts: Wired, board_id: str) -> Response:
    """Keeps another's board no more."""
    request = boards_pb2.DropKeptBoardRequest(caller=caller(who), board_id=board_id)
    await ask(parts.peers.boards.DropKeptBoard, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/me/boards/{board_id}")
async def get_board(
    who: Person, parts: Wired, board_id: str, limit: Limit = 50, cursor: Cursor = ""
) -> BoardDetailModel:
    """A board and its pins: one's own, or a kept one."""
    request = boards_pb2.GetBoardRequest(caller=caller(who), board_id=board_id, limit=limit, cursor=cursor)
    answer = await ask(parts.peers.boards.GetBoard, request, timeout_s=parts.settings.call_timeout_s)
    return BoardDetailModel.detailed(answer, await parts.find_items(who, (pin.item_id for pin in answer.pins)))


@router.patch("/me/boards/{board_id}")
async def change_board(who: Person, parts: Wired, board_id: str, change: BoardChangeModel) -> BoardModel:
    """Renames a board, or puts it at another place."""
    request = change.proto(who, board_id)
    answer = await ask(parts.peers.boards.UpdateBoard, request, timeout_s=parts.settings.call_timeout_s)
    return BoardModel.of(answer.board)


@router.delete("/me/boards/{board_id}", status_code=204, response_class=Response)
async def delete_board(who: Person, parts: Wired, board_id: str) -> Response:
    """Deletes a board with its pins and its link. The pictures stay."""
    request = boards_pb2.DeleteBoardRequest(caller=caller(who), board_id=board_id)
    await ask(parts.peers.boards.DeleteBoard, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.post(
    "/me/boards/{board_id}/pins",
    status_code=201,
    responses={200: {"model": PinSavedModel, "description": "the board had it already"}},
)
async def save_pin(who: Person, parts: Wired, board_id: str, pin: PinGivenModel, response: Response) -> PinSavedModel:
    """Saves a picture, a part of one, or an item, before the board's other pins."""
    items = await parts.find_items(who, [pin.item_id])
    if pin.item_id and pin.item_id not in items:
        raise NoSuchItem(f"no item {pin.item_id[:64]}")
    request = pin.proto(who, board_id)
    try:
        answer = await ask(parts.peers.boards.SavePin, request, timeout_s=parts.settings.call_timeout_s)
    except NotFound as error:
        if error.slug == "no-such-picture":
            await parts.search.check_on_its_way(request.caller, request.media_id)
        raise
    response.status_code = 201 if answer.created else 200
    return PinSavedModel.saved(answer, board_id, items)


@router.patch("/me/boards/{board_id}/pins/{pin_id}")
async def change_pin(who: Person, parts: Wired, board_id: str, pin_id: str, change: PinChangeModel) -> PinChangedModel:
    """Moves a pin to another board or place, or notes something. Where the other board has it already, the two become one."""
    request = change.proto(who, board_id, pin_id)
    answer = await ask(parts.peers.boards.UpdatePin, request, timeout_s=parts.settings.call_timeout_s)
    return PinChangedModel.changed(answer, await parts.find_items(who, [answer.pin.item_id]))


@router.delete("/me/boards/{board_id}/pins/{pin_id}", status_code=204, response_class=Response)
async def remove_pin(who: Person, parts: Wired, board_id: str, pin_id: str) -> Response:
    """Takes a pin off a board."""
    request = boards_pb2.RemovePinRequest(caller=caller(who), board_id=board_id, pin_id=pin_id)
    await ask(parts.peers.boards.RemovePin, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@router.get("/me/boards/{board_id}/pins/{pin_id}/image", response_class=Response, responses=_JPEG)
async def get_pin_image(who: Person, parts: Wired, board_id: str, pin_id: str, width: Width = 0) -> Response:
    """What a pin of one's own board, or of a kept one, shows, as JPEG."""
    request = boards_pb2.GetPinRequest(caller=caller(who), board_id=board_id, pin_id=pin_id)
    answer = await ask(parts.peers.boards.GetPin, request, timeout_s=parts.settings.call_timeout_s)
    headers = {"Cache-Control": "private, max-age=300", "Vary": "Authorization, Cookie, Nungil-Person"}
    return await _image(parts, answer.shown, width, headers)


@router.post("/me/boards/{board_id}/more")
async def find_more(who: Person, parts: Wired, board_id: str, wanted: MoreModel) -> MoreFoundModel:
    """Items like what a board shows, those on it left out: of one's own board, or of a kept one."""
    request = boards_pb2.DescribeBoardRequest(caller=caller(who), board_id=board_id)
    board = await ask(parts.peers.boards.DescribeBoard, request, timeout_s=parts.settings.call_timeout_s)
    query = wanted.proto(who, board)
    answer = await ask(parts.peers.search.FindCandidates, query, timeout_s=parts.settings.call_timeout_s)
    return MoreFoundModel.of(answer, wanted.limit)


@links.post("/{board_id}/share")
async def share_board(who: Person, parts: Wired, board_id: str) -> LinkModel:
    """A new link by which anyone sees this board, until it is shared no more; the link before ends. Asked again, even with
    the same Idempotency-Key, it is another link: nothing but its hash is kept."""
    request = boards_pb2.ShareBoardRequest(caller=caller(who), board_id=board_id)
    answer = await ask(parts.peers.boards.ShareBoard, request, timeout_s=parts.settings.call_timeout_s)
    return LinkModel.of(answer.token)


@links.delete("/{board_id}/share", status_code=204, response_class=Response)
async def unshare_board(who: Person, parts: Wired, board_id: str) -> Response:
    """Ends the link, and takes the board from everyone who kept it."""
    request = boards_pb2.UnshareBoardRequest(caller=caller(who), board_id=board_id)
    await ask(parts.peers.boards.UnshareBoard, request, timeout_s=parts.settings.call_timeout_s)
    return Response(status_code=204)


@shared.get("/{token}")
async def open_shared_board(
    parts: Wired, token: Token, response: Response, limit: Limit = 50, cursor: Cursor = ""
) -> SharedBoardModel:
    """What a shared board holds. Needs no key: the link is one."""
    parts.open_links.follow(token)
    request = boards_pb2.OpenSharedBoardRequest(token=token, limit=limit, cursor=cursor)
    answer = await ask(parts.peers.boards.OpenSharedBoard, request, timeout_s=parts.settings.call_timeout_s)
    anyone = Who(answer.tenant, "", frozenset())
    response.headers.update(_OF_LINKS)
    return SharedBoardModel.of(answer, token, await parts.find_items(anyone, (pin.item_id for pin in answer.pins)))


@shared.get("/{token}/pins/{pin_id}/image", response_class=Response, responses=_JPEG)
async def get_shared_image(parts: Wired, token: Token, pin_id: str, width: Width = 0) -> Response:
    """What a pin of a shared board shows, as JPEG: of a picture of the person's own, the part that was saved and no more."""
    parts.open_links.follow(token)
    request = boards_pb2.GetSharedPinRequest(token=token, pin_id=pin_id)
    answer = await ask(parts.peers.boards.GetSharedPin, request, timeout_s=parts.settings.call_timeout_s)
    return await _image(parts, answer.shown, width, _OF_LINKS | {"Cache-Control": "private, max-age=60"})


@router.get("/items/{item_id}/goes-with")
async def goes_with(
    who: Caller, parts: Wired, item_id: str, limit: Annotated[int, Query(ge=1, le=50)] = 12
) -> CompanionsModel:
    """Items that several people keep on the same boards as this one. Counts only people who agreed to it; names nobody."""
    request = boards_pb2.GoesWithRequest(caller=caller(who), item_id=item_id, limit=limit)
    answer = await ask(parts.peers.boards.GoesWith, request, timeout_s=parts.settings.call_timeout_s)
    return CompanionsModel.of(answer.item_ids, await parts.find_items(who, answer.item_ids))


async def _image(parts: Parts, shown: boards_pb2.Shown, width: int, headers: dict[str, str]) -> Response:
    """The pin's part of the picture, asked for as its owner."""
    owner = Who(shown.owner.tenant, shown.owner.person_id, frozenset())
    box = shown.box if shown.HasField("box") else None
    data = await parts.show_picture(owner, shown.media_id, max_width_px=width, box=box)
    return Response(data, headers=headers, media_type="image/jpeg")
