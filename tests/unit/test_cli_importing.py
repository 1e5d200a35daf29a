"""A feed on its way in: pictures become ids, and every line keeps its number."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from nungil.cli.errors import CommandFailed
from nungil.cli.feeds import Terms, format_of, read_addresses, read_feed
from nungil.cli.importing import Report, pictures_in, until_next_look_s

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
    assert read_feed(a_feed(tmp_path, "image,id\nb.jpg,1\na.jpg,2\nb.jpg,3\n,4\n")).files() == ["b.jpg", "a.jpg"]


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


ADDRESS = "https://cdn.example/mug.jpg"


def test_an_address_is_no_file_and_stays(tmp_path: Path) -> None:
    feed = read_feed(a_feed(tmp_path, f"id,image\na,{ADDRESS}\nb,mug.jpg\n"))
    assert feed.files() == ["mug.jpg"]
    assert feed.with_ids({"mug.jpg": MUG_ID}).decode() == f"id,image\na,{ADDRESS}\nb,{MUG_ID}\n"


def test_pictures_of_json_lines_become_ids_and_every_line_keeps_its_number(tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "image": "mug.jpg", "price": 12.90}',
        "",
        "no JSON",
        '{"id": "b", "image": ["absent.jpg", "mug.jpg", "' + ADDRESS + '"]}',
        '{"id": "c",   "image": "' + ADDRESS + '"}',
        '{"id": "d"}',
    ]
    feed = read_feed(a_feed(tmp_path, "\n".join(lines)), "jsonl")
    assert feed.files() == ["mug.jpg", "absent.jpg"]
    assert feed.image_by_line()[:2] == [(1, "mug.jpg"), (4, "absent.jpg")]
    written = feed.with_ids({"mug.jpg": MUG_ID}).decode().split("\n")
    assert json.loads(written[0]) == {"id": "a", "image": MUG_ID, "price": "12.90"}
    assert json.loads(written[3])["image"] == ["", MUG_ID, ADDRESS]
    assert (written[1:3], written[4:]) == (lines[1:3], lines[4:])


@pytest.mark.parametrize("format_", ["google", "naver"])
def test_a_feed_of_anothers_format_goes_as_it_is(tmp_path: Path, format_: str) -> None:
    feed = read_feed(a_feed(tmp_path, "id\timage_link\n1\tmug.jpg\n"), format_)
    assert (feed.files(), feed.image_by_line(), feed.count()) == ([], [], 2)
    assert feed.with_ids({"mug.jpg": MUG_ID}) == b"id\timage_link\n1\tmug.jpg\n"


def test_the_format_is_what_is_said_or_what_the_name_says() -> None:
    names = ("a.csv", "a.JSONL", "a.ndjson", "a.xml")
    assert [format_of(Path(name), None) for name in names] == ["csv", "jsonl", "jsonl", "google"]
    assert format_of(Path("a.txt"), "naver") == "naver"
    with pytest.raises(CommandFailed, match="--format csv, jsonl, google, naver"):
        format_of(Path("a.tsv"), None)


def test_only_terms_that_are_said_are_sent() -> None:
    assert Terms("csv").as_parameters() == {"format": "csv"}
    assert Terms("naver", full=True, force=True, shop="Maru").as_parameters() == {
        "format": "naver",
        "shop": "Maru",
        "mode": "full",
        "force": "true",
    }


def test_files_and_their_addresses_are_read_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "mug.jpg").write_bytes(b"x")
    (tmp_path / "images.csv").write_text(f"url,file\n{ADDRESS},mug.jpg\n{ADDRESS}?v=2,mug.jpg\n")
    assert read_addresses(tmp_path / "images.csv") == {tmp_path / "mug.jpg": [ADDRESS, f"{ADDRESS}?v=2"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must begin with the line url,file"),
        ("address,file\na,b\n", "must begin with the line url,file"),
        (f"url,file\n{ADDRESS},\n", "images.csv:2 names no url or no file"),
        (f"url,file\n{ADDRESS},absent.jpg\n", "names 1 files that are not there"),
    ],
)
def test_a_table_of_addresses_that_cannot_be_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(CommandFailed, match=says):
        read_addresses(tmp_path / "images.csv")


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
