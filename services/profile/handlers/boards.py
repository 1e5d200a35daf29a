"""A person's boards: making, ordering and reading them, and what goes together on them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.api.profile.v1.profile_pb2 import CONSENT_PURPOSE_PERSONALISE
from nungil.database.open import reading
from nungil.database.outbox import put_out
from nungil.event_log.port import NewRecord
from nungil.runtime import ids
from nungil.runtime.clock import Clock
from services.profile import boards
from services.profile.boards import Board, Limits, Pin, PinsPage
from services.profile.errors import NoSuchBoard, NoSuchPin, TooManyBoards
from services.profile.handlers.people import must_exist
from services.profile.store import boards_rows, people_rows, tables
from services.profile.wire import boards as boards_wire


@dataclass(frozen=True)
class Boards:
    """Writes one person at a time, in transactions that hold that person's row. What is kept no more is told by the outbox."""

    engine: Engine
    clock: Clock
    woken: threading.Event
    limits: Limits

    def create(self, tenant: str, person_id: str, name: str) -> Board:
        """Last of the person's. Raises InvalidBoard, UnknownPerson, TooManyBoards."""
        board = Board(ids.new_board_id(), tenant, person_id, boards.checked_name(name), self.clock(), shared=False)
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            if boards_rows.count_boards(c, tenant, person_id) >= self.limits.boards:
                raise TooManyBoards(f"{self.limits.boards} boards are kept for a person at most: delete one first")
            boards_rows.add_board(c, board)
        return board

    def of(self, tenant: str, person_id: str) -> tuple[list[Board], list[Board]]:
        """The person's own in their order, and others' that they keep. Raises UnknownPerson."""
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
            return boards_rows.boards_of(c, tenant, person_id), boards_rows.boards_kept(c, tenant, person_id)

    def read(self, tenant: str, person_id: str, board_id: str, *, limit: int, cursor: str) -> PinsPage:
        """A page of a board that is the person's own, or that they keep. Raises InvalidBoard, NoSuchBoard."""
        with reading(self.engine) as c:
            board = boards_rows.find_visible(c, tenant, person_id, board_id)
            return page(c, found(board, board_id), limit=limit, cursor=cursor)

    def pin(self, tenant: str, person_id: str, board_id: str, pin_id: str) -> tuple[Board, Pin]:
        """One pin of such a board. Raises NoSuchBoard, NoSuchPin."""
        with reading(self.engine) as c:
            board = found(boards_rows.find_visible(c, tenant, person_id, board_id), board_id)
            return board, found_pin(boards_rows.find_pin(c, board, pin_id), pin_id)

    def change(
        self, tenant: str, person_id: str, board_id: str, *, name: str | None = None, position: int | None = None
    ) -> Board:
        """Renames, or puts at another place among the person's boards. Raises InvalidBoard, NoSuchBoard."""
        name = None if name is None else boards.checked_name(name)
        position = None if position is None else boards.checked_position(position)
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            if name is not None:
                boards_rows.rename_board(c, board, name)
            if position is not None:
                order = [one.board_id for one in boards_rows.boards_of(c, tenant, person_id)]
                boards_rows.order_boards(c, tenant, person_id, boards.moved(order, board_id, position))
            return own(c, tenant, person_id, board_id)

    def delete(self, tenant: str, person_id: str, board_id: str) -> None:
        """With its pins and its link. Raises NoSuchBoard."""
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            pins = boards_rows.pins_of(c, board)
            boards_rows.remove_board(c, board)
            put_out(c, tables.OUTBOX, unsaved(c, board, pins, self.clock()))
        self.woken.set()

    def forget_picture(self, tenant: str, media_id: str) -> None:
        """Takes a picture that is gone from every board. To be called once it is marked as removed, so that none is pinned after."""
        with reading(self.engine) as c:
            people = boards_rows.people_with_picture(c, tenant, media_id)
        for person_id in people:
            with self.engine.begin() as c:
                people_rows.lock_person(c, tenant, person_id)
                boards_rows.remove_picture(c, tenant, person_id, media_id)

    def forget_items(self, tenant: str, item_ids: Sequence[str]) -> None:
        """Takes items that are gone from every board."""
        with reading(self.engine) as c:
            people = boards_rows.people_with_items(c, tenant, item_ids)
        for person_id in people:
            with self.engine.begin() as c:
                people_rows.lock_person(c, tenant, person_id)
                boards_rows.remove_items(c, tenant, person_id, item_ids)


@dataclass(frozen=True)
class GoesWith:
    """What people keep on the same boards. Counts people who consented to `personalise`, and never fewer than `least_people`."""

    engine: Engine
    least_people: int

    def __call__(self, tenant: str, person_id: str, item_id: str, limit: int) -> list[str]:
        """Items, most telling first. person_id: who asks; they are not counted. Raises InvalidBoard."""
        limit = boards.checked_limit(limit, default=boards.DEFAULT_COMPANIONS, most=boards.MAX_COMPANIONS)
        if not item_id:
            return []
        with reading(self.engine) as c:
            return boards_rows.companions(
                c,
                tenant,
                item_id,
                purpose=CONSENT_PURPOSE_PERSONALISE,
                least_people=self.least_people,
                but_of=person_id,
                limit=limit,
            )


def own(c: Connection, tenant: str, person_id: str, board_id: str) -> Board:
    """One of the person's own, with the person locked. Raises NoSuchBoard."""
    people_rows.lock_person(c, tenant, person_id)
    return found(boards_rows.find_board(c, tenant, person_id, board_id), board_id)


def found(board: Board | None, board_id: str) -> Board:
    """Raises NoSuchBoard."""
    if board is None:
        raise NoSuchBoard(f"no board {board_id[:64]}")
    return board


def found_pin(pin: Pin | None, pin_id: str) -> Pin:
    """Raises NoSuchPin."""
    if pin is None:
        raise NoSuchPin(f"no pin {pin_id[:64]} on this board")
    return pin


def page(c: Connection, board: Board, *, limit: int, cursor: str) -> PinsPage:
    """Raises InvalidBoard."""
    limit = boards.checked_limit(limit, default=boards.DEFAULT_PINS, most=boards.MAX_PINS)
    pins = boards_rows.pins_of(c, board, after=boards.decode_cursor(cursor), limit=limit + 1)
    shown = tuple(pins[:limit])
    more = len(pins) > limit
    return PinsPage(board, shown, boards.encode_cursor((shown[-1].position, shown[-1].pin_id)) if more else "")


def unsaved(c: Connection, board: Board, pins: Sequence[Pin], now_ms: int) -> list[NewRecord]:
    """What is told of pins that were just removed: of each picture a part of which is on no board any more."""
    told: list[NewRecord] = []
    of_picture: dict[str, list[Pin]] = {}
    for pin in pins:
        of_picture.setdefault(pin.media_id, []).append(pin)
    for media_id, removed in of_picture.items():
        stay = boards_rows.parts_kept(c, board.tenant, board.person_id, media_id)
        gone = [pin for pin in removed if pin.box not in stay]
        if gone:
            at_ms = max(now_ms, *(pin.told_at_ms + 1 for pin in (*removed, *stay.values())))
            told += boards_wire.unsaved(board, gone[0], list(stay.values()), at_ms)
            boards_rows.note_told(c, board.tenant, board.person_id, media_id, at_ms + 1)
    return told
