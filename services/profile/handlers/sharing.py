"""Sharing a board by a link, and keeping what others share."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from nungil.database.open import reading
from nungil.runtime.clock import Clock
from services.profile import boards
from services.profile.boards import Board, Limits, Pin, PinsPage
from services.profile.errors import NoSuchBoard, NoSuchLink, TooManyBoards
from services.profile.handlers.boards import found_pin, own, page
from services.profile.handlers.people import must_exist
from services.profile.store import boards_rows, people_rows

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sharing:
    """Of a link only the hash is kept. Who has it sees what the board holds, and nothing else of its person."""

    engine: Engine
    clock: Clock
    limits: Limits

    def share(self, tenant: str, person_id: str, board_id: str) -> str:
        """The token of a new link; the link before leads nowhere from then on. Raises NoSuchBoard."""
        token = boards.new_token()
        with self.engine.begin() as c:
            boards_rows.set_link(c, own(c, tenant, person_id, board_id), boards.token_hash(token))
        logger.info("board %s is shared", board_id)
        return token

    def unshare(self, tenant: str, person_id: str, board_id: str) -> None:
        """Ends the link, and takes the board from everyone who kept it. Raises NoSuchBoard."""
        with self.engine.begin() as c:
            board = own(c, tenant, person_id, board_id)
            boards_rows.set_link(c, board, None)
            boards_rows.forget_keepers(c, board)
        logger.info("board %s is shared no more", board_id)

    def open(self, token: str, *, limit: int, cursor: str) -> PinsPage:
        """For anyone. Raises NoSuchLink, InvalidBoard."""
        with reading(self.engine) as c:
            return page(c, _behind(c, token), limit=limit, cursor=cursor)

    def pin(self, token: str, pin_id: str) -> tuple[Board, Pin]:
        """For anyone. Raises NoSuchLink, NoSuchPin."""
        with reading(self.engine) as c:
            board = _behind(c, token)
            return board, found_pin(boards_rows.find_pin(c, board, pin_id), pin_id)

    def keep(self, tenant: str, person_id: str, token: str) -> Board:
        """Another's board, listed among one's own from now on; one's own stays as it is.

        Raises NoSuchLink, also for another tenant's, UnknownPerson, TooManyBoards.
        """
        with self.engine.begin() as c:
            must_exist(people_rows.lock_person(c, tenant, person_id), person_id)
            board = _behind(c, token, locked=True)
            if board.tenant != tenant:
                raise NoSuchLink
            if board.person_id == person_id or boards_rows.keeps(c, tenant, person_id, board.board_id):
                return board
            if boards_rows.count_kept(c, tenant, person_id) >= self.limits.boards:
                raise TooManyBoards(f"{self.limits.boards} boards of others are kept at most: drop one first")
            boards_rows.keep(c, board, person_id, self.clock())
        return board

    def drop(self, tenant: str, person_id: str, board_id: str) -> None:
        """Keeps it no more. Raises NoSuchBoard."""
        with self.engine.begin() as c:
            if not boards_rows.drop_kept(c, tenant, person_id, board_id):
                raise NoSuchBoard(f"no board {board_id[:64]} of another is kept")


def _behind(c: Connection, token: str, *, locked: bool = False) -> Board:
    """locked: its link does not end before the transaction does."""
    board = boards_rows.find_shared(c, boards.token_hash(token), locked=locked)
    if board is None:
        raise NoSuchLink
    return board
