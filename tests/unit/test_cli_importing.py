"""A feed on its way in: pictures become ids, and every line keeps its number."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from nungil.cli.errors import CommandFailed
from nungil.cli.importing import Report, pictures_in, read_feed, until_next_look_s

MUG_ID = "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001"


def a_feed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "items.csv"
    path.write_bytes(text.encode())
    return path


def test_pictures_become_ids_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    feed = read_feed(a_feed(tmp_path, 'id,image,title_en\nm,mug.jpg,"A ""mug"", white"\n'))
    assert feed.with_ids({"mug.jpg": MUG_ID}).decode() == f'id,image,title_en\nm,{MUG_ID},"A ""mug"", white"\n'


def test_a_picture_without_an_id_leaves_its_cell_empty(tmp_path: Path) -> None:
    feed = read_feed(a_feed(tmp_path, "id,image\na,absent.jpg\nb,mug.jpg\n"))
    assert feed.with_ids({"mug.jpg": MUG_ID}).decode() == f"id,image\na,\nb,{MUG_ID}\n"


def test_an_image_that_is_an_id_already_stays(tmp_path: Path) -> None:
    feed = read_feed(a_feed(tmp_path, f"id,image\na,{MUG_ID}\n"))
    assert feed.with_ids({}).decode() == f"id,image\na,{MUG_ID}\n"


def test_rows_begin_at_the_same_lines_after_as_before(tmp_path: Path) -> None:
    text = '\ufeffid,image,title_en\r\na,a.jpg,"two\r\nlines"\r\n\r\nb,b.jpg,one\r\n'
    feed = read_feed(a_feed(tmp_path, text))
    assert feed.image_by_line() == [(2, "a.jpg"), (5, "b.jpg")]
    (tmp_path / "again.csv").write_bytes(feed.with_ids({"a.jpg": MUG_ID, "b.jpg": MUG_ID}))
    assert [line for line, _ in read_feed(tmp_path / "again.csv").image_by_line()] == [2, 5]


def test_each_picture_is_named_once_in_the_order_of_the_rows(tmp_path: Path) -> None:
    assert read_feed(a_feed(tmp_path, "image,id\nb.jpg,1\na.jpg,2\nb.jpg,3\n,4\n")).images() == ["b.jpg", "a.jpg"]


def test_a_row_with_too_few_cells_is_passed_on_for_the_api_to_refuse(tmp_path: Path) -> None:
    written = read_feed(a_feed(tmp_path, "id,brand,image\nonly\n")).with_ids({}).decode()
    assert list(csv.reader(io.StringIO(written))) == [["id", "brand", "image"], ["only"]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"id,title_en\na,A\n", "no column `image`"),
        (b"", "no column `image`"),
        (b"id,image\n\xff,a.jpg\n", "no CSV in UTF-8"),
    ],
)
def test_what_is_no_feed_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "items.csv").write_bytes(data)
    with pytest.raises(CommandFailed, match=reason):
        read_feed(tmp_path / "items.csv")


def test_a_folder_gives_its_pictures_by_name_in_order_and_counts_what_is_left_out(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.heic", "a/notes.txt", ".hidden/d.jpg", ".e.jpg", "drawing.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    pictures, others = pictures_in(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in pictures] == ["a/c.heic", "b.JPG", "drawing.svg"]
    assert others == 1


def test_one_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"")
    assert pictures_in(tmp_path / "picture") == ([tmp_path / "picture"], 0)


def test_the_document_of_an_import_has_exactly_the_documented_keys() -> None:
    report = Report(accepted=2, duplicate=1, rejected=[("a.jpg", "no picture")], searchable=3, seconds=1.234)
    assert report.as_json() == {
        "accepted": 2,
        "duplicate": 1,
        "rejected": [{"file": "a.jpg", "reason": "no picture"}],
        "searchable": 3,
        "seconds": 1.23,
    }


def test_while_much_is_left_the_states_are_asked_for_seldom_and_towards_the_end_often() -> None:
    far, near, last = (until_next_look_s(settled, 400 - settled, within_s=settled / 20) for settled in (40, 380, 399))
    assert last < near < far <= 2.0


def test_while_nothing_moves_the_states_are_asked_for_as_before() -> None:
    assert until_next_look_s(0, 400, within_s=0.0) == until_next_look_s(0, 400, within_s=250.0) > 0
