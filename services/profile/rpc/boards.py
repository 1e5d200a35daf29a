"""Boards, their pins and links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nungil.api.profile.v1 import boards_pb2 as pb
from nungil.api.profile.v1.boards_pb2_grpc import BoardServiceServicer
from nungil.pictures.features import box_from_proto
from services.profile.handlers.boards import Boards, GoesWith
from services.profile.handlers.describing import Describe, Described
from services.profile.handlers.pins import Asked, Pins
from services.profile.handlers.sharing import Sharing
from services.profile.wire import boards as wire


@dataclass(frozen=True)
class BoardServicer(BoardServiceServicer):
    """Answers `nungil.api.profile.v1.BoardService`."""

    boards: Boards
    pins: Pins
    sharing: Sharing
    describe: Describe
    goes_with: GoesWith

    def CreateBoard(self, request: pb.CreateBoardRequest, context: Any) -> pb.CreateBoardResponse:
        board = self.boards.create(request.caller.tenant, request.caller.person_id, request.name)
        return pb.CreateBoardResponse(board=wire.board_to_proto(board))

    def ListBoards(self, request: pb.ListBoardsRequest, context: Any) -> pb.ListBoardsResponse:
        own, kept = self.boards.of(request.caller.tenant, request.caller.person_id)
        return pb.ListBoardsResponse(
            boards=[wire.board_to_proto(board) for board in own],
            kept=[wire.board_to_proto(board, notes=False) for board in kept],
        )

    def GetBoard(self, request: pb.GetBoardRequest, context: Any) -> pb.GetBoardResponse:
        caller = request.caller
        page = self.boards.read(
            caller.tenant, caller.person_id, request.board_id, limit=request.limit, cursor=request.cursor
        )
        own = page.board.person_id == caller.person_id
        return pb.GetBoardResponse(
            board=wire.board_to_proto(page.board, notes=own),
            pins=wire.pins_to_proto(page.pins, notes=own),
            next_cursor=page.cursor,
            own=own,
        )

    def UpdateBoard(self, request: pb.UpdateBoardRequest, context: Any) -> pb.UpdateBoardResponse:
        board = self.boards.change(
            request.caller.tenant,
            request.caller.person_id,
            request.board_id,
            name=request.name if request.HasField("name") else None,
            position=request.position if request.HasField("position") else None,
        )
        return pb.UpdateBoardResponse(board=wire.board_to_proto(board))

    def DeleteBoard(self, request: pb.DeleteBoardRequest, context: Any) -> pb.DeleteBoardResponse:
        self.boards.delete(request.caller.tenant, request.caller.person_id, request.board_id)
        return pb.DeleteBoardResponse()

    def SavePin(self, request: pb.SavePinRequest, context: Any) -> pb.SavePinResponse:
        box = box_from_proto(request.box) if request.HasField("box") else None
        asked = Asked(request.media_id, box, request.item_id, request.note)
        pin, created, clipped = self.pins.save(request.caller.tenant, request.caller.person_id, request.board_id, asked)
        return pb.SavePinResponse(pin=wire.pin_to_proto(pin), created=created, clipped=clipped)

    def UpdatePin(self, request: pb.UpdatePinRequest, context: Any) -> pb.UpdatePinResponse:
        pin = self.pins.change(
            request.caller.tenant,
            request.caller.person_id,
            request.board_id,
            request.pin_id,
            to_board_id=request.to_board_id if request.HasField("to_board_id") else None,
            position=request.position if request.HasField("position") else None,
            note=request.note if request.HasField("note") else None,
        )
        return pb.UpdatePinResponse(pin=wire.pin_to_proto(pin), board_id=pin.board_id)

    def RemovePin(self, request: pb.RemovePinRequest, context: Any) -> pb.RemovePinResponse:
        self.pins.remove(request.caller.tenant, request.caller.person_id, request.board_id, request.pin_id)
        return pb.RemovePinResponse()

    def GetPin(self, request: pb.GetPinRequest, context: Any) -> pb.GetPinResponse:
        caller = request.caller
        return pb.GetPinResponse(
            shown=wire.shown_to_proto(
                *self.boards.pin(caller.tenant, caller.person_id, request.board_id, request.pin_id)
            )
        )

    def ShareBoard(self, request: pb.ShareBoardRequest, context: Any) -> pb.ShareBoardResponse:
        token = self.sharing.share(request.caller.tenant, request.caller.person_id, request.board_id)
        return pb.ShareBoardResponse(token=token)

    def UnshareBoard(self, request: pb.UnshareBoardRequest, context: Any) -> pb.UnshareBoardResponse:
        self.sharing.unshare(request.caller.tenant, request.caller.person_id, request.board_id)
        return pb.UnshareBoardResponse()

    def OpenSharedBoard(self, request: pb.OpenSharedBoardRequest, context: Any) -> pb.OpenSharedBoardResponse:
        page = self.sharing.open(request.token, limit=request.limit, cursor=request.cursor)
        return pb.OpenSharedBoardResponse(
            board=wire.board_to_proto(page.board, notes=False),
            pins=wire.pins_to_proto(page.pins, notes=False),
            next_cursor=page.cursor,
            tenant=page.board.tenant,
        )

    def GetSharedPin(self, request: pb.GetSharedPinRequest, context: Any) -> pb.GetSharedPinResponse:
        return pb.GetSharedPinResponse(shown=wire.shown_to_proto(*self.sharing.pin(request.token, request.pin_id)))

    def KeepBoard(self, request: pb.KeepBoardRequest, context: Any) -> pb.KeepBoardResponse:
        board = self.sharing.keep(request.caller.tenant, request.caller.person_id, request.token)
        return pb.KeepBoardResponse(board=wire.board_to_proto(board, notes=False))

    def DropKeptBoard(self, request: pb.DropKeptBoardRequest, context: Any) -> pb.DropKeptBoardResponse:
        self.sharing.drop(request.caller.tenant, request.caller.person_id, request.board_id)
        return pb.DropKeptBoardResponse()

    def DescribeBoard(self, request: pb.DescribeBoardRequest, context: Any) -> pb.DescribeBoardResponse:
        return _described(self.describe(request.caller.tenant, request.caller.person_id, request.board_id))

    def GoesWith(self, request: pb.GoesWithRequest, context: Any) -> pb.GoesWithResponse:
        caller = request.caller
        return pb.GoesWithResponse(
            item_ids=self.goes_with(caller.tenant, caller.person_id, request.item_id, request.limit)
        )


def _described(described: Described) -> pb.DescribeBoardResponse:
    return pb.DescribeBoardResponse(
        encoder_space=described.encoder_space,
        themes=[
            pb.DescribeBoardResponse.Theme(vector=theme.vector.astype("<f4").tobytes(), pins=theme.pins)
            for theme in described.themes
        ],
        media_ids=sorted({pin.media_id for pin in described.pins}),
        item_ids=sorted({pin.item_id for pin in described.pins if pin.item_id}),
    )
