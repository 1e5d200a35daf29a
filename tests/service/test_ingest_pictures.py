"""Pictures in ingest: checked, cleaned, stored once, seen by whom they may be seen by, deleted."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_builders import (
    CATALOGUE,
    JUN,
    MINA,
    NOBODY,
    PERSONAL,
    SEARCH,
    STRANGER,
    Embedded,
    Ingest,
    a_record,
    an_embedded,
    an_ingest,
    features_key_of,
    some_features,
)
from picture_builders import CANARY, a_picture, a_png_bomb, an_animation
from PIL import Image

from nungil.api.ingest.v1 import events_pb2, ingest_pb2
from nungil.object_store import keys
from nungil.pictures.errors import MisnamedPicture, TooManyFrames, TooManyPixels, UndecodablePicture, UnsupportedPicture
from nungil.runtime.errors import NotFound, Rejected
from nungil.taxonomy.taxonomy import load_taxonomy
from services.ingest import wire
from services.ingest.errors import InvalidQuery, InvalidUpload, NobodyAsks, NoSuchPicture

ACCEPTED, SEARCHABLE, REJECTED = (
    ingest_pb2.MEDIA_STATE_ACCEPTED,
    ingest_pb2.MEDIA_STATE_SEARCHABLE,
    ingest_pb2.MEDIA_STATE_REJECTED,
)


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with an_ingest(tmp_path) as ingest:
        yield ingest


def test_a_picture_is_stored_with_its_event_in_one_transaction(ingest: Ingest) -> None:
    put = ingest.put(data=a_picture(96, 64), file_name="our holiday.jpg")
    [event] = ingest.media_events()
    assert put.media.state == ACCEPTED
    assert (put.media.width_px, put.media.height_px) == (96, 64)
    assert (event.tenant, event.media_id, event.owner) == ("acme", put.media.media_id, "p-mina")
    assert (event.change, event.version, event.purpose) == (events_pb2.MediaChanged.CHANGE_UPLOADED, 1, PERSONAL)
    assert event.object_key in ingest.stored()
    assert ingest.outbox()[0][1] == put.media.media_id


def test_a_file_name_stays_with_its_owner_and_out_of_the_event(ingest: Ingest) -> None:
    put = ingest.put(file_name=r"C:\fakepath\our holiday.jpg", source_url="https://example.org/us")
    assert put.media.file_name == "our holiday.jpg"
    [(_, _, value)] = ingest.outbox()
    assert value is not None
    assert b"holiday" not in value
    assert b"example.org" not in value


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_no_note_beside_the_pixels_is_in_any_stored_byte(ingest: Ingest, format_: str) -> None:
    data = a_picture(format_=format_, private=True, taken_on="2024-05-01")
    assert CANARY.encode() in data
    ingest.put(data=data)
    ingest.put(data=data, purpose=SEARCH)
    files = [path for path in ingest.folder.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        content = path.read_bytes()
        for planted in (
            CANARY[:13].encode(),
            CANARY[:13].encode("utf-16-be"),
            b"2024:05:01",
            b"Exif\0",
            b"adobe:ns:meta",
        ):
            assert planted not in content, f"{planted!r} in {path}"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_what_is_stored_has_no_metadata_that_a_reader_can_find(ingest: Ingest, format_: str) -> None:
    put = ingest.put(data=a_picture(format_=format_, private=True))
    for key in (keys.original_key("acme", put.media.media_id), keys.rendition_key("acme", put.media.media_id)):
        with Image.open(io.BytesIO(ingest.objects.get(key))) as image:
            notes = set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "loop", "background"}
            notes -= {"timestamp", "duration"}
            assert notes == set()
            assert len(image.getexif()) == 0


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_what_is_stored_stands_upright(ingest: Ingest, format_: str, orientation: int) -> None:
    put = ingest.put(data=a_picture(96, 64, format_=format_, orientation=orientation))
    upright = (96, 64) if orientation == 3 else (64, 96)
    assert (put.media.width_px, put.media.height_px) == upright
    for key in (keys.original_key("acme", put.media.media_id), keys.rendition_key("acme", put.media.media_id)):
        with Image.open(io.BytesIO(ingest.objects.get(key))) as image:
            assert image.size == upright


def test_a_rendition_is_a_jpeg_of_at_most_1600_px_and_the_original_keeps_its_pixels(ingest: Ingest) -> None:
    put = ingest.put(data=a_picture(2400, 600, format_="PNG"))
    with Image.open(io.BytesIO(ingest.objects.get(keys.rendition_key("acme", put.media.media_id)))) as rendition:
        assert (rendition.format, rendition.size) == ("JPEG", (1600, 400))
    with Image.open(io.BytesIO(ingest.objects.get(keys.original_key("acme", put.media.media_id)))) as original:
        assert (original.format, original.size) == ("PNG", (2400, 600))


@pytest.mark.parametrize("kept", [True, False])
def test_the_day_is_kept_only_with_consent(ingest: Ingest, kept: bool) -> None:
    put = ingest.put(data=a_picture(taken_on="2024-05-01"), keep_taken_on=kept)
    assert put.media.taken_on == ("2024-05-01" if kept else "")


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", UnsupportedPicture, "empty"),
        (b"just some words", UnsupportedPicture, "no picture that we know"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedPicture, "SVG"),
        (b"<!DOCTYPE html><html></html>", UnsupportedPicture, "HTML"),
        (b"%PDF-1.7\n", UnsupportedPicture, "PDF"),
        (b"GIF89a" + bytes(20), UnsupportedPicture, "GIF"),
        (a_picture(200, 200)[:-300], UndecodablePicture, "cut short"),
        (a_picture(200, 200, format_="PNG")[:-300], UndecodablePicture, "cut short"),
        (a_picture(200, 200, format_="WEBP")[:-300], UndecodablePicture, "cut short"),
        (a_picture(200, 200, format_="HEIF")[:-300], UndecodablePicture, "cut short"),
        (a_png_bomb(), TooManyPixels, "50,000 x 50,000"),
        (an_animation(500), TooManyFrames, "500 frames"),
        (an_animation(500, format_="PNG"), TooManyFrames, "500 frames"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.parametrize("purpose", [PERSONAL, SEARCH])
def test_what_is_no_picture_is_refused_with_the_reason_and_nothing_is_stored(
    ingest: Ingest, data: bytes, error: type[Rejected], says: str, purpose: int
) -> None:
    with pytest.raises(error, match=says):
        ingest.put(data=data, purpose=purpose)
    assert ingest.stored() == []
    assert ingest.outbox() == []


def test_a_picture_with_another_types_name_is_refused(ingest: Ingest) -> None:
    with pytest.raises(MisnamedPicture, match=r"ends in \.jpg, but the content is PNG"):
        ingest.put(data=a_picture(format_="PNG"), file_name="cat.jpg")
    assert ingest.stored() == []


def test_a_picture_without_a_person_is_refused_unless_it_is_the_catalogues(ingest: Ingest) -> None:
    for purpose in (PERSONAL, SEARCH):
        with pytest.raises(NobodyAsks, match="Nungil-Person"):
            ingest.put(NOBODY, purpose=purpose)
    assert ingest.put(NOBODY, purpose=CATALOGUE).media.owner == "catalogue"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "http://", "https://a b", "//host/x"])
def test_a_source_that_is_no_web_address_is_refused(ingest: Ingest, url: str) -> None:
    with pytest.raises(InvalidUpload, match="web address"):
        ingest.put(source_url=url)


def test_the_same_bytes_of_the_same_owner_are_one_picture(ingest: Ingest) -> None:
    first = ingest.put()
    stored = ingest.stored()
    again = ingest.put(file_name="another name.jpg")
    assert (again.duplicate, again.media) == (True, first.media)
    assert ingest.stored() == stored
    assert len(ingest.outbox()) == 1


def test_the_same_bytes_of_another_owner_or_tenant_are_another_picture(ingest: Ingest) -> None:
    puts = [ingest.put(MINA), ingest.put(JUN), ingest.put(STRANGER), ingest.put(MINA, purpose=CATALOGUE)]
    assert len({put.media.media_id for put in puts}) == 4
    assert not any(put.duplicate for put in puts)


def test_the_same_bytes_sent_many_times_at_once_are_one_picture(ingest: Ingest) -> None:
    data, together = a_picture(600, 400), threading.Barrier(6)

    def put(_: int) -> str:
        together.wait()
        return ingest.put(data=data).media.media_id

    with ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(put, range(6)))
    assert len(ids) == 1
    assert len(ingest.outbox()) == 1
    assert len(ingest.stored()) == 2


def test_a_picture_is_seen_by_its_owner_alone_and_a_catalogue_picture_by_its_tenant(ingest: Ingest) -> None:
    mine = ingest.put().media.media_id
    ours = ingest.put(purpose=CATALOGUE).media.media_id
    assert ingest.pictures.get(MINA, mine)[0].media_id == mine
    for caller in (MINA, JUN, NOBODY):
        assert ingest.pictures.get(caller, ours)[0].media_id == ours
    for caller, media_id in ((JUN, mine), (NOBODY, mine), (STRANGER, mine), (STRANGER, ours), (MINA, "unknown")):
        for look in (
            lambda caller=caller, media_id=media_id: ingest.pictures.get(caller, media_id),
            lambda caller=caller, media_id=media_id: ingest.pictures.image(caller, media_id, max_width_px=0),
            lambda caller=caller, media_id=media_id: ingest.pictures.delete(caller, media_id),
        ):
            with pytest.raises(NotFound, match=f"^no picture {media_id}$"):
                look()


def test_a_list_goes_newest_first_page_by_page(ingest: Ingest) -> None:
    ids = [ingest.put(data=a_picture(seed=seed)).media.media_id for seed in range(5)]
    ingest.put(JUN)
    ingest.put(purpose=CATALOGUE)
    ingest.put(purpose=SEARCH)
    seen, cursor = [], ""
    while True:
        page, cursor = ingest.pictures.list(MINA, 0, limit=2, cursor=cursor)
        seen += [media.media_id for media in page]
        if not cursor:
            break
    assert seen == ids[::-1]


@pytest.mark.parametrize(("limit", "cursor"), [(-1, ""), (201, ""), (10, "???"), (10, "bm8")])
def test_a_page_that_cannot_be_is_refused(ingest: Ingest, limit: int, cursor: str) -> None:
    with pytest.raises(InvalidQuery):
        ingest.pictures.list(MINA, 0, limit=limit, cursor=cursor)


def test_an_image_comes_in_few_widths_and_never_larger_than_it_is(ingest: Ingest) -> None:
    media_id = ingest.put(data=a_picture(800, 400)).media.media_id

    def width(asked: int) -> int:
        with Image.open(io.BytesIO(ingest.pictures.image(MINA, media_id, max_width_px=asked))) as image:
            assert image.format == "JPEG"
            return image.width

    assert [width(asked) for asked in (0, 1, 160, 161, 640, 700, 5000)] == [800, 160, 160, 320, 640, 800, 800]
    with pytest.raises(InvalidQuery):
        ingest.pictures.image(MINA, media_id, max_width_px=-1)


def test_an_embedded_picture_is_searchable_and_tells_what_was_found_with_names(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.objects.put(features_key_of(put), some_features(put))
    assert ingest.pictures.get(MINA, put.media.media_id)[1] is None
    ingest.embedded(put)
    media, features = ingest.pictures.get(MINA, put.media.media_id)
    message = wire.media_message(media, features)
    label = next(iter(load_taxonomy().labels.values()))
    assert message.state == SEARCHABLE
    assert [(region.n, region.box.x) for region in message.regions] == [(0, 0.0), (1, 0.25)]
    assert message.regions[1].labels[0].id == label.id
    assert (message.labels[0].name.ko, message.labels[0].name.en) == (label.name.ko, label.name.en)
    assert message.colours[0].name.en


def test_a_picture_that_embed_rejects_says_why(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.embedded(put, outcome=Embedded.OUTCOME_REJECTED, reason="the rendition is missing")
    media, _ = ingest.pictures.get(MINA, put.media.media_id)
    assert (media.state, media.reason) == (REJECTED, "the rendition is missing")


def test_media_embedded_delivered_again_changes_nothing(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.embedded(put)
    once = ingest.pictures.get(MINA, put.media.media_id)[0]
    ingest.embedded(put)
    assert ingest.pictures.get(MINA, put.media.media_id)[0] == once
    assert len(ingest.outbox()) == 1


def test_media_embedded_of_another_version_changes_nothing(ingest: Ingest) -> None:
    put = ingest.put()
    for version in (0, 2):
        ingest.embedded(put, version=version)
        assert ingest.pictures.get(MINA, put.media.media_id)[0].state == ACCEPTED


def test_a_record_that_says_nothing_is_returned_and_the_others_count(ingest: Ingest) -> None:
    put = ingest.put()
    broken, empty = a_record(b"\xff\xff"), a_record(Embedded(), offset=1)
    wrong = list(ingest.read_embedded([broken, empty, a_record(an_embedded(put), offset=2)]))
    assert [record for record, _ in wrong] == [broken, empty]
    assert ingest.pictures.get(MINA, put.media.media_id)[0].state == SEARCHABLE


def test_a_deleted_picture_is_gone_from_sight_at_once_and_from_the_store_when_embed_has_removed_it(
    ingest: Ingest,
) -> None:
    put = ingest.put()
    ingest.pictures.delete(MINA, put.media.media_id)
    with pytest.raises(NoSuchPicture):
        ingest.pictures.get(MINA, put.media.media_id)
    with pytest.raises(NoSuchPicture):
        ingest.pictures.delete(MINA, put.media.media_id)
    assert len(ingest.stored()) == 2
    _, event = ingest.media_events()
    assert (event.change, event.version, event.object_key) == (events_pb2.MediaChanged.CHANGE_DELETED, 2, "")
    removed = an_embedded(put, version=2, outcome=Embedded.OUTCOME_REMOVED)
    for _ in range(2):
        ingest.read_embedded([a_record(removed)])
        assert ingest.stored() == []


def test_a_late_embedded_never_brings_a_deleted_picture_back(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.pictures.delete(MINA, put.media.media_id)
    ingest.embedded(put)
    ingest.embedded(put, version=2)
    ingest.embedded(put, version=2, outcome=Embedded.OUTCOME_REMOVED)
    ingest.embedded(put)
    with pytest.raises(NoSuchPicture):
        ingest.pictures.get(MINA, put.media.media_id)


def test_a_removal_of_a_picture_that_is_not_deleted_removes_nothing(ingest: Ingest) -> None:
    put = ingest.put()
    ingest.embedded(put, outcome=Embedded.OUTCOME_REMOVED)
    assert len(ingest.stored()) == 2
    assert ingest.pictures.get(MINA, put.media.media_id)[0].state == ACCEPTED


def test_the_same_bytes_after_a_deletion_are_a_new_picture(ingest: Ingest) -> None:
    first = ingest.put()
    ingest.pictures.delete(MINA, first.media.media_id)
    again = ingest.put()
    assert not again.duplicate
    assert again.media.media_id != first.media.media_id


def test_what_was_said_of_a_picture_is_forgotten_when_it_is_deleted(ingest: Ingest) -> None:
    put = ingest.put(file_name=f"{CANARY}.jpg", source_url=f"https://example.org/{CANARY}")
    ingest.pictures.delete(MINA, put.media.media_id)
    with ingest.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT file_name, source_url, taken_on, content_sha256 FROM media").all()
    assert [tuple(row) for row in rows] == [("", "", "", None)]


def test_a_picture_only_searched_with_is_stored_apart_without_an_event(ingest: Ingest) -> None:
    put = ingest.put(purpose=SEARCH, data=a_picture(2000, 1000), file_name="secret.jpg")
    assert ingest.stored() == [put.object_key]
    assert put.object_key.startswith("transient/acme/")
    assert ingest.outbox() == []
    assert put.media.expires_at_ms == put.media.created_at_ms + 900_000
    assert put.media.file_name == ""
    with Image.open(io.BytesIO(ingest.pictures.image(MINA, put.media.media_id, max_width_px=0))) as image:
        assert image.size == (1600, 800)


def test_a_picture_only_searched_with_tells_what_was_found_as_soon_as_it_is_encoded(ingest: Ingest) -> None:
    put = ingest.put(purpose=SEARCH)
    assert ingest.pictures.get(MINA, put.media.media_id)[0].state == ACCEPTED
    ingest.objects.put(features_key_of(put), some_features(put))
    media, features = ingest.pictures.get(MINA, put.media.media_id)
    assert media.state == SEARCHABLE
    assert features is not None
    assert len(features.regions) == 2


def test_a_picture_only_searched_with_expires_and_is_swept_with_its_features(ingest: Ingest) -> None:
    put = ingest.put(purpose=SEARCH)
    kept = ingest.put()
    ingest.objects.put(features_key_of(put), some_features(put))
    assert ingest.swept(ingest.expired) == 0
    ingest.clock.ms += 901_000
    with pytest.raises(NoSuchPicture):
        ingest.pictures.get(MINA, put.media.media_id)
    assert ingest.swept(ingest.expired) == 1
    assert ingest.swept(ingest.expired) == 0
    assert ingest.stored() == sorted(
        [keys.original_key("acme", kept.media.media_id), keys.rendition_key("acme", kept.media.media_id)]
    )


def test_what_a_crash_left_without_a_row_is_swept_too(ingest: Ingest) -> None:
    put = ingest.put(purpose=SEARCH)
    orphan = replace(put.media, media_id="01900000-0000-7000-8000-000000000000")
    ingest.objects.put(keys.transient_rendition_key("acme", orphan.media_id), b"x")
    ingest.objects.put("transient/acme/not-an-id", b"x")
    ingest.swept(ingest.expired)
    assert (
        ingest.stored()
        == ["transient/acme/not-an-id", put.object_key][:: 1 if put.object_key > "transient/acme/n" else -1]
    )


def test_a_picture_only_searched_with_can_be_deleted_before_its_time(ingest: Ingest) -> None:
    put = ingest.put(purpose=SEARCH)
    ingest.pictures.delete(MINA, put.media.media_id)
    assert ingest.stored() == []
    assert ingest.outbox() == []
    with pytest.raises(NoSuchPicture):
        ingest.pictures.get(MINA, put.media.media_id)
