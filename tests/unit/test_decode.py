"""Decoding: what is taken, how it comes out, and what is refused before it can do harm."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_builders import (
    a_jpeg_bomb,
    a_painting,
    a_picture,
    a_png_bomb,
    a_sequence_of_heic,
    a_webp_bomb,
    an_animation,
    save,
)
from PIL import Image, ImageCms, ImageFile

from nungil.pictures.decode import (
    MisnamedPicture,
    PictureInfo,
    Pixels,
    TooManyFrames,
    TooManyPixels,
    UndecodablePicture,
    UnsupportedPicture,
    check_name,
    check_picture,
    decode_at_least,
    decode_upright,
    taken_on,
)
from nungil.runtime.errors import Rejected

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[3] / "shared" / "data")
FORMATS = ["JPEG", "PNG", "WEBP", "HEIF"]
BLUE, RED = (30, 60, 220), (200, 40, 40)


def corners(pixels: Pixels) -> list[tuple[int, int, int]]:
    """The painting's colour at each corner, clockwise from the top left, as the nearer of its two."""
    height, width, _ = pixels.shape
    at = [(2, 2), (2, width - 3), (height - 3, width - 3), (height - 3, 2)]
    return [min((BLUE, RED), key=lambda c: float(np.abs(pixels[y, x].astype(int) - c).sum())) for y, x in at]


def as_bytes(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


@pytest.mark.parametrize("format_", FORMATS)
def test_the_kind_is_told_by_content(format_: str) -> None:
    assert check_picture(a_picture(96, 64, format_=format_)) == PictureInfo(format_, 96, 64)  # type: ignore[arg-type]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [BLUE, RED, RED, RED]),
        (2, [RED, BLUE, RED, RED]),
        (3, [RED, RED, BLUE, RED]),
        (4, [RED, RED, RED, BLUE]),
        (5, [BLUE, RED, RED, RED]),
        (6, [RED, BLUE, RED, RED]),
        (7, [RED, RED, BLUE, RED]),
        (8, [RED, RED, RED, BLUE]),
    ],
)
def test_a_picture_comes_out_upright(format_: str, orientation: int, expected: list[tuple[int, int, int]]) -> None:
    pixels = decode_upright(a_picture(96, 64, format_=format_, orientation=orientation))
    assert pixels.dtype == np.uint8
    assert pixels.shape == ((96, 64, 3) if orientation >= 5 else (64, 96, 3))
    assert corners(pixels) == expected


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("size", [(600, 300), (333, 701)])
def test_a_picture_is_shrunk_to_its_longer_side_and_never_enlarged(
    format_: str, orientation: int, size: tuple[int, int]
) -> None:
    data = a_picture(*size, format_=format_, orientation=orientation)
    whole = decode_upright(data)
    for max_px in (1, 100, max(size) - 1, 5000):
        small = decode_upright(data, max_px=max_px)
        scale = min(1.0, max_px / max(size))
        assert small.shape[:2] == tuple(max(1, round(side * scale)) for side in whole.shape[:2])


@pytest.mark.parametrize(
    ("width", "height", "least_px", "expected"),
    [
        (1600, 1200, 480, (800, 600)),
        (1600, 1200, 640, (1600, 1200)),
        (1601, 1200, 150, (201, 150)),
        (400, 300, 480, (400, 300)),
        (4000, 16, 10, (4000, 16)),
    ],
)
def test_a_jpeg_may_come_smaller_but_no_side_under_what_is_needed(
    width: int, height: int, least_px: int, expected: tuple[int, int]
) -> None:
    pixels, size = decode_at_least(a_picture(width, height), least_px)
    assert pixels.shape == (expected[1], expected[0], 3)
    assert size == (width, height)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "HEIF"])
def test_other_kinds_come_whole(format_: str) -> None:
    data = a_picture(640, 480, format_=format_)
    pixels, size = decode_at_least(data, 100)
    assert size == (640, 480)
    np.testing.assert_array_equal(pixels, decode_upright(data))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_that_comes_smaller_is_upright_and_so_is_its_size(orientation: int) -> None:
    data = a_picture(640, 480, orientation=orientation)
    pixels, (width, height) = decode_at_least(data, 100)
    whole = decode_upright(data)
    assert (height, width) == whole.shape[:2]
    assert pixels.shape[:2] == (height // 4, width // 4)
    shrunk = np.asarray(Image.fromarray(whole).resize((width // 4, height // 4), Image.Resampling.BOX))
    assert np.abs(shrunk.astype(int) - pixels).mean() < 2


def test_shrinking_while_decoding_gives_the_picture_that_shrinking_afterwards_gives() -> None:
    image = a_painting(1600, 1200)
    direct = decode_upright(save(image, "JPEG"), max_px=200).astype(int)
    afterwards = np.asarray(image.resize((200, 150), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(direct - afterwards).mean() < 2


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "an SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><svg/>", "an SVG"),
        (b"\n <!DOCTYPE HTML><html>", "an HTML page"),
        (b"<?xml version='1.0'?><feed/>", "an XML file"),
        (b"%PDF-1.7\n%", "a PDF"),
        (b"GIF89a\1\0\1\0", "a GIF"),
        (as_bytes(a_painting(), "BMP"), "a BMP"),
        (as_bytes(a_painting(), "TIFF"), "a TIFF"),
        (as_bytes(a_painting(), "AVIF"), "an AVIF"),
        (as_bytes(a_painting(), "ICO"), "a Windows icon"),
        (as_bytes(a_painting(), "JPEG2000"), "a JPEG 2000"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"\0\0\0\x18ftypmp42" + bytes(30), "a video"),
        (b"hello", "no picture that we know"),
        (bytes(1000), "no picture that we know"),
    ],
)
def test_another_kind_is_refused_by_its_name(data: bytes, looks_like: str) -> None:
    with pytest.raises(UnsupportedPicture, match=looks_like) as error:
        check_picture(data)
    assert "JPEG, PNG, WebP or HEIC" in str(error.value)


@pytest.mark.parametrize("bomb", [a_png_bomb(), a_webp_bomb(), a_jpeg_bomb()], ids=["png", "webp", "jpeg"])
def test_a_bomb_is_refused_from_its_header(bomb: bytes) -> None:
    assert len(bomb) < 1000
    tracemalloc.start()
    try:
        with pytest.raises(TooManyPixels, match="50 megapixels"):
            decode_upright(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_fifty_megapixels_are_taken_and_one_row_more_is_not() -> None:
    def claims(width: int, height: int) -> PictureInfo:
        return check_picture(a_png_bomb(width, height))

    assert claims(10_000, 5_000).height_px == 5_000
    for width, height in ((10_000, 5_001), (65_501, 1), (0, 10), (2**31, 2**31)):
        with pytest.raises((TooManyPixels, UndecodablePicture)):
            claims(width, height)


def test_a_jpeg_of_very_many_scans_is_refused_and_a_progressive_one_is_taken() -> None:
    progressive = as_bytes(a_painting(), "JPEG", progressive=True)
    assert decode_upright(progressive).shape == (64, 96, 3)
    last_scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(UndecodablePicture, match="scans"):
        check_picture(progressive[:-2] + 200 * last_scan + b"\xff\xd9")


@pytest.mark.parametrize("data", [an_animation(500), an_animation(500, format_="PNG")], ids=["webp", "png"])
def test_an_animation_is_refused_with_its_number_of_frames(data: bytes) -> None:
    with pytest.raises(TooManyFrames, match="500 frames; we take a single picture"):
        decode_upright(data)


def test_a_heic_of_several_pictures_is_refused() -> None:
    with pytest.raises(TooManyFrames, match="3 frames"):
        decode_upright(a_sequence_of_heic(3))


def test_a_phones_jpeg_with_a_second_picture_inside_gives_the_first() -> None:
    """As phones write a gain map or a preview after the picture (MPF)."""
    out = io.BytesIO()
    a_painting(96, 64).save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (24, 16))])
    pixels = decode_upright(out.getvalue())
    assert pixels.shape == (64, 96, 3)
    assert corners(pixels) == [BLUE, RED, RED, RED]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.95, 0.999])
def test_a_truncated_picture_is_refused(format_: str, kept: float) -> None:
    data = a_picture(300, 200, format_=format_)
    with pytest.raises(Rejected):
        decode_upright(data[: int(len(data) * kept)])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_cut_short_is_known_before_it_is_decoded(format_: str) -> None:
    data = a_picture(300, 200, format_=format_)
    with pytest.raises(UndecodablePicture, match="cut short"):
        check_picture(data[: len(data) * 9 // 10])


def test_a_jpeg_whose_thumbnail_is_whole_and_itself_is_not_is_cut_short() -> None:
    thumbnail = a_picture(32, 32)
    picture = a_picture(300, 200)
    note = b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    with_thumbnail = picture[:2] + note + picture[2:]
    assert decode_upright(with_thumbnail).shape == (200, 300, 3)
    with pytest.raises(UndecodablePicture, match="cut short"):
        check_picture(with_thumbnail[:-500])


def test_a_stream_that_breaks_within_is_refused_by_the_full_decode() -> None:
    data = bytearray(as_bytes(a_painting(300, 200), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UndecodablePicture, match="broken or cut short"):
        decode_upright(bytes(data))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(FORMATS), st.data())
def test_whatever_the_bytes_only_our_errors_come_out(format_: str, data: st.DataObject) -> None:
    picture = bytearray(a_picture(24, 16, format_=format_))
    for _ in range(data.draw(st.integers(1, 8))):
        picture[data.draw(st.integers(4, len(picture) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(picture)))
    for broken in (bytes(picture), bytes(picture[:cut])):
        for use in (decode_upright, taken_on):
            try:
                use(broken)
            except Rejected:
                continue


def test_transparency_becomes_white() -> None:
    half = Image.new("RGBA", (8, 4), (255, 0, 0, 255))
    half.paste((0, 255, 0, 0), (0, 0, 4, 4))
    for format_ in ("PNG", "WEBP"):
        options = {"lossless": True} if format_ == "WEBP" else {}
        pixels = decode_upright(as_bytes(half, format_, **options))
        assert pixels[2, 1].tolist() == [255, 255, 255]
        assert pixels[2, 6].tolist() == [255, 0, 0]


def test_half_transparency_is_composited_over_white() -> None:
    pixels = decode_upright(as_bytes(Image.new("RGBA", (4, 4), (255, 0, 0, 128))))
    assert np.abs(pixels[0, 0].astype(int) - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "PA", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((4, 6), 0x80FF, dtype=np.uint16))
    elif mode in ("P", "PA"):
        image = Image.new("RGBA" if mode == "PA" else "RGB", (6, 4), (128, 128, 128)).quantize(4)
    else:
        image = Image.new("RGB", (6, 4), (128, 128, 128)).convert(mode)
    pixels = decode_upright(as_bytes(image))
    assert pixels.shape == (4, 6, 3)
    assert pixels.dtype == np.uint8
    if mode != "1":
        assert np.abs(pixels.astype(int) - 128).max() <= 2


def test_a_colour_that_a_palette_or_grey_picture_calls_transparent_becomes_white() -> None:
    grey = Image.new("L", (4, 4), 7)
    assert decode_upright(as_bytes(grey, transparency=7))[0, 0].tolist() == [255, 255, 255]
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30] * 256)
    assert decode_upright(as_bytes(palette, transparency=0))[0, 0].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels = decode_upright(as_bytes(red, "JPEG", quality=95))
    assert np.abs(pixels[8, 8].astype(int) - (255, 0, 0)).max() <= 6


def test_a_colour_profile_is_applied() -> None:
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    lab_like = ImageCms.createProfile("XYZ")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = decode_upright(as_bytes(image))
    assert np.abs(decode_upright(as_bytes(image, icc_profile=srgb)).astype(int) - plain).max() <= 1
    for unusable in (b"no profile at all", ImageCms.ImageCmsProfile(lab_like).tobytes()[:200]):
        assert (decode_upright(as_bytes(image, icc_profile=unusable)) == plain).all()


def test_a_wide_gamut_profile_changes_the_numbers_and_not_the_colour() -> None:
    wide = _with_primaries(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    turned = decode_upright(as_bytes(image, icc_profile=wide))
    assert np.abs(turned[0, 0].astype(int) - (200, 100, 50)).max() > 20


def _with_primaries(profile: bytes) -> bytes:
    """The sRGB profile with red and blue exchanged: easy to see."""
    swapped = bytearray(profile)
    tags = {
        profile[132 + 12 * i : 136 + 12 * i]: 132 + 12 * i for i in range(struct.unpack_from(">I", profile, 128)[0])
    }
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = (
        profile[blue + 4 : blue + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(swapped)


def test_broken_exif_is_no_reason_to_refuse() -> None:
    data = as_bytes(a_painting(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(8))
    assert decode_upright(data).shape == (64, 96, 3)
    assert taken_on(data) is None


@pytest.mark.parametrize("format_", FORMATS)
def test_the_day_is_read(format_: str) -> None:
    assert taken_on(a_picture(format_=format_, taken_on="2024-05-01")) == date(2024, 5, 1)
    assert taken_on(a_picture(format_=format_)) is None


@pytest.mark.parametrize("written", ["0000:00:00", "2024:13:01", "yesterday", ""])
def test_a_day_that_is_none_is_left_out(written: str) -> None:
    assert taken_on(a_picture(taken_on=written or " ")) is None


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "no ending", "odd.ending", "", "a.png.jpg", ".jpg"])
def test_a_name_that_fits_or_says_nothing_is_taken(name: str) -> None:
    check_name(name, PictureInfo("JPEG", 1, 1))


@pytest.mark.parametrize("name", ["a.png", "A.HEIC", "a.webp", "a.gif", "a.pdf", "a.svg"])
def test_a_name_of_another_type_is_refused(name: str) -> None:
    with pytest.raises(MisnamedPicture, match="the content is JPEG"):
        check_name(name, PictureInfo("JPEG", 1, 1))


def test_nothing_is_registered_with_pillow() -> None:
    decode_upright(a_picture(format_="HEIF"))
    assert "HEIF" not in Image.OPEN


@pytest.mark.photos
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photographs at {PHOTOS}: set NUNGIL_PHOTOS")
@pytest.mark.parametrize("folder", ["scenes", "gallery", "grocery/products", "grocery/photos", "clothing"])
def test_real_photographs_are_taken(folder: str) -> None:
    files = sorted((PHOTOS / folder).rglob("*.jpg"))[::10]
    assert len(files) >= 4
    for file in files:
        data = file.read_bytes()
        info = check_picture(data)
        check_name(file.name, info)
        whole = decode_upright(data)
        assert sorted(whole.shape[:2]) == sorted((info.height_px, info.width_px))
        assert max(decode_upright(data, max_px=100).shape) == 100
        assert whole.std() > 5
