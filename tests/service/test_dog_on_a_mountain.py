"""One photograph of a dog on a mountain says pets and outdoors, each by its part of the picture; so do two photographs."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from profile_builders import LEFT, NOW_MS, RIGHT, TENANT, AProfile, a_profile, an_activity, an_embedding

from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoder
from nungil.encoder.stretch import enough_px
from nungil.object_store import keys
from nungil.pictures.boxes import Box, overlap
from nungil.pictures.decode import decode_at_least
from nungil.pictures.features import encode_features
from nungil.taxonomy.taxonomy import load_taxonomy
from services.embed import core as embed
from services.profile.config import ProfileSettings
from services.profile.core import Reason

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[3] / "shared" / "data")
GALLERY = PHOTOS / "gallery"
POODLE, SHELTIE, MOUNTAIN = "000000000042.jpg", "000000000307.jpg", "000000000382.jpg"
SHELTIE_AT = Box(0.63, 0.40, 0.29, 0.38)  # in its photograph
FLOOR = ProfileSettings.model_fields["interest_floor"].default
photos = pytest.mark.photos
needs_gallery = pytest.mark.skipif(not GALLERY.is_dir(), reason=f"no photographs at {GALLERY}: set NUNGIL_PHOTOS")


@pytest.fixture(scope="module")
def real_encoder() -> Iterator[Encoder]:
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        yield encoder


@pytest.fixture
def tiny_encoder() -> Iterator[Encoder]:
    with open_encoder("tiny://64") as encoder:
        yield encoder


@pytest.fixture
def profile(tmp_path) -> Iterator[AProfile]:
    with a_profile(tmp_path) as profile:
        profile.taxonomy = load_taxonomy()
        profile.floor = FLOOR
        yield profile


def upload(profile: AProfile, encoder: Encoder, person: str, media_id: str, picture: Image.Image) -> None:
    """What happens after ingest: embed stores features and tells of them; profile tells of the upload, and folds it."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=92)
    pixels, size = decode_at_least(data.getvalue(), enough_px(encoder.space.input_px))
    prepared = embed.prepare(pixels, size, encoder, load_taxonomy().colours)
    encoded = encoder.forward(prepared.pixels[None])
    whose = embed.Picture(TENANT, media_id, person, 1)
    found = embed.finish(
        whose,
        prepared,
        encoded.maps[0],
        encoded.label_maps[0],
        space=encoder.space.name,
        labels=encoder.labels,
    )
    profile.space = encoder.space.name
    profile.objects.put(keys.features_key(TENANT, media_id, profile.space), encode_features(found))
    assert profile.read(an_embedding(person, media_id)) == []
    told = profile.outbox()[-1]
    activity = an_activity(person, media_id, event_id=told.event_id, kind=told.kind, at_ms=NOW_MS)
    assert profile.read(activity) == []


def reasons(profile: AProfile, person: str) -> dict[str, list[Reason]]:
    state = profile.journal.state_of(TENANT, person)
    return {id_: list(interest.reasons) for id_, interest in state.interests.items()}


def photograph(name: str, part: Box | None = None) -> Image.Image:
    picture = Image.open(GALLERY / name).convert("RGB")
    if part is None:
        return picture
    width, height = picture.size
    left, top = part.x * width, part.y * height
    return picture.crop((round(left), round(top), round(left + part.width * width), round(top + part.height * height)))


def pasted(dog: Image.Image, on: Image.Image, at: Box) -> Image.Image:
    """`dog` on a copy of `on`, filling the box."""
    width, height = on.size
    composed = on.copy()
    dog = dog.resize((round(at.width * width), round(at.height * height)))
    composed.paste(dog, (round(at.x * width), round(at.y * height)))
    return composed


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    composed = Image.new("RGB", (1280, 480))
    composed.paste(left.resize((640, 480)), (0, 0))
    composed.paste(right.resize((640, 480)), (640, 0))
    return composed


def centre_lies_in(box: Box, part: Box) -> bool:
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return part.x <= x <= part.x + part.width and part.y <= y <= part.y + part.height


@photos
@needs_gallery
def test_a_dog_before_a_mountain_says_pets_by_the_dog_and_outdoors_by_the_mountain(profile, real_encoder):
    person = profile.a_person()
    at = Box(0.6, 0.4, 0.4, 0.6)
    upload(profile, real_encoder, person, "m-1", pasted(photograph(SHELTIE, SHELTIE_AT), photograph(MOUNTAIN), at))
    found = reasons(profile, person)
    [dog], [mountain] = found["pets_animals"], found["outdoors_nature"]
    assert "dogs" in found
    assert "mountains" in found
    assert overlap(dog.box, at) > 0.5
    assert overlap(mountain.box, Box(0, 0, 1, 0.6)) > 0.3
    assert overlap(mountain.box, at) < 0.2
    assert "alp" in dict(mountain.labels)
    assert dog.media_id == mountain.media_id == "m-1"


@photos
@needs_gallery
@pytest.mark.parametrize("dog_on_the_left", [True, False])
def test_a_dog_beside_a_mountain_says_both_each_by_its_side(profile, real_encoder, dog_on_the_left):
    person = profile.a_person()
    dog, mountain = photograph(POODLE), photograph(MOUNTAIN)
    upload(
        profile,
        real_encoder,
        person,
        "m-1",
        side_by_side(dog, mountain) if dog_on_the_left else side_by_side(mountain, dog),
    )
    found = reasons(profile, person)
    dog_side, mountain_side = (LEFT, RIGHT) if dog_on_the_left else (RIGHT, LEFT)
    assert centre_lies_in(found["pets_animals"][0].box, dog_side)
    assert centre_lies_in(found["outdoors_nature"][0].box, mountain_side)


@photos
@needs_gallery
def test_two_photographs_say_the_same_each_by_itself(profile, real_encoder):
    person = profile.a_person()
    upload(profile, real_encoder, person, "the-dog", photograph(SHELTIE))
    upload(profile, real_encoder, person, "the-mountain", photograph(MOUNTAIN))
    found = reasons(profile, person)
    assert [reason.media_id for reason in found["pets_animals"]] == ["the-dog"]
    assert [reason.media_id for reason in found["outdoors_nature"]] == ["the-mountain"]
    assert overlap(found["dogs"][0].box, SHELTIE_AT) > 0.3


@photos
@needs_gallery
def test_a_crop_search_of_the_dog_says_nothing_of_the_mountain(profile, real_encoder):
    person = profile.a_person()
    at = Box(0.6, 0.4, 0.4, 0.6)
    upload(profile, real_encoder, person, "m-1", pasted(photograph(SHELTIE, SHELTIE_AT), photograph(MOUNTAIN), at))
    before = profile.interests(person)
    crop = an_activity(person, "m-1", event_id="crop", kind=pb.ACTIVITY_KIND_CROP_SEARCHED, box=at, at_ms=NOW_MS + 1)
    assert profile.read(crop) == []
    after = profile.interests(person)
    assert after["dogs"] > before["dogs"] + 0.2
    assert after["outdoors_nature"] == pytest.approx(before["outdoors_nature"], abs=1e-6)


def test_a_painted_dog_beside_a_painted_mountain_says_both_each_by_its_side(profile, tiny_encoder):
    person = profile.a_person()
    painting = np.zeros((240, 320, 3), dtype=np.uint8)
    painting[:, :160], painting[:, 160:] = (205, 133, 63), (60, 140, 70)  # as tiny names a golden retriever and an alp
    upload(profile, tiny_encoder, person, "m-1", Image.fromarray(painting))
    found = reasons(profile, person)
    assert overlap(found["dogs"][0].box, LEFT) > 0.9
    assert overlap(found["pets_animals"][0].box, LEFT) > 0.9
    assert overlap(found["mountains"][0].box, RIGHT) > 0.9
    assert overlap(found["outdoors_nature"][0].box, RIGHT) > 0.9
