"""The tables of boards and every statement on them. The caller brings the transaction; every statement names the tenant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from nungil.pictures.boxes import Box
from services.profile.boards import Board, Pin, Place
from services.profile.store.tables import CONSENTS, METADATA, person_column, theirs

_ROWS_COUNTED = 500  # of one item's pins, the newest: so many boards say what goes with it
_RANKED = (
    200  # of what goes with it, kept together by most people: so many are compared by how often they are kept anywhere
)


def _board(**of: Any) -> Column[Any]:
    return Column("board_id", String, ForeignKey("boards.board_id", ondelete="CASCADE"), **of)


BOARDS = Table(
    "boards",
    METADATA,
    Column("board_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    person_column(nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("token_hash", String, nullable=True),  # of its link; null: not shared
    UniqueConstraint("token_hash", name="boards_by_token"),
    Index("boards_in_order", "tenant", "person_id", "position"),
    Index("boards_by_person", "person_id"),
)
PINS = Table(
    "pins",
    METADATA,
    Column("pin_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    person_column(nullable=False),
    _board(nullable=False),
    Column("media_id", String, nullable=False),
    Column("box", String, nullable=False),
    Column("item_id", String, nullable=False),  # empty: none
    Column("note", Text, nullable=False),
    Column("personal", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("saved_at_ms", BigInteger, nullable=False),
    Column("told_at_ms", BigInteger, nullable=False),  # what is told later of its picture must occur later
    UniqueConstraint("board_id", "media_id", "box", "item_id", name="pins_by_content"),
    Index("pins_in_order", "board_id", "position"),
    Index("pins_by_media", "tenant", "media_id"),
    Index("pins_by_item", "tenant", "item_id", "person_id"),
    Index("pins_by_person", "person_id", "media_id"),
)
KEPT_BOARDS = Table(
    "kept_boards",
    METADATA,
    person_column(primary_key=True),
    _board(primary_key=True),
    Column("tenant", String, nullable=False),  # of both
    Column("kept_at_ms", BigInteger, nullable=False),
    Index("kept_boards_by_board", "board_id"),
)


# --- boards


def add_board(c: Connection, board: Board) -> None:
    """Last among its person's."""
    last = c.execute(select(func.max(BOARDS.c.position)).where(theirs(BOARDS, board.tenant, board.person_id))).scalar()
    c.execute(
        insert(BOARDS).values(
            board_id=board.board_id,
            tenant=board.tenant,
            person_id=board.person_id,
            name=board.name,
            position=0 if last is None else last + 1,
            created_at_ms=board.created_at_ms,
        )
    )


def count_boards(c: Connection, tenant: str, person_id: str) -> int:
    """How many a person has."""
    found = select(func.count()).select_from(BOARDS).where(theirs(BOARDS, tenant, person_id))
    return int(c.execute(found).scalar_one())


def boards_of(c: Connection, tenant: str, person_id: str) -> list[Board]:
    """A person's own, in their order, with counts and covers."""
    order = (BOARDS.c.position, BOARDS.c.board_id)
    return _boards(c, select(BOARDS).where(theirs(BOARDS, tenant, person_id)).order_by(*order))


def boards_kept(c: Connection, tenant: str, person_id: str) -> list[Board]:
    """Others' boards that a person keeps, last kept first."""
    found = select(BOARDS).join(KEPT_BOARDS, KEPT_BOARDS.c.board_id == BOARDS.c.board_id)
    order = (KEPT_BOARDS.c.kept_at_ms.desc(), BOARDS.c.board_id)
    return _boards(c, found.where(theirs(KEPT_BOARDS, tenant, person_id)).order_by(*order))


def find_board(c: Connection, tenant: str, person_id: str, board_id: str) -> Board | None:
    """One of the person's own."""
    found = _boards(c, select(BOARDS).where(theirs(BOARDS, tenant, person_id), BOARDS.c.board_id == board_id))
    return found[0] if found else None


def find_visible(c: Connection, tenant: str, person_id: str, board_id: str) -> Board | None:
    """One of the person's own, or one that they keep."""
    kept = select(KEPT_BOARDS.c.board_id).where(theirs(KEPT_BOARDS, tenant, person_id))
    mine = or_(BOARDS.c.person_id == person_id, BOARDS.c.board_id.in_(kept))
    found = _boards(c, select(BOARDS).where(BOARDS.c.tenant == tenant, BOARDS.c.board_id == board_id, mine))
    return found[0] if found else None


def find_shared(c: Connection, token_hash: str, *, locked: bool = False) -> Board | None:
    """The board behind a link, of whichever tenant: the link is the key. locked: its row, until the transaction ends."""
    behind = select(BOARDS).where(BOARDS.c.token_hash == token_hash)
    found = _boards(c, behind.with_for_update() if locked else behind) if token_hash else []
    return found[0] if found else None


def rename_board(c: Connection, board: Board, name: str) -> None:
    """Changes its name."""
    c.execute(update(BOARDS).where(_is_board(board)).values(name=name))


def order_boards(c: Connection, tenant: str, person_id: str, board_ids: Sequence[str]) -> None:
    """Puts a person's boards into this order. board_ids: all of them."""
    at = and_(theirs(BOARDS, tenant, person_id), BOARDS.c.board_id == bindparam("of_board"))
    places = [{"of_board": board_id, "place": place} for place, board_id in enumerate(board_ids)]
    c.execute(update(BOARDS).where(at).values(position=bindparam("place")), places)


def remove_board(c: Connection, board: Board) -> None:
    """Its pins go with it."""
    c.execute(delete(BOARDS).where(_is_board(board)))


# --- sharing


def set_link(c: Connection, board: Board, token_hash: str | None) -> None:
    """Replaces the link; None ends it."""
    c.execute(update(BOARDS).where(_is_board(board)).values(token_hash=token_hash))


def forget_keepers(c: Connection, board: Board) -> None:
    """Takes a board from everyone who keeps it."""
    at = and_(KEPT_BOARDS.c.tenant == board.tenant, KEPT_BOARDS.c.board_id == board.board_id)
    c.execute(delete(KEPT_BOARDS).where(at))


def keeps(c: Connection, tenant: str, person_id: str, board_id: str) -> bool:
    """Whether a person keeps this board of another."""
    at = and_(theirs(KEPT_BOARDS, tenant, person_id), KEPT_BOARDS.c.board_id == board_id)
    return c.execute(select(KEPT_BOARDS.c.board_id).where(at)).first() is not None


def count_kept(c: Connection, tenant: str, person_id: str) -> int:
    """How many of others' a person keeps."""
    found = select(func.count()).select_from(KEPT_BOARDS).where(theirs(KEPT_BOARDS, tenant, person_id))
    return int(c.execute(found).scalar_one())


def keep(c: Connection, board: Board, person_id: str, now_ms: int) -> None:
    """Another's, among one's own."""
    c.execute(
        insert(KEPT_BOARDS).values(tenant=board.tenant, person_id=person_id, board_id=board.board_id, kept_at_ms=now_ms)
    )


def drop_kept(c: Connection, tenant: str, person_id: str, board_id: str) -> bool:
    """Whether the person kept it."""
    at = and_(theirs(KEPT_BOARDS, tenant, person_id), KEPT_BOARDS.c.board_id == board_id)
    return c.execute(delete(KEPT_BOARDS).where(at)).rowcount > 0


# --- pins


def add_pin(c: Connection, board: Board, pin: Pin) -> None:
    """Keeps a new one, at its position."""
    c.execute(
        insert(PINS).values(
            pin_id=pin.pin_id,
            tenant=board.tenant,
            person_id=board.person_id,
            board_id=board.board_id,
            media_id=pin.media_id,
            box=_box_text(pin.box),
            item_id=pin.item_id,
            note=pin.note,
            personal=pin.personal,
            position=pin.position,
            saved_at_ms=pin.saved_at_ms,
            told_at_ms=pin.told_at_ms,
        )
    )


def first_position(c: Connection, board: Board) -> int:
    """Of a pin that goes before all others."""
    first = c.execute(select(func.min(PINS.c.position)).where(_on(board))).scalar()
    return 0 if first is None else int(first) - 1


def find_same(c: Connection, board: Board, media_id: str, box: Box, item_id: str) -> Pin | None:
    """The pin of this content on this board."""
    same = and_(PINS.c.media_id == media_id, PINS.c.box == _box_text(box), PINS.c.item_id == item_id)
    row = c.execute(select(PINS).where(_on(board), same)).first()
    return None if row is None else _pin(row)


def find_pin(c: Connection, board: Board, pin_id: str) -> Pin | None:
    """A pin of this board."""
    row = c.execute(select(PINS).where(_on(board), PINS.c.pin_id == pin_id)).first()
    return None if row is None else _pin(row)


def pins_of(c: Connection, board: Board, *, after: Place | None = None, limit: int | None = None) -> list[Pin]:
    """In the board's order. after: where the page before ended."""
    found = select(PINS).where(_on(board)).order_by(PINS.c.position, PINS.c.pin_id).limit(limit)
    if after is not None:
        later = or_(PINS.c.position > after[0], and_(PINS.c.position == after[0], PINS.c.pin_id > after[1]))
        found = found.where(later)
    return [_pin(row) for row in c.execute(found)]


def parts_kept(c: Connection, tenant: str, person_id: str, media_id: str) -> dict[Box, Pin]:
    """The parts of a picture that a person has on any board, each with the pin that came first."""
    found = select(PINS).where(theirs(PINS, tenant, person_id), PINS.c.media_id == media_id)
    rows = c.execute(found.order_by(PINS.c.saved_at_ms.desc(), PINS.c.pin_id.desc()))
    return {pin.box: pin for pin in map(_pin, rows)}


def note_told(c: Connection, tenant: str, person_id: str, media_id: str, at_ms: int) -> None:
    """When it was told last that parts of this picture are kept."""
    at = and_(theirs(PINS, tenant, person_id), PINS.c.media_id == media_id)
    c.execute(update(PINS).where(at).values(told_at_ms=at_ms))


def put_pin(c: Connection, board: Board, pin_id: str, *, position: int) -> None:
    """Moves a pin of the board's person to this board."""
    at = and_(theirs(PINS, board.tenant, board.person_id), PINS.c.pin_id == pin_id)
    c.execute(update(PINS).where(at).values(board_id=board.board_id, position=position))


def set_note(c: Connection, board: Board, pin_id: str, note: str) -> None:
    """Replaces."""
    c.execute(update(PINS).where(_on(board), PINS.c.pin_id == pin_id).values(note=note))


def order_pins(c: Connection, board: Board, pin_ids: Sequence[str]) -> None:
    """Puts a board's pins into this order. pin_ids: all of them."""
    at = and_(_on(board), PINS.c.pin_id == bindparam("of_pin"))
    places = [{"of_pin": pin_id, "place": place} for place, pin_id in enumerate(pin_ids)]
    c.execute(update(PINS).where(at).values(position=bindparam("place")), places)


def remove_pin(c: Connection, board: Board, pin_id: str) -> None:
    """Removes one."""
    c.execute(delete(PINS).where(_on(board), PINS.c.pin_id == pin_id))


def people_with_picture(c: Connection, tenant: str, media_id: str) -> list[str]:
    """Who has a part of this picture on a board, in order."""
    found = select(PINS.c.person_id).where(PINS.c.tenant == tenant, PINS.c.media_id == media_id)
    return sorted(c.execute(found.distinct()).scalars())


def people_with_items(c: Connection, tenant: str, item_ids: Sequence[str]) -> list[str]:
    """Who has any of these items on a board, in order."""
    found = select(PINS.c.person_id).where(PINS.c.tenant == tenant, _is_any_item(item_ids))
    return sorted(c.execute(found.distinct()).scalars())


def remove_picture(c: Connection, tenant: str, person_id: str, media_id: str) -> None:
    """Removes a picture from every board of a person."""
    c.execute(delete(PINS).where(theirs(PINS, tenant, person_id), PINS.c.media_id == media_id))


def remove_items(c: Connection, tenant: str, person_id: str, item_ids: Sequence[str]) -> None:
    """Removes these items from every board of a person."""
    c.execute(delete(PINS).where(theirs(PINS, tenant, person_id), _is_any_item(item_ids)))


# --- what goes together


def companions(
    c: Connection, tenant: str, item_id: str, *, purpose: int, least_people: int, but_of: str, limit: int
) -> list[str]:
    """Items on the same boards as this one, by lift, of people who gave the consent `purpose`; the person `but_of` aside.

    Lift: how much likelier an item is kept beside this one than anywhere; the number of people who keep both over the number
    of those who keep it, as the rest is the same for all. Ties: more people first, then by id.
    """
    consented = and_(
        CONSENTS.c.tenant == tenant,
        CONSENTS.c.person_id == PINS.c.person_id,
        CONSENTS.c.purpose == purpose,
        CONSENTS.c.given,
    )
    counted = and_(PINS.c.tenant == tenant, PINS.c.person_id != but_of)
    of_consented = select(PINS.c.item_id, PINS.c.person_id, PINS.c.board_id).join(CONSENTS, consented).where(counted)
    of_item = of_consented.where(PINS.c.item_id == item_id)
    boards = of_item.order_by(PINS.c.saved_at_ms.desc(), PINS.c.pin_id).limit(_ROWS_COUNTED).subquery()
    beside = and_(PINS.c.tenant == tenant, PINS.c.item_id.not_in(("", item_id)))
    people = func.count(PINS.c.person_id.distinct())
    both = (
        select(PINS.c.item_id, people.label("people"))
        .join(boards, boards.c.board_id == PINS.c.board_id)
        .where(beside)
        .group_by(PINS.c.item_id)
        .having(people >= least_people)
        .order_by(people.desc(), PINS.c.item_id)
        .limit(_RANKED)
    )
    together = {row.item_id: row.people for row in c.execute(both)}
    anywhere = of_consented.where(PINS.c.item_id.in_(together)).subquery()
    each = select(anywhere.c.item_id, func.count(anywhere.c.person_id.distinct()).label("people"))
    keepers = {row.item_id: row.people for row in c.execute(each.group_by(anywhere.c.item_id))}
    ranked = sorted(together, key=lambda one: (-together[one] / keepers[one], -together[one], one))
    return ranked[:limit]


def _boards(c: Connection, found: Any) -> list[Board]:
    """With counts and covers, in the order of `found`."""
    rows = c.execute(found).all()
    ids = [row.board_id for row in rows]
    counted = select(PINS.c.board_id, func.count().label("pins")).where(PINS.c.board_id.in_(ids))
    counts = {row.board_id: row.pins for row in c.execute(counted.group_by(PINS.c.board_id))}
    place = func.row_number().over(partition_by=PINS.c.board_id, order_by=(PINS.c.position, PINS.c.pin_id))
    ranked = select(PINS, place.label("place")).where(PINS.c.board_id.in_(ids)).subquery()
    covers = {row.board_id: _pin(row) for row in c.execute(select(ranked).where(ranked.c.place == 1))}
    return [
        Board(
            row.board_id,
            row.tenant,
            row.person_id,
            row.name,
            row.created_at_ms,
            row.token_hash is not None,
            counts.get(row.board_id, 0),
            covers.get(row.board_id),
        )
        for row in rows
    ]


def _is_board(board: Board) -> ColumnElement[bool]:
    return and_(BOARDS.c.tenant == board.tenant, BOARDS.c.board_id == board.board_id)


def _on(board: Board) -> ColumnElement[bool]:
    return and_(PINS.c.tenant == board.tenant, PINS.c.board_id == board.board_id)


def _is_any_item(item_ids: Sequence[str]) -> ColumnElement[bool]:
    return PINS.c.item_id.in_([item_id for item_id in item_ids if item_id])


def _box_text(box: Box) -> str:
    return json.dumps([float(side) for side in (box.x, box.y, box.width, box.height)])


def _pin(row: Any) -> Pin:
    return Pin(
        row.pin_id,
        row.board_id,
        row.media_id,
        Box(*json.loads(row.box)),
        row.item_id,
        row.note,
        row.personal,
        row.position,
        row.saved_at_ms,
        row.told_at_ms,
    )
