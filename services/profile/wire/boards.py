"""Between messages and boards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.profile.v1 import boards_pb2 as pb
from nungil.api.profile.v1 import profile_pb2
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.event_log import topics
from nungil.event_log.port import NewRecord
from nungil.pictures.boxes import WHOLE
from nungil.pictures.features import box_to_proto
from nungil.runtime import tracing
from services.profile import boards
from services.profile.boards import Board, Pin


def board_to_proto(board: Board, *, notes: bool = True) -> pb.Board:
    """notes: whether its cover tells its note."""
    return pb.Board(
        board_id=board.board_id,
        name=board.name,
        pins=board.pins,
        shared=board.shared,
        cover=pin_to_proto(board.cover, notes=notes) if board.cover else None,
        created_at_ms=board.created_at_ms,
    )


def pin_to_proto(pin: Pin, *, notes: bool = True) -> pb.Pin:
    """A pin."""
    return pb.Pin(
        pin_id=pin.pin_id,
        media_id=pin.media_id,
        box=None if pin.box == WHOLE else box_to_proto(pin.box),
        item_id=pin.item_id,
        note=pin.note if notes else "",
        saved_at_ms=pin.saved_at_ms,
        personal=pin.personal,
    )


def pins_to_proto(pins: Iterable[Pin], *, notes: bool = True) -> list[pb.Pin]:
    """In the same order."""
    return [pin_to_proto(pin, notes=notes) for pin in pins]


def shown_to_proto(board: Board, pin: Pin) -> pb.Shown:
    """Whose picture a pin shows."""
    return pb.Shown(
        owner=Caller(tenant=board.tenant, person_id=board.person_id),
        media_id=pin.media_id,
        box=None if pin.box == WHOLE else box_to_proto(pin.box),
    )


def saved(board: Board, pin: Pin) -> NewRecord:
    """The activity of a person who keeps this part of this picture now, and did not before."""
    return _activity(
        board, pin, profile_pb2.ACTIVITY_KIND_SAVED, event_id=boards.saved_event_id(pin.pin_id), at_ms=pin.saved_at_ms
    )


def unsaved(board: Board, pin: Pin, stay: Sequence[Pin], at_ms: int) -> list[NewRecord]:
    """The activities of a person who keeps this part of the picture no more, and other parts of it still: unsaving takes the
    whole picture back, so these are told again, a moment later. stay: a pin of each part that is kept."""
    kinds = profile_pb2.ACTIVITY_KIND_UNSAVED, profile_pb2.ACTIVITY_KIND_SAVED
    gone = _activity(board, pin, kinds[0], event_id=boards.unsaved_event_id(pin.pin_id), at_ms=at_ms)
    again = (
        _activity(board, one, kinds[1], event_id=boards.still_saved_event_id(one.pin_id, pin.pin_id), at_ms=at_ms + 1)
        for one in stay
    )
    return [gone, *again]


def _activity(
    board: Board, pin: Pin, kind: profile_pb2.ActivityKind.ValueType, *, event_id: str, at_ms: int
) -> NewRecord:
    """Ids alone: neither the board's name nor the pin's note."""
    event = UserActivity(
        event_id=event_id,
        tenant=board.tenant,
        person_id=board.person_id,
        kind=kind,
        media_id=pin.media_id,
        box=None if pin.box == WHOLE else box_to_proto(pin.box),
        item_id=pin.item_id,
        occurred_at_ms=at_ms,
    )
    headers = {**tracing.inject(), "event": "UserActivity"}
    return NewRecord(topics.USER_ACTIVITY, board.person_id, event.SerializeToString(), headers)
