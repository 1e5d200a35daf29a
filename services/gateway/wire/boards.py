"""Boards and pins, as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import zip_longest

from pydantic import ConfigDict, Field, model_validator

from nungil.api.ingest.v1 import items_pb2
from nungil.api.profile.v1 import boards_pb2
from nungil.api.search.v1 import search_pb2
from services.gateway.core import Who
from services.gateway.wire.common import BoxModel, Model, caller, time_of
from services.gateway.wire.items import ItemModel
from services.gateway.wire.search import FiltersModel, HitModel

Items = Mapping[str, items_pb2.Item]

_NAME = 400  # bytes and blanks; profile says how many characters a name has
_NOTE = 4_000


class CoverModel(Model):
    """The first pin of a board."""

    media_id: str | None = Field(description="null: a picture of another person's")
    box: BoxModel | None = Field(description="the part that was saved; null: the whole picture")
    image: str = Field(description="where the part that was saved is shown")

    @classmethod
    def of(cls, pin: boards_pb2.Pin, board_id: str, *, own: bool) -> CoverModel:
        return cls(media_id=_media_id(pin, own), box=_box(pin), image=_image(board_id, pin))


class BoardModel(Model):
    id: str
    name: str
    size: int = Field(description="how many pins it has")
    cover: CoverModel | None = Field(description="null: it is empty")
    shared: bool = Field(description="there is a link to it")
    own: bool = Field(description="false: another's, kept among one's own")
    created_at: datetime | None

    @classmethod
    def of(cls, board: boards_pb2.Board, *, own: bool = True) -> BoardModel:
        return cls(**_board(board, own=own))


class BoardsModel(Model):
    boards: list[BoardModel] = Field(description="one's own, in their order")
    kept: list[BoardModel] = Field(description="others' that they share, last kept first")

    @classmethod
    def of(cls, answer: boards_pb2.ListBoardsResponse) -> BoardsModel:
        return cls(
            boards=[BoardModel.of(board) for board in answer.boards],
            kept=[BoardModel.of(board, own=False) for board in answer.kept],
        )


class PinModel(Model):
    id: str
    media_id: str | None = Field(description="null: a picture of another person's")
    box: BoxModel | None = Field(description="the part that was saved; null: the whole picture")
    item: ItemModel | None
    note: str = Field(description="the person's own; empty on another's board")
    saved_at: datetime | None
    image: str = Field(description="where the part that was saved is shown")

    @classmethod
    def of(cls, pin: boards_pb2.Pin, board_id: str, items: Items, *, own: bool = True) -> PinModel:
        return cls(**_pin(pin, board_id, items, own=own))


class PinSavedModel(PinModel):
    clipped: bool = Field(description="the box left the picture and was clipped")

    @classmethod
    def saved(cls, answer: boards_pb2.SavePinResponse, board_id: str, items: Items) -> PinSavedModel:
        return cls(**_pin(answer.pin, board_id, items, own=True), clipped=answer.clipped)


class PinChangedModel(PinModel):
    board_id: str = Field(description="where it is now")

    @classmethod
    def changed(cls, answer: boards_pb2.UpdatePinResponse, items: Items) -> PinChangedModel:
        return cls(**_pin(answer.pin, answer.board_id, items, own=True), board_id=answer.board_id)


class BoardDetailModel(BoardModel):
    pins: list[PinModel] = Field(description="in the board's order; what was saved last comes first")
    next_cursor: str | None

    @classmethod
    def detailed(cls, answer: boards_pb2.GetBoardResponse, items: Items) -> BoardDetailModel:
        board_id = answer.board.board_id
        return cls(
            **_board(answer.board, own=answer.own),
            pins=[PinModel.of(pin, board_id, items, own=answer.own) for pin in answer.pins],
            next_cursor=answer.next_cursor or None,
        )


class BoardGivenModel(Model):
    name: str = Field(min_length=1, max_length=_NAME, description="1 to 80 characters", examples=["부엌"])


class BoardChangeModel(Model):
    """What is absent stays as it is."""

    name: str | None = Field(None, min_length=1, max_length=_NAME)
    position: int | None = Field(None, ge=0, le=10_000, description="among one's boards, from 0; past the end: last")

    @model_validator(mode="after")
    def _something_changes(self) -> BoardChangeModel:
        if self.name is None and self.position is None:
            raise ValueError("give name, position, or both")
        return self

    def proto(self, who: Who, board_id: str) -> boards_pb2.UpdateBoardRequest:
        return boards_pb2.UpdateBoardRequest(
            caller=caller(who), board_id=board_id, name=self.name, position=self.position
        )


class PinGivenModel(Model):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "media_id": "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001",
                    "box": {"x": 0.25, "y": 0.1, "width": 0.5, "height": 0.4},
                    "item_id": "chair-7",
                    "note": "for the corner",
                }
            ]
        },
    )

    media_id: str = Field(max_length=100, description="a picture that is searchable and stays")
    box: BoxModel | None = Field(None, description="the part that is meant; absent: the whole picture")
    item_id: str = Field("", max_length=200, description="where it is an item that is saved")
    note: str = Field("", max_length=_NOTE, description="at most 500 characters, for oneself alone")

    def proto(self, who: Who, board_id: str) -> boards_pb2.SavePinRequest:
        return boards_pb2.SavePinRequest(
            caller=caller(who),
            board_id=board_id,
            media_id=self.media_id,
            box=None if self.box is None else self.box.proto(),
            item_id=self.item_id,
            note=self.note,
        )


class PinChangeModel(Model):
    """What is absent stays as it is."""

    board_id: str | None = Field(None, max_length=100, description="another board of one's own, to move it to")
    position: int | None = Field(None, ge=0, le=10_000, description="on its board, from 0; past the end: last")
    note: str | None = Field(None, max_length=_NOTE)

    @model_validator(mode="after")
    def _something_changes(self) -> PinChangeModel:
        if self.board_id is None and self.position is None and self.note is None:
            raise ValueError("give board_id, position or note")
        return self

    def proto(self, who: Who, board_id: str, pin_id: str) -> boards_pb2.UpdatePinRequest:
        return boards_pb2.UpdatePinRequest(
            caller=caller(who),
            board_id=board_id,
            pin_id=pin_id,
            to_board_id=self.board_id,
            position=self.position,
            note=self.note,
        )


class MoreModel(Model):
    """Which items are meant."""

    filters: FiltersModel = Field(default_factory=FiltersModel)
    limit: int = Field(20, ge=1, le=100)

    def proto(self, who: Who, board: boards_pb2.DescribeBoardResponse) -> search_pb2.FindCandidatesRequest:
        """Each theme of the board asks for its share, and some to spare for what two of them find."""
        each = min(self.limit, 2 * -(-self.limit // max(1, len(board.themes))) + 5)
        return search_pb2.FindCandidatesRequest(
            caller=caller(who),
            encoder_space=board.encoder_space,
            queries=[search_pb2.CandidateQuery(vector=theme.vector, limit=each) for theme in board.themes],
            filters=self.filters.proto(),
            without_items=board.item_ids,
            without_media=board.media_ids,
        )


class MoreFoundModel(Model):
    hits: list[HitModel] = Field(
        description="what is nearest to each theme of the board, themes of most pins first, then what is second nearest, …"
    )
    partial: bool = Field(description="hits may be missing: too much passes the filters to look at it all")

    @classmethod
    def of(cls, answer: search_pb2.FindCandidatesResponse, limit: int) -> MoreFoundModel:
        rounds = zip_longest(*([candidate.hit for candidate in of.candidates] for of in answer.found))
        best: dict[str, search_pb2.Hit] = {}
        for hit in (hit for one_each in rounds for hit in one_each if hit is not None):
            best.setdefault(hit.item.item_id, hit)
        return cls(hits=[HitModel.of(hit, {}) for hit in list(best.values())[:limit]], partial=answer.partial)


class LinkModel(Model):
    token: str = Field(description="told once: only its hash is kept")
    url: str = Field(description="of the page that shows the board, on this host")

    @classmethod
    def of(cls, token: str) -> LinkModel:
        return cls(token=token, url=f"/#shared/{token}")  # after the '#', so that no server's log ever holds it


class KeepModel(Model):
    token: str = Field(max_length=200, description="of the link")


class SharedPinModel(Model):
    id: str
    media_id: str | None = Field(description="of the catalogue; null: the picture is the person's own")
    item: ItemModel | None
    image: str = Field(description="where the part that was saved is shown; needs no key")


class SharedBoardModel(Model):
    """What a board holds: no notes, and nothing of whose it is."""

    name: str
    size: int
    pins: list[SharedPinModel]
    next_cursor: str | None

    @classmethod
    def of(cls, answer: boards_pb2.OpenSharedBoardResponse, token: str, items: Items) -> SharedBoardModel:
        return cls(
            name=answer.board.name,
            size=answer.board.pins,
            pins=[
                SharedPinModel(
                    id=pin.pin_id,
                    media_id=_media_id(pin, own=False),
                    item=_item(pin, items),
                    image=f"/v1/boards/shared/{token}/pins/{pin.pin_id}/image",
                )
                for pin in answer.pins
            ],
            next_cursor=answer.next_cursor or None,
        )


class CompanionsModel(Model):
    items: list[ItemModel] = Field(description="most telling first")

    @classmethod
    def of(cls, item_ids: Iterable[str], items: Items) -> CompanionsModel:
        return cls(items=[ItemModel.of(items[item_id]) for item_id in item_ids if item_id in items])


def _board(board: boards_pb2.Board, *, own: bool) -> dict[str, object]:
    return {
        "id": board.board_id,
        "name": board.name,
        "size": board.pins,
        "cover": CoverModel.of(board.cover, board.board_id, own=own) if board.HasField("cover") else None,
        "shared": board.shared,
        "own": own,
        "created_at": time_of(board.created_at_ms),
    }


def _pin(pin: boards_pb2.Pin, board_id: str, items: Items, *, own: bool) -> dict[str, object]:
    return {
        "id": pin.pin_id,
        "media_id": _media_id(pin, own),
        "box": _box(pin),
        "item": _item(pin, items),
        "note": pin.note,
        "saved_at": time_of(pin.saved_at_ms),
        "image": _image(board_id, pin),
    }


def _media_id(pin: boards_pb2.Pin, own: bool) -> str | None:
    return pin.media_id if own or not pin.personal else None


def _box(pin: boards_pb2.Pin) -> BoxModel | None:
    return BoxModel.of(pin.box) if pin.HasField("box") else None


def _item(pin: boards_pb2.Pin, items: Items) -> ItemModel | None:
    return ItemModel.of(items[pin.item_id]) if pin.item_id in items else None


def _image(board_id: str, pin: boards_pb2.Pin) -> str:
    return f"/v1/me/boards/{board_id}/pins/{pin.pin_id}/image"
