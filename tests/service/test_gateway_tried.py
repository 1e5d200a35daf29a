"""What a person tried, over HTTP: with a picture of their own and a word about it, which no event and no log has."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace

import pytest
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture

from nungil.api.common.v1.common_pb2 import PURPOSE_PERSONAL
from nungil.api.ingest.v1.ingest_pb2 import GetMediaResponse, Media
from nungil.api.profile.v1.events_pb2 import UserActivity
from nungil.api.profile.v1.profile_pb2 import ACTIVITY_KIND_TRIED, ACTIVITY_KIND_UPLOADED
from nungil.event_log.open import open_event_log
from nungil.event_log.topics import USER_ACTIVITY
from nungil.runtime.errors import DependencyAway
from services.gateway.core import Who
from services.gateway.handlers.activity import NoteActivity
from services.gateway.wire.people import ActivityModel

NOTE = "less sugar 다음에는"


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "profile") as gateway:
        yield gateway


@pytest.fixture
def client(gateway, request):
    with gateway.as_person(request.node.name[:200]) as client:
        yield client


def give(client, seed: int, **fields: str) -> str:
    given = client.post("/v1/media", files={"file": ("a.jpg", a_picture(seed=seed))}, data=fields)
    assert given.status_code in (200, 202), given.text
    return given.json()["media_id"]


def try_(client, media_id: str, key: str | None = None, **said: str):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/activity", json={"kind": "tried", "media_id": media_id, **said}, headers=headers)


def tried(client, **params):
    return client.get("/v1/me/tried", params=params).raise_for_status().json()


def told_of(gateway, media_id: str) -> list[tuple[UserActivity, bytes]]:
    """What the gateway told of a picture; that it was uploaded tells profile, some time."""
    with open_event_log(gateway.log_url) as log, log.tail([USER_ACTIVITY], since="start") as tail:
        values = [record.value or b"" for record in tail.poll(max_records=500, timeout_s=5)]
    told = [(UserActivity.FromString(value), value) for value in values]
    return [one for one in told if one[0].media_id == media_id and one[0].kind != ACTIVITY_KIND_UPLOADED]


def test_it_is_listed_with_its_picture_and_note_and_the_event_has_ids_alone(gateway, client, caplog):
    caplog.set_level(logging.DEBUG)
    recipe, made = give(client, 1), give(client, 2)
    assert try_(client, recipe, made_media_id=made, note=f" {NOTE}\n").status_code == 202
    assert try_(client, recipe).status_code == 202
    second, first = tried(client)["tried"]
    assert first.pop("at").endswith("Z")
    assert first == {"media_id": recipe, "made_media_id": made, "note": NOTE}
    assert (second["media_id"], second["made_media_id"], second["note"]) == (recipe, None, None)
    told = told_of(gateway, recipe)
    assert [(event.kind, event.result_media_id) for event, _ in told] == [
        (ACTIVITY_KIND_TRIED, made),
        (ACTIVITY_KIND_TRIED, ""),
    ]
    assert not [value for _, value in told if NOTE.encode() in value]
    assert NOTE not in caplog.text


def test_sent_again_it_is_one_and_with_other_words_it_is_refused(client):
    recipe = give(client, 3)
    first, again = (try_(client, recipe, key="made-1", note=NOTE) for _ in range(2))
    assert first.json() == again.json()
    assert problem_of(try_(client, recipe, key="made-1", note="no"))[0] == 422
    assert [one["note"] for one in tried(client)["tried"]] == [NOTE]


def test_a_picture_and_a_note_belong_to_what_was_tried_alone(gateway, client):
    recipe, made = give(client, 4), give(client, 5)
    for said in ({"made_media_id": made}, {"note": NOTE}):
        refused = client.post("/v1/activity", json={"kind": "saved", "media_id": recipe, **said})
        assert problem_of(refused) == (422, "invalid-request")
        assert "'tried' alone" in refused.json()["detail"]
        assert NOTE not in refused.text
    assert client.post("/v1/activity", json={"kind": "saved", "media_id": recipe}).status_code == 202
    assert len(told_of(gateway, recipe)) == 1


def test_what_was_made_is_ones_own_kept_picture_and_the_note_is_short(gateway, client):
    keeper = gateway.client(gateway.key(subject=None, scopes=frozenset({"catalogue"})))
    catalogue = give(keeper, 6, purpose="catalogue")
    with gateway.as_person("someone else") as another:
        theirs = give(another, 7)
    own, searched = give(client, 8), give(client, 9, purpose="search")
    refusals = [
        (try_(client, own, made_media_id=theirs), (404, "no-such-picture")),
        (try_(client, theirs, made_media_id=own), (404, "no-such-picture")),
        (try_(client, own, made_media_id=catalogue), (422, "not-own-picture")),
        (try_(client, own, made_media_id=searched), (422, "not-own-picture")),
        (try_(client, searched, note=NOTE), (409, "picture-not-kept")),
        (try_(client, own, note="x" * 501), (422, "invalid-tried")),
        (try_(client, own, made_media_id=""), (422, "invalid-request")),
    ]
    assert [problem_of(response) for response, _ in refusals] == [expected for _, expected in refusals]
    assert tried(client) == {"tried": [], "next_cursor": None}
    assert [told_of(gateway, media_id) for media_id in (own, searched)] == [[], []]
    assert try_(client, catalogue, made_media_id=own).status_code == 202


def test_it_is_gone_with_the_picture_of_what_was_made_and_nobody_else_reads_it(gateway, client):
    recipe, made = give(client, 10), give(client, 11)
    try_(client, recipe, made_media_id=made, note=NOTE)
    try_(client, recipe, note="kept")
    with gateway.as_person("yet another") as another:
        assert tried(another)["tried"] == []
    page = tried(client, limit=1)
    assert [one["note"] for one in page["tried"]] == ["kept"]
    assert [one["note"] for one in tried(client, cursor=page["next_cursor"])["tried"]] == [NOTE]
    assert client.delete(f"/v1/media/{made}").status_code == 204
    pause = threading.Event()
    for _ in range(200):
        if len(tried(client)["tried"]) == 1:
            break
        pause.wait(0.05)
    assert [one["note"] for one in tried(client)["tried"]] == ["kept"]


def test_it_is_kept_before_it_is_told_under_the_same_event_each_time():
    done: list[tuple[str, str]] = []

    async def get_media(*_, **__):
        return GetMediaResponse(media=Media(purpose=PURPOSE_PERSONAL))

    async def keep_tried(request, **_):
        done.append(("kept", request.event_id))

    def append(records):
        done.extend(("told", UserActivity.FromString(record.value).event_id) for record in records)
        if len(done) == 2:
            raise DependencyAway("the log is away")

    peers = SimpleNamespace(ingest=SimpleNamespace(GetMedia=get_media), tried=SimpleNamespace(KeepTried=keep_tried))
    note = NoteActivity(peers, SimpleNamespace(append=append), lambda: 1, 1.0)
    made = ActivityModel(kind="tried", media_id="m-1", note=NOTE)
    who = Who("local", "p-1", frozenset())
    with pytest.raises(DependencyAway):
        asyncio.run(note(who, made, event_id="e-1"))
    asyncio.run(note(who, made, event_id="e-1"))
    assert done == [("kept", "e-1"), ("told", "e-1")] * 2
