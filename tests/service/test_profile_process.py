"""Profile as a process of its own: events in, interests out, and what a kill in the middle leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from profile_builders import TENANT

from nungil.api.common.v1.common_pb2 import PURPOSE_PERSONAL, Caller
from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.api.ingest.v1.events_pb2 import MediaChanged
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub
from nungil.database.migrations import upgrade
from nungil.event_log import topics
from nungil.event_log.dead_letters import DEAD_REASON
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.object_store import keys
from nungil.object_store.open import open_object_store
from nungil.pictures.features import Features, FoundLabel, encode_features
from nungil.runtime import ids
from nungil.runtime.rpc import is_serving, open_channel

DEADLINE_S = 60.0
SPACE = "tiny-64-v1"


def until(true: Callable[[], bool], what: str) -> None:
    deadline, pause = time.monotonic() + DEADLINE_S, Event()
    while not true():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        pause.wait(0.05)


class ARunningProfile:
    """Its process, and the world around it."""

    def __init__(self, folder: Path, sockets: str) -> None:
        self.log_url = f"sqlite://{folder}/log.db"
        self.objects_url = f"file://{folder}/objects"
        self.database_url = f"sqlite://{folder}/profile.db"
        self.address = f"unix:{sockets}/p.sock"
        upgrade("profile", self.database_url)
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "NUNGIL_EVENT_LOG_URL": self.log_url,
            "NUNGIL_OBJECT_STORE_URL": self.objects_url,
            "NUNGIL_DATABASE_URL": self.database_url,
            "NUNGIL_ENCODER_URL": "tiny://64",
            "NUNGIL_LISTEN": self.address,
        }
        self.process = subprocess.Popen([sys.executable, "-m", "services.profile"], env=environment)
        until(lambda: self.process.poll() is None and is_serving(self.address), "profile serves")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def consenting(self) -> Caller:
        with open_channel(self.address) as channel:
            stub = ProfileServiceStub(channel)
            person = stub.Identify(pb.IdentifyRequest(tenant=TENANT, subject="mina")).person_id
            caller = Caller(tenant=TENANT, person_id=person)
            stub.SetConsent(pb.SetConsentRequest(caller=caller, purpose=pb.CONSENT_PURPOSE_IMAGE_INTEREST, given=True))
            return caller

    def dogs(self, caller: Caller) -> tuple[float, set[str]]:
        """The weight of dogs, and the pictures behind it."""
        with open_channel(self.address) as channel:
            answer = ProfileServiceStub(channel).GetInterests(pb.GetInterestsRequest(caller=caller))
        [found] = [i for i in answer.interests if i.id == "dogs"] or [pb.Interest()]
        return found.weight, {evidence.media_id for evidence in found.evidence}

    def embedded(self, owner: str, media_ids: list[str]) -> None:
        """Embed has found a golden retriever in each."""
        label_map = np.full((1, 8, 8), 1.0, dtype=np.float32)
        labels = (FoundLabel("golden_retriever", 1.0),)
        records = []
        with open_object_store(self.objects_url) as objects, open_event_log(self.log_url) as log:
            for media_id in media_ids:
                features = Features(
                    TENANT, media_id, owner, SPACE, 1, 64, 64, np.zeros((8, 8, 64), np.float32), (), labels, label_map
                )
                objects.put(keys.features_key(TENANT, media_id, SPACE), encode_features(features))
                event = MediaEmbedded(
                    event_id=ids.new_event_id(),
                    tenant=TENANT,
                    media_id=media_id,
                    version=1,
                    outcome=MediaEmbedded.OUTCOME_EMBEDDED,
                    owner=owner,
                    purpose=PURPOSE_PERSONAL,
                )
                records.append(NewRecord(topics.MEDIA_EMBEDDED, media_id, event.SerializeToString()))
            log.append(records)

    def deleted(self, media_id: str) -> None:
        event = MediaChanged(tenant=TENANT, media_id=media_id, change=MediaChanged.CHANGE_DELETED, version=2)
        with open_event_log(self.log_url) as log:
            log.append([NewRecord(topics.MEDIA_CHANGED, media_id, event.SerializeToString())])


@pytest.fixture
def profile(tmp_path) -> Iterator[ARunningProfile]:
    with tempfile.TemporaryDirectory(prefix="ngl-") as sockets:
        running = ARunningProfile(tmp_path, sockets)
        try:
            yield running
        finally:
            running.kill()


def test_uploads_become_interests_and_a_deletion_takes_them_back(profile):
    caller = profile.consenting()
    kept, gone = ids.new_media_id(), ids.new_media_id()
    profile.embedded(caller.person_id, [kept, gone])
    until(lambda: profile.dogs(caller)[1] == {kept, gone}, "both pictures are behind the interest")
    profile.deleted(gone)
    until(lambda: profile.dogs(caller)[1] == {kept}, "one is not any more")
    assert profile.dogs(caller)[0] == pytest.approx(1.0, abs=0.01)
    assert profile.stop() == 0


def test_a_record_that_is_wrong_goes_to_the_dead_letters_and_the_next_is_handled(profile):
    caller = profile.consenting()
    with open_event_log(profile.log_url) as log:
        log.append([NewRecord(topics.USER_ACTIVITY, caller.person_id, b"\xff\xff\xff")])
        picture = ids.new_media_id()
        profile.embedded(caller.person_id, [picture])
        until(lambda: profile.dogs(caller)[1] == {picture}, "the upload is counted")
        with log.tail([topics.dead_topic(topics.USER_ACTIVITY, "profile")], since="start") as dead:
            [record] = dead.poll(max_records=10, timeout_s=10)
    assert record.value == b"\xff\xff\xff"
    assert "its bytes are no UserActivity" in record.headers[DEAD_REASON]


def test_a_kill_in_the_middle_counts_every_picture_once(profile):
    caller = profile.consenting()
    pictures = [ids.new_media_id() for _ in range(60)]
    profile.embedded(caller.person_id, pictures)
    until(lambda: profile.dogs(caller)[0] > 0, "the first is counted")
    profile.kill()
    profile.embedded(caller.person_id, pictures)  # and embed, killed as well, tells of them again
    profile.start()
    last = ids.new_media_id()
    until(lambda: profile.dogs(caller)[0] >= 59.5, "all are counted")
    profile.embedded(caller.person_id, [last])
    until(lambda: last in profile.dogs(caller)[1], "what came after is counted too")
    assert profile.dogs(caller)[0] == pytest.approx(61, abs=0.1)


def test_a_database_without_its_tables_is_a_reason_not_to_start(tmp_path):
    environment = {
        **os.environ,
        "NUNGIL_EVENT_LOG_URL": f"sqlite://{tmp_path}/log.db",
        "NUNGIL_OBJECT_STORE_URL": f"file://{tmp_path}/objects",
        "NUNGIL_DATABASE_URL": f"sqlite://{tmp_path}/profile.db",
        "NUNGIL_LISTEN": f"unix:{tmp_path}/p.sock",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "services.profile"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "nungil migrate profile" in ended.stderr
