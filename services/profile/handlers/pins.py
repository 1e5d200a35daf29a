"""Saving to a board, moving, noting, and taking off again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from nungil.database.outbox import put_out
from nungil.pictures.boxes import Box
from nungil.runtime import ids
from nungil.runtime.clock import Clock
from nungil.runtime.ids import ID
from services.profile import boards
from services.profile.boards import Board, Limits, Pin
from services.profile.errors import BoardFull, InvalidBoard, NoSuchPicture
from services.profile.handlers.boards import found_pin, own, unsaved
from services.profile.journal import FeatureObjects
from services.profile.pictures import visible
from services.profile.store import boards_rows, journal_rows, tables
from services.profile.wire import boards as boards_wire


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be saved. box None: the whole picture. item_id empty: no item."""

    media_id: str
    box: Box | None = None
    item_id: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pins:
    """Writes one person at a time, in transactions that hold that person's row. What is kept, and no more, is told by the outbox."""

    engine: Engine
    features: FeatureObjects
    clock: Clock
    woken: threading.Event
    limits: Limits

    def save(self, tenant: str, person_id: str, board_id: str, asked: Asked) -> tuple[Pin, bool, bool]:
        """The pin, before the board's others; whether it is new; whether its box was clipped.

        Raises InvalidBoard, InvalidBox, NoSuchBoard, BoardFull, NoSuchPicture, PictureNotKept.
        """
        note = boards.checked_note(asked.note)
        box, clipped = boards.checked_part(asked.media_id, asked.box)
        if asked.item_id and not ID.fullmatch(asked.item_id):
            raise InvalidBoard(f"{asked.item_id[:64]!r} is no item's id")
        features = visible(self.features, tenant, person_id, asked.media_id)
        personal = features.owner == person_id
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            journal_rows.keep_pictures(c, tenant, [asked.media_id])
            if journal_rows.removed(c, tenant, [asked.media_id]):
                raise NoSuchPicture(f"no picture {asked.media_id}")
            known = boards_rows.find_same(c, board, asked.media_id, box, asked.item_id)
            if known is not None:
                return known, False, clipped
            self._check_room(board)
            place = boards_rows.first_position(c, board)
            now_ms = self.clock()
            pin = Pin(
                ids.new_pin_id(), board_id, asked.media_id, box, asked.item_id, note, personal, place, now_ms, now_ms
            )
            kept_before = box in boards_rows.parts_kept(c, tenant, person_id, asked.media_id)
            boards_rows.add_pin(c, board, pin)
            put_out(c, tables.OUTBOX, [] if kept_before else [boards_wire.saved(board, pin)])
        self.woken.set()
        return pin, True, clipped

    def change(
        self,
        tenant: str,
        person_id: str,
        board_id: str,
        pin_id: str,
        *,
        to_board_id: str | None = None,
        position: int | None = None,
        note: str | None = None,
    ) -> Pin:
        """Notes, moves to another board, and to another place; the pin as it is then.

        Raises InvalidBoard, NoSuchBoard, NoSuchPin, BoardFull.
        """
        note = None if note is None else boards.checked_note(note)
        position = None if position is None else boards.checked_position(position)
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            pin = found_pin(boards_rows.find_pin(c, board, pin_id), pin_id)
            if note is not None:
                boards_rows.set_note(c, board, pin_id, note)
            if to_board_id is not None and to_board_id != board_id:
                other = own(c, tenant, person_id, to_board_id)
                pin, board = self._move(c, board, other, pin), other
            if position is not None:
                order = [one.pin_id for one in boards_rows.pins_of(c, board)]
                boards_rows.order_pins(c, board, boards.moved(order, pin.pin_id, position))
            return found_pin(boards_rows.find_pin(c, board, pin.pin_id), pin.pin_id)

    def remove(self, tenant: str, person_id: str, board_id: str, pin_id: str) -> None:
        """Raises NoSuchBoard, NoSuchPin."""
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            pin = found_pin(boards_rows.find_pin(c, board, pin_id), pin_id)
            boards_rows.remove_pin(c, board, pin_id)
            put_out(c, tables.OUTBOX, unsaved(c, board, [pin], self.clock()))
        self.woken.set()

    def _move(self, c: Connection, board: Board, to: Board, pin: Pin) -> Pin:
        """Before the other board's others; where that has the same pin already, into that one."""
        same = boards_rows.find_same(c, to, pin.media_id, pin.box, pin.item_id)
        if same is not None:
            boards_rows.remove_pin(c, board, pin.pin_id)
            return same
        self._check_room(to)
        place = boards_rows.first_position(c, to)
        boards_rows.put_pin(c, to, pin.pin_id, position=place)
        return replace(pin, board_id=to.board_id, position=place)

    def _check_room(self, board: Board) -> None:
        if board.pins >= self.limits.pins:
            raise BoardFull(f"a board takes {self.limits.pins} pins at most: remove one, or use another board")
