"""The states of pictures, as a stream."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
from gateway_builders import a_gateway, problem_of

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1.profile_pb2 import IdentifyRequest
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import MEDIA_CHANGED, MEDIA_EMBEDDED
from nungil.runtime.rpc import open_channel


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile", keep_alive_s=0.3) as gateway:
        yield gateway


@pytest.fixture
def log(gateway):
    with open_event_log(gateway.log_url) as log:
        yield log


def person_id(gateway, subject: str = "owner", tenant: str = "local") -> str:
    with open_channel(f"unix:{gateway.folder}/profile.sock") as channel:
        request = IdentifyRequest(tenant=tenant, subject=subject)
        return ProfileServiceStub(channel).Identify(request, timeout=5).person_id


def uploaded(media_id: str, owner: str, *, tenant: str = "local", change=MediaChanged.CHANGE_UPLOADED) -> NewRecord:
    event = MediaChanged(event_id=f"e-{media_id}", tenant=tenant, media_id=media_id, change=change, owner=owner)
    return NewRecord(MEDIA_CHANGED, media_id, event.SerializeToString())


def embedded(media_id: str, owner: str, outcome=MediaEmbedded.OUTCOME_EMBEDDED, reason: str = "") -> NewRecord:
    event = MediaEmbedded(
        event_id=f"f-{media_id}", tenant="local", media_id=media_id, outcome=outcome, owner=owner, reason=reason
    )
    return NewRecord(MEDIA_EMBEDDED, media_id, event.SerializeToString())


@contextmanager
def a_stream(client):
    with client.stream("GET", "/v1/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"  # from here on nothing is missed
        yield lines


def states(lines, number: int) -> list[tuple[str, str]]:
    seen = []
    for line in lines:
        if line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            seen.append((data["media_id"], data["state"]))
            if len(seen) == number:
                return seen
    return seen


def test_a_persons_pictures_and_the_catalogues_are_told_as_they_come_to_a_state(gateway, log):
    me = person_id(gateway)
    with gateway.as_person() as client, a_stream(client) as lines:
        log.append([uploaded("mine", me)])
        assert states(lines, 1) == [("mine", "accepted")]
        log.append([embedded("mine", me)])
        assert states(lines, 1) == [("mine", "searchable")]
        log.append([uploaded("mine", me, change=MediaChanged.CHANGE_DELETED)])
        assert states(lines, 1) == [("mine", "deleted")]
        log.append([embedded("ours", "catalogue", MediaEmbedded.OUTCOME_REJECTED, "no picture")])
        assert states(lines, 1) == [("ours", "rejected")]


def test_nothing_of_another_person_or_tenant_is_told(gateway, log):
    me, other = person_id(gateway), person_id(gateway, "someone")
    with gateway.as_person() as client, a_stream(client) as lines:
        log.append(
            [uploaded("theirs", other), uploaded("elsewhere", "catalogue", tenant="shop"), uploaded("mine-2", me)]
        )
        assert states(lines, 1) == [("mine-2", "accepted")]


def test_nobody_in_particular_is_told_of_the_catalogue_alone(gateway, log):
    client = gateway.client(gateway.key(subject=None))
    with client, a_stream(client) as lines:
        log.append([uploaded("private", person_id(gateway)), uploaded("nobodys", "")])
        log.append([uploaded("shown", "catalogue")])
        assert states(lines, 1) == [("shown", "accepted")]


def test_a_record_that_is_no_event_is_passed_over(gateway, log):
    with gateway.as_person() as client, a_stream(client) as lines:
        log.append([NewRecord(MEDIA_CHANGED, "x", b"\xff\xff"), NewRecord(MEDIA_CHANGED, "x", None)])
        log.append([uploaded("next", "catalogue")])
        assert states(lines, 1) == [("next", "accepted")]


def test_a_quiet_stream_is_kept_alive(gateway):
    with gateway.as_person() as client, a_stream(client) as lines:
        assert next(line for line in lines if line.startswith(":")) == ": still here"


def test_a_stream_needs_a_key(gateway):
    assert problem_of(httpx.get(f"{gateway.url}/v1/events")) == (401, "unknown-key")


def test_when_the_gateway_stops_its_streams_end_cleanly():
    with a_gateway("profile") as gateway, gateway.as_person() as client, a_stream(client) as lines:
        timer = threading.Timer(0.3, gateway.stop.set)
        timer.start()
        assert list(lines) == [""]  # the end, not a broken connection
