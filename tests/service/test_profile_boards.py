"""Boards as profile keeps them: pins in an order, told by the outbox, gone with their pictures, shared by a link that can end."""

from __future__ import annotations

import pytest
from profile_builders import LEFT, NOW_MS, RIGHT, TENANT, a_deletion, a_picture, a_profile, a_record
from sqlalchemy import func, select

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.database.open import reading
from nungil.event_log import topics
from nungil.pictures.boxes import WHOLE, Box, InvalidBox
from services.profile.errors import (
    BoardFull,
    InvalidBoard,
    NoSuchBoard,
    NoSuchLink,
    NoSuchPicture,
    NoSuchPin,
    PictureNotKept,
    TooManyBoards,
    UnknownPerson,
)
from services.profile.handlers.boards import GoesWith
from services.profile.handlers.pins import Asked
from services.profile.store import boards_rows, tables

ALL = {"limit": 0, "cursor": ""}


@pytest.fixture
def profile(tmp_path):
    with a_profile(tmp_path) as profile:
        yield profile


@pytest.fixture
def mina(profile):
    mina = profile.a_person()
    profile.put(a_picture("m-1", owner=mina), *(a_picture(f"c-{n}", owner="catalogue") for n in range(12)))
    return mina


def a_board(profile, person_id, name="kitchen"):
    return profile.boards.create(TENANT, person_id, name).board_id


def save(profile, person_id, board_id, media_id="m-1", box=None, item_id="", note=""):
    return profile.pins.save(TENANT, person_id, board_id, Asked(media_id, box, item_id, note))


def pins(profile, person_id, board_id):
    return profile.boards.read(TENANT, person_id, board_id, **ALL).pins


def pictures(profile, person_id, board_id):
    return [pin.media_id for pin in pins(profile, person_id, board_id)]


def told(profile):
    return [
        (pb.ActivityKind.Name(event.kind).removeprefix("ACTIVITY_KIND_"), event.media_id) for event in profile.outbox()
    ]


def names(profile, person_id):
    return [board.name for board in profile.boards.of(TENANT, person_id)[0]]


def test_boards_are_made_named_and_ordered(profile, mina):
    first, second, third = (a_board(profile, mina, name) for name in ("kitchen", " garden  shed ", "여행"))
    assert names(profile, mina) == ["kitchen", "garden shed", "여행"]
    profile.boards.change(TENANT, mina, third, position=0)
    assert names(profile, mina) == ["여행", "kitchen", "garden shed"]
    changed = profile.boards.change(TENANT, mina, third, name="산", position=99)
    assert (changed.name, changed.board_id, changed.shared) == ("산", third, False)
    assert names(profile, mina) == ["kitchen", "garden shed", "산"]
    profile.boards.delete(TENANT, mina, first)
    assert names(profile, mina) == ["garden shed", "산"]
    with pytest.raises(NoSuchBoard):
        profile.boards.delete(TENANT, mina, first)
    assert second in {board.board_id for board in profile.boards.of(TENANT, mina)[0]}


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\u0000b", "a\u200eb"])
def test_a_name_that_cannot_be_is_refused(profile, mina, name):
    with pytest.raises(InvalidBoard, match="1 to 80"):
        profile.boards.create(TENANT, mina, name)
    board = a_board(profile, mina)
    with pytest.raises(InvalidBoard):
        profile.boards.change(TENANT, mina, board, name=name)


def test_a_person_has_so_many_boards_and_a_board_so_many_pins_at_most(profile, mina):
    boards = [a_board(profile, mina, str(n)) for n in range(5)]
    with pytest.raises(TooManyBoards, match="5 boards"):
        a_board(profile, mina)
    for n in range(10):
        save(profile, mina, boards[0], f"c-{n}")
    with pytest.raises(BoardFull, match="10 pins"):
        save(profile, mina, boards[0], "c-10")
    assert not save(profile, mina, boards[0], "c-9")[1]
    moved, _, _ = save(profile, mina, boards[1], "c-11")
    with pytest.raises(BoardFull):
        profile.pins.change(TENANT, mina, boards[1], moved.pin_id, to_board_id=boards[0])
    assert told(profile)[-1] == ("SAVED", "c-11")


def test_what_is_saved_is_told_once_with_ids_alone_and_is_first_on_its_board(profile, mina):
    board = a_board(profile, mina, "wedding plans")
    save(profile, mina, board, "c-1")
    pin, created, clipped = save(profile, mina, board, box=LEFT, item_id="i-1", note="for her birthday")
    assert (created, clipped, pin.note, pin.personal, pin.box) == (True, False, "for her birthday", True, LEFT)
    assert save(profile, mina, board, box=Box(0.00001, 0, 0.5, 1), item_id="i-1", note="other") == (pin, False, False)
    assert pictures(profile, mina, board) == ["m-1", "c-1"]
    assert told(profile) == [("SAVED", "c-1"), ("SAVED", "m-1")]
    event = profile.outbox()[-1]
    assert (event.person_id, event.item_id, event.occurred_at_ms) == (mina, "i-1", NOW_MS)
    assert (event.box.x, event.box.width) == (0.0, 0.5)
    with reading(profile.engine) as c:
        values = b"".join(row.value for row in c.execute(tables.OUTBOX.select()))
    assert b"wedding" not in values
    assert b"birthday" not in values


def test_a_part_is_told_as_saved_with_its_first_pin_and_as_unsaved_with_its_last(profile, mina):
    one, two = a_board(profile, mina), a_board(profile, mina, "two")
    first, second = (save(profile, mina, board, "c-1")[0] for board in (one, two))
    save(profile, mina, one, "c-1", LEFT)
    assert told(profile) == [("SAVED", "c-1")] * 2
    profile.pins.remove(TENANT, mina, one, first.pin_id)
    assert len(told(profile)) == 2
    profile.pins.remove(TENANT, mina, two, second.pin_id)
    assert told(profile)[2:] == [("UNSAVED", "c-1"), ("SAVED", "c-1")]
    whole, left, unsaved, again = profile.outbox()
    assert whole.occurred_at_ms == left.occurred_at_ms < unsaved.occurred_at_ms < again.occurred_at_ms
    assert (again.box, len({event.event_id for event in profile.outbox()})) == (left.box, 4)
    with pytest.raises(NoSuchPin):
        profile.pins.remove(TENANT, mina, two, second.pin_id)


def test_a_board_that_is_deleted_tells_of_what_is_kept_nowhere_else(profile, mina):
    one, two = a_board(profile, mina), a_board(profile, mina, "two")
    for board, media_id in ((one, "c-1"), (one, "c-2"), (two, "c-2")):
        save(profile, mina, board, media_id)
    save(profile, mina, one, "c-1", item_id="i-1")
    profile.boards.delete(TENANT, mina, one)
    assert told(profile)[2:] == [("UNSAVED", "c-1")]
    assert pictures(profile, mina, two) == ["c-2"]


def test_saving_makes_an_interest(profile, mina):
    board = a_board(profile, mina)
    save(profile, mina, board)
    [event] = profile.outbox()
    assert profile.read(a_record(topics.USER_ACTIVITY, mina, event.SerializeToString())) == []
    assert "dogs" in profile.interests(mina)


def test_an_interest_follows_from_the_parts_that_are_kept_whatever_was_saved_and_unsaved_between(profile, mina):
    profile.put(a_picture("two", owner=mina, shows={LEFT: [("golden_retriever", 0.9)], RIGHT: [("alp", 0.9)]}))
    one, two = a_board(profile, mina), a_board(profile, mina, "two")
    dog, _, _ = save(profile, mina, one, "two", LEFT)
    save(profile, mina, one, "two", RIGHT)
    copy, _, _ = save(profile, mina, two, "two", LEFT)
    heard = 0

    def learnt():
        nonlocal heard
        events = profile.outbox()[heard:]
        heard += len(events)
        records = [a_record(topics.USER_ACTIVITY, mina, event.SerializeToString()) for event in events]
        profile.now_ms += 1_000
        assert profile.read(*records, *records) == []
        return set(profile.interests(mina)) & {"dogs", "mountains"}

    assert learnt() == {"dogs", "mountains"}
    profile.pins.remove(TENANT, mina, one, dog.pin_id)
    assert learnt() == {"dogs", "mountains"}
    profile.pins.remove(TENANT, mina, two, copy.pin_id)
    assert learnt() == {"mountains"}
    save(profile, mina, two, "two", LEFT)
    assert learnt() == {"dogs", "mountains"}
    for board in (one, two):
        profile.boards.delete(TENANT, mina, board)
    assert learnt() == set()


def test_pins_are_moved_within_a_board_and_to_another_and_noted(profile, mina):
    one, two = a_board(profile, mina), a_board(profile, mina, "two")
    kept = {media_id: save(profile, mina, one, media_id)[0].pin_id for media_id in ("c-1", "c-2", "c-3")}
    profile.pins.change(TENANT, mina, one, kept["c-1"], position=0)
    assert pictures(profile, mina, one) == ["c-1", "c-3", "c-2"]
    noted = profile.pins.change(TENANT, mina, one, kept["c-1"], position=9, note="line\nline")
    assert noted.note == "line\nline"
    assert pictures(profile, mina, one) == ["c-3", "c-2", "c-1"]
    moved = profile.pins.change(TENANT, mina, one, kept["c-2"], to_board_id=two)
    assert (moved.board_id, moved.pin_id) == (two, kept["c-2"])
    assert (pictures(profile, mina, one), pictures(profile, mina, two)) == (["c-3", "c-1"], ["c-2"])
    again, _, _ = save(profile, mina, one, "c-2")
    assert profile.pins.change(TENANT, mina, one, again.pin_id, to_board_id=two).pin_id == kept["c-2"]
    assert pictures(profile, mina, one) == ["c-3", "c-1"]
    assert {kind for kind, _ in told(profile)} == {"SAVED"}
    save(profile, mina, one, "c-4")
    assert pictures(profile, mina, one) == ["c-4", "c-3", "c-1"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (Asked("unknown"), NoSuchPicture),
        (Asked("../m-1"), NoSuchPicture),
        (Asked("m-1", Box(2.0, 0.0, 1.0, 1.0)), InvalidBox),
        (Asked("m-1", note="x" * 501), InvalidBoard),
        (Asked("m-1", item_id="no id!"), InvalidBoard),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_told(profile, mina, asked, error):
    board = a_board(profile, mina)
    with pytest.raises(error):
        profile.pins.save(TENANT, mina, board, asked)
    assert pins(profile, mina, board) == ()
    assert profile.outbox() == []


def test_only_what_stays_and_may_be_seen_is_saved(profile, mina):
    juno = profile.a_person("juno")
    theirs = a_board(profile, juno)
    with pytest.raises(NoSuchPicture):
        save(profile, juno, theirs, "m-1")
    profile.put(a_picture("m-2", owner=juno), transient=True)
    with pytest.raises(PictureNotKept, match="keep it first"):
        save(profile, juno, theirs, "m-2")
    assert not save(profile, juno, theirs, "c-1", Box(-0.5, 0, 1, 1))[0].personal
    assert pins(profile, juno, theirs)[0].box == LEFT


def test_nobody_else_reads_or_writes_a_board(profile, mina):
    board = a_board(profile, mina)
    pin, _, _ = save(profile, mina, board)
    juno = profile.a_person("juno")
    theirs = a_board(profile, juno)
    stranger = profile.identify("elsewhere", "mina")
    for tenant, person_id in ((TENANT, juno), ("elsewhere", stranger), ("elsewhere", mina)):
        for attempt in (
            lambda t, p: profile.boards.read(t, p, board, **ALL),
            lambda t, p: profile.boards.pin(t, p, board, pin.pin_id),
            lambda t, p: profile.boards.change(t, p, board, name="mine"),
            lambda t, p: profile.boards.delete(t, p, board),
            lambda t, p: profile.pins.save(t, p, board, Asked("c-1")),
            lambda t, p: profile.pins.change(t, p, board, pin.pin_id, note="x"),
            lambda t, p: profile.pins.remove(t, p, board, pin.pin_id),
            lambda t, p: profile.sharing.share(t, p, board),
            lambda t, p: profile.sharing.unshare(t, p, board),
        ):
            with pytest.raises((NoSuchBoard, NoSuchPicture)):
                attempt(tenant, person_id)
    with pytest.raises(NoSuchBoard):
        profile.pins.change(TENANT, mina, board, pin.pin_id, to_board_id=theirs)
    assert pictures(profile, mina, board) == ["m-1"]
    with pytest.raises(UnknownPerson):
        profile.boards.create("elsewhere", mina, "x")


def test_a_board_is_read_in_pages_that_hold_each_pin_once(profile, mina):
    board = a_board(profile, mina)
    for n in range(7):
        save(profile, mina, board, f"c-{n}")
    read, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = profile.boards.read(TENANT, mina, board, limit=3, cursor=cursor)
        read += [pin.media_id for pin in page.pins]
        cursor, pages = page.cursor, pages + 1
    assert (read, pages) == ([f"c-{n}" for n in reversed(range(7))], 3)
    [listed] = profile.boards.of(TENANT, mina)[0]
    assert (listed.pins, listed.cover.media_id) == (7, "c-6")
    for wrong in ({"limit": 201, "cursor": ""}, {"limit": -1, "cursor": ""}, {"limit": 1, "cursor": "bm9uZQ"}):
        with pytest.raises(InvalidBoard):
            profile.boards.read(TENANT, mina, board, **wrong)
    with pytest.raises(InvalidBoard):
        profile.boards.read(TENANT, mina, board, limit=1, cursor="ü")


def test_a_deleted_picture_vanishes_from_every_board_and_cannot_be_saved_again(profile, mina):
    juno = profile.a_person("juno")
    hers, theirs = a_board(profile, mina), a_board(profile, juno)
    for person_id, board in ((mina, hers), (juno, theirs)):
        save(profile, person_id, board, "c-1", LEFT)
        save(profile, person_id, board, "c-1")
        save(profile, person_id, board, "c-2")
    assert profile.read(a_deletion("c-1"), a_deletion("c-1")) == []
    assert (pictures(profile, mina, hers), pictures(profile, juno, theirs)) == (["c-2"], ["c-2"])
    assert {kind for kind, _ in told(profile)} == {"SAVED"}
    with pytest.raises(NoSuchPicture):
        save(profile, mina, hers, "c-1")


def test_a_link_shows_the_board_without_notes_until_it_ends_and_only_its_hash_is_kept(profile, mina):
    board = a_board(profile, mina)
    pin, _, _ = save(profile, mina, board, note="secret")
    first = profile.sharing.share(TENANT, mina, board)
    assert [one.media_id for one in profile.sharing.open(first, **ALL).pins] == ["m-1"]
    assert profile.sharing.pin(first, pin.pin_id)[1] == pin
    with reading(profile.engine) as c:
        assert first not in str(c.execute(select(boards_rows.BOARDS)).all())
    second = profile.sharing.share(TENANT, mina, board)
    assert second != first
    for dead in (first, "", "x" * 43, "../.."):
        with pytest.raises(NoSuchLink):
            profile.sharing.open(dead, **ALL)
    assert profile.boards.of(TENANT, mina)[0][0].shared
    profile.sharing.unshare(TENANT, mina, board)
    for attempt in (lambda: profile.sharing.open(second, **ALL), lambda: profile.sharing.pin(second, pin.pin_id)):
        with pytest.raises(NoSuchLink):
            attempt()
    assert not profile.boards.of(TENANT, mina)[0][0].shared


def test_a_link_leads_to_no_pin_of_another_board(profile, mina):
    shared, other = a_board(profile, mina), a_board(profile, mina, "other")
    private, _, _ = save(profile, mina, other)
    token = profile.sharing.share(TENANT, mina, shared)
    with pytest.raises(NoSuchPin):
        profile.sharing.pin(token, private.pin_id)


def test_a_shared_board_is_kept_and_read_but_not_written_until_its_sharing_ends(profile, mina):
    juno = profile.a_person("juno")
    board = a_board(profile, mina)
    pin, _, _ = save(profile, mina, board)
    token = profile.sharing.share(TENANT, mina, board)
    for _ in range(2):
        assert profile.sharing.keep(TENANT, juno, token).board_id == board
    assert [kept.board_id for kept in profile.boards.of(TENANT, juno)[1]] == [board]
    assert pictures(profile, juno, board) == ["m-1"]
    assert profile.boards.pin(TENANT, juno, board, pin.pin_id)[1] == pin
    with pytest.raises(NoSuchBoard):
        save(profile, juno, board, "c-1")
    profile.sharing.share(TENANT, mina, board)
    assert pictures(profile, juno, board) == ["m-1"]
    profile.sharing.unshare(TENANT, mina, board)
    assert profile.boards.of(TENANT, juno)[1] == []
    with pytest.raises(NoSuchBoard):
        pins(profile, juno, board)


def test_a_kept_board_can_be_dropped_and_one_of_another_tenant_or_ones_own_is_not_kept(profile, mina):
    juno = profile.a_person("juno")
    board = a_board(profile, mina)
    token = profile.sharing.share(TENANT, mina, board)
    profile.sharing.keep(TENANT, juno, token)
    profile.sharing.drop(TENANT, juno, board)
    with pytest.raises(NoSuchBoard):
        profile.sharing.drop(TENANT, juno, board)
    profile.sharing.keep(TENANT, mina, token)
    assert profile.boards.of(TENANT, mina)[1] == []
    stranger = profile.identify("elsewhere", "juno")
    with pytest.raises(NoSuchLink):
        profile.sharing.keep("elsewhere", stranger, token)


def test_a_person_who_is_gone_leaves_no_board_no_pin_and_nothing_kept(profile, mina):
    juno = profile.a_person("juno")
    board = a_board(profile, mina)
    save(profile, mina, board)
    profile.sharing.keep(TENANT, juno, profile.sharing.share(TENANT, mina, board))
    with profile.engine.begin() as c:
        c.execute(tables.PEOPLE.delete().where(tables.PEOPLE.c.person_id == mina))
    with reading(profile.engine) as c:
        for table in (boards_rows.BOARDS, boards_rows.PINS, boards_rows.KEPT_BOARDS):
            assert c.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert profile.boards.of(TENANT, juno) == ([], [])


def keepers(profile, n, *items, consent=True, tenant=TENANT):
    """n people, each with a board of these items."""
    known = len(boards_of_all(profile))
    for person in range(n):
        person_id = profile.identify(tenant, f"keeper-{known + person}")
        profile.consents.set(tenant, person_id, pb.CONSENT_PURPOSE_PERSONALISE, consent)
        board = profile.boards.create(tenant, person_id, "b").board_id
        for item in items:
            profile.put(a_picture(f"p-{item}", owner="catalogue", tenant=tenant))
            profile.pins.save(tenant, person_id, board, Asked(f"p-{item}", item_id=item))


def boards_of_all(profile):
    with reading(profile.engine) as c:
        return c.execute(select(boards_rows.BOARDS.c.board_id)).all()


def test_what_several_people_keep_together_goes_together_and_what_is_kept_with_everything_comes_last(profile, mina):
    keepers(profile, 3, "chair", "lamp", "mug")
    keepers(profile, 4, "sofa", "mug")
    keepers(profile, 2, "chair", "rug")
    goes = GoesWith(profile.engine, 3)
    assert goes(TENANT, "", "chair", 0) == ["lamp", "mug"]
    assert goes(TENANT, "", "chair", 1) == ["lamp"]
    assert goes(TENANT, "", "mug", 0) == ["sofa", "lamp", "chair"]
    assert GoesWith(profile.engine, 2)(TENANT, "", "chair", 0) == ["lamp", "rug", "mug"]
    assert goes(TENANT, "", "rug", 0) == goes(TENANT, "", "", 0) == goes("elsewhere", "", "chair", 0) == []
    with pytest.raises(InvalidBoard):
        goes(TENANT, "", "chair", 51)


def test_only_people_who_consented_are_counted_and_never_the_one_who_asks(profile, mina):
    goes = GoesWith(profile.engine, 3)
    keepers(profile, 3, "chair", "lamp", consent=False)
    keepers(profile, 2, "chair", "lamp")
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_PERSONALISE, True)
    board = a_board(profile, mina)
    for item in ("chair", "lamp"):
        save(profile, mina, board, f"p-{item}", item_id=item)
    assert goes(TENANT, mina, "chair", 0) == []
    assert goes(TENANT, "", "chair", 0) == ["lamp"]
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_PERSONALISE, False)
    assert goes(TENANT, "", "chair", 0) == []
    keepers(profile, 1, "chair", "lamp")
    assert goes(TENANT, mina, "chair", 0) == ["lamp"]


def test_many_boards_of_one_person_count_once(profile, mina):
    profile.consents.set(TENANT, mina, pb.CONSENT_PURPOSE_PERSONALISE, True)
    for name in ("one", "two", "three"):
        board = a_board(profile, mina, name)
        for n in (1, 2):
            save(profile, mina, board, f"c-{n}", item_id=f"i-{n}")
    assert GoesWith(profile.engine, 2)(TENANT, "", "i-1", 0) == []
    assert GoesWith(profile.engine, 1)(TENANT, "", "i-1", 0) == ["i-2"]


def test_an_item_that_is_gone_vanishes_from_every_board(profile, mina):
    board = a_board(profile, mina)
    save(profile, mina, board, "c-1", item_id="i-1")
    save(profile, mina, board, "c-1")
    profile.boards.forget_items("elsewhere", ["i-1"])
    assert len(pins(profile, mina, board)) == 2
    profile.boards.forget_items(TENANT, ["i-1", ""])
    assert [pin.item_id for pin in pins(profile, mina, board)] == [""]
    assert pins(profile, mina, board)[0].box == WHOLE
