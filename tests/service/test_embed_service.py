"""Embed as a whole: its loop over a log, and its rpc on a socket."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_builders import a_large_picture

from nungil.api.common.v1 import common_pb2
from nungil.api.embed.v1 import embed_pb2, embed_pb2_grpc
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.encoder.open import space_of
from nungil.encoder.port import Encoded, EncoderSpace, Pixels
from nungil.encoder.tiny import TinyEncoder
from nungil.event_log import topics
from nungil.event_log.dead_letters import DEAD_REASON
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, Record
from nungil.event_log.replay import read_dead_letters, replay
from nungil.event_log.topics import dead_topic
from nungil.object_store.keys import features_key, rendition_key, transient_features_key, transient_rendition_key
from nungil.object_store.open import open_object_store
from nungil.object_store.port import ObjectStore
from nungil.pictures.features import decode_features
from nungil.runtime.errors import NotFound, Rejected
from nungil.runtime.rpc import calling, is_serving, open_channel
from services.embed.__main__ import run
from services.embed.config import EmbedSettings
from services.embed.device import open_device
from tests.embed_builders import DOG, MOUNTAIN, OWNER, TENANT, a_change, a_jpeg, a_picture, a_record, as_new

SPACE = space_of("tiny://64").name


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nungil-") as short:  # the path of a socket has at most 107 characters
        yield Path(short)


@pytest.fixture
def log(folder: Path) -> Iterator[EventLog]:
    with open_event_log(f"sqlite://{folder}/log.db") as log:
        yield log


@pytest.fixture
def objects(folder: Path) -> Iterator[ObjectStore]:
    with open_object_store(f"file://{folder}/objects") as objects:
        yield objects


@contextmanager
def running(folder: Path, **rest: Any) -> Iterator[str]:
    """The service, until the block ends; gives its address."""
    address, stop = f"unix:{folder}/embed.sock", threading.Event()
    settings = EmbedSettings(
        event_log_url=f"sqlite://{folder}/log.db",
        object_store_url=f"file://{folder}/objects",
        vector_index_url="exact://",
        encoder_url="tiny://64",
        listen=address,
        batch_pictures=3,
        shutdown_grace_s=2,
        **rest,
    )
    with ThreadPoolExecutor(1) as pool:
        service = pool.submit(run, settings, stop)
        try:
            while not is_serving(address) and not service.done():
                stop.wait(0.05)
            yield address
        finally:
            stop.set()
        service.result(timeout=20)


def records(log: EventLog, topic: str, count: int) -> list[Record]:
    """The first `count` records; the test's own time limit ends the wait for what never comes."""
    found: list[Record] = []
    with log.tail([topic], since="start") as tail:
        while len(found) < count:
            found += tail.poll(max_records=100, timeout_s=5)
    return found


def encode(address: str, *, tenant: str = TENANT, media_id: str = "m-1", key: str) -> embed_pb2.EncodePictureResponse:
    caller = common_pb2.Caller(tenant=tenant, person_id=OWNER)
    with open_channel(address) as channel, calling():
        return embed_pb2_grpc.EmbedServiceStub(channel).EncodePicture(
            embed_pb2.EncodePictureRequest(caller=caller, media_id=media_id, object_key=key), timeout=10
        )


def test_uploads_in_the_log_become_events_and_what_is_wrong_becomes_a_dead_letter(
    folder: Path, log: EventLog, objects: ObjectStore
) -> None:
    for n in range(10):
        objects.put(rendition_key(TENANT, f"m-{n}"), a_jpeg() if n else b"no picture")
    log.append([as_new(a_change(f"m-{n}")) for n in range(10)] + [as_new(a_record("m-?", b"\xff\xff"))])
    with running(folder):
        events = [MediaEmbedded.FromString(r.value or b"") for r in records(log, topics.MEDIA_EMBEDDED, 10)]
        dead = records(log, dead_topic(topics.MEDIA_CHANGED, "embed"), 2)
    outcomes = {event.media_id: event.outcome for event in events}
    assert outcomes == {
        f"m-{n}": MediaEmbedded.OUTCOME_EMBEDDED if n else MediaEmbedded.OUTCOME_REJECTED for n in range(10)
    }
    assert sorted(record.key for record in dead) == ["m-0", "m-?"]
    assert all(record.headers[DEAD_REASON] for record in dead)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds a process to a limit of memory")
def test_a_picture_that_breaks_its_decoder_is_rejected_and_the_partition_goes_on(
    folder: Path, log: EventLog, objects: ObjectStore
) -> None:
    for n in range(5):
        objects.put(rendition_key(TENANT, f"m-{n}"), a_large_picture(format_="PNG") if n == 1 else a_jpeg())
    log.append([replace(as_new(a_change(f"m-{n}")), key="one-partition") for n in range(5)])
    with running(folder, decoder_memory_mb=256):
        events = [MediaEmbedded.FromString(r.value or b"") for r in records(log, topics.MEDIA_EMBEDDED, 5)]
        [dead] = records(log, dead_topic(topics.MEDIA_CHANGED, "embed"), 1)
    reasons = {event.media_id: event.reason for event in events}
    assert "killed the decoder: it needs more than 256 MB" in reasons.pop("m-1")
    assert reasons == {f"m-{n}": "" for n in (0, 2, 3, 4)}
    assert "killed the decoder" in dead.headers[DEAD_REASON]
    assert log.lag([topics.MEDIA_CHANGED], group="embed") == {topics.MEDIA_CHANGED: 0}

    replay(log, *read_dead_letters(log, group="embed"))  # with more memory it goes through
    with running(folder, decoder_memory_mb=1600):
        last = MediaEmbedded.FromString(records(log, topics.MEDIA_EMBEDDED, 6)[-1].value or b"")
    assert (last.media_id, last.outcome) == ("m-1", MediaEmbedded.OUTCOME_EMBEDDED)


def test_what_was_handled_is_committed_when_the_service_stops(
    folder: Path, log: EventLog, objects: ObjectStore
) -> None:
    objects.put(rendition_key(TENANT, "m-1"), a_jpeg())
    log.append([as_new(a_change("m-1"))])
    with running(folder):
        records(log, topics.MEDIA_EMBEDDED, 1)
    assert log.lag([topics.MEDIA_CHANGED], group="embed") == {topics.MEDIA_CHANGED: 0}


def test_a_picture_only_searched_with_is_encoded_over_grpc(folder: Path, log: EventLog, objects: ObjectStore) -> None:
    key = transient_rendition_key(TENANT, "m-1")
    objects.put(key, a_jpeg(a_picture(of=MOUNTAIN, with_=DOG)))
    with running(folder) as address:
        answer = encode(address, key=key)
    features = decode_features(objects.get(transient_features_key(TENANT, "m-1", SPACE)))
    assert (features.tenant, features.media_id, features.owner) == (TENANT, "m-1", OWNER)
    assert [region.n for region in answer.regions] == [region.n for region in features.regions]
    assert answer.labels[1].name.en == "golden retriever"
    assert answer.labels[1].name.ko
    assert answer.colours[0].name.en
    assert not objects.exists(features_key(TENANT, "m-1", SPACE))


def test_encoding_twice_gives_the_same(folder: Path, log: EventLog, objects: ObjectStore) -> None:
    key = transient_rendition_key(TENANT, "m-1")
    objects.put(key, a_jpeg())
    with running(folder) as address:
        assert encode(address, key=key) == encode(address, key=key)


@pytest.mark.parametrize(
    ("tenant", "media_id", "key"),
    [
        (TENANT, "m-2", transient_rendition_key(TENANT, "m-1")),  # another picture's key
        ("other", "m-1", transient_rendition_key(TENANT, "m-1")),  # another tenant's
        (TENANT, "m-1", rendition_key(TENANT, "m-1")),  # one that is not transient
        (TENANT, "m-1", transient_rendition_key(TENANT, "m-1") + "x"),  # nothing lies there
        ("", "m-1", transient_rendition_key("", "m-1")),
    ],
)
def test_a_key_that_is_not_the_callers_is_not_found(
    folder: Path, log: EventLog, objects: ObjectStore, tenant: str, media_id: str, key: str
) -> None:
    objects.put(transient_rendition_key(TENANT, "m-1"), a_jpeg())
    objects.put(rendition_key(TENANT, "m-1"), a_jpeg())
    with running(folder) as address, pytest.raises(NotFound, match=f"no picture {media_id}"):
        encode(address, tenant=tenant, media_id=media_id, key=key)


def test_a_picture_that_cannot_be_decoded_is_an_invalid_argument(
    folder: Path, log: EventLog, objects: ObjectStore
) -> None:
    key = transient_rendition_key(TENANT, "m-1")
    objects.put(key, b"no picture")
    with running(folder) as address, pytest.raises(Rejected):
        encode(address, key=key)


class Slow(TinyEncoder):
    """Waits within a pass until it is let go, and notes what it was given."""

    def __init__(self, space: EncoderSpace) -> None:
        super().__init__(space)
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.given: list[int] = []

    def forward(self, batch: Pixels) -> Encoded:
        self.given.append(len(batch))
        self.inside.set()
        self.go_on.wait(10)
        return super().forward(batch)


def of_size(n: int) -> Pixels:
    return np.zeros((n, 64, 64, 3), dtype=np.uint8)


def test_a_call_that_someone_waits_for_goes_before_batches_of_the_log() -> None:
    encoder = Slow(space_of("tiny://64"))
    with open_device(encoder) as device:
        first = device.submit(of_size(1))
        encoder.inside.wait(10)
        rest = [device.submit(of_size(2)), device.submit(of_size(3)), device.submit(of_size(4), urgent=True)]
        encoder.go_on.set()
        for answer in (first, *rest):
            answer.result(timeout=10)
    assert encoder.given == [1, 4, 2, 3]


def test_a_pass_that_fails_fails_its_caller_alone() -> None:
    with open_device(TinyEncoder(space_of("tiny://64"))) as device:
        broken, sound = device.submit(np.zeros((1, 3), dtype=np.uint8)), device.submit(of_size(2))
        assert isinstance(broken.exception(timeout=10), ValueError | IndexError)
        assert sound.result(timeout=10).maps.shape[0] == 2


def test_closing_the_device_finishes_what_was_submitted() -> None:
    with open_device(TinyEncoder(space_of("tiny://64"))) as device:
        answers = [device.submit(of_size(1)) for _ in range(5)]
    assert all(answer.done() for answer in answers)
