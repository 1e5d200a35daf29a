"""A person who leaves a running system: what they put in, and how it is asked for on their way out."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from local_system import ROOT, LocalSystem, document, paint, wait_until

from nungil.encoder.open import space_of
from nungil.event_log import topics
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.object_store.keys import features_key, original_key
from nungil.object_store.open import open_object_store
from nungil.pictures.features import decode_features
from tests.scanners.canaries import Canaries

SPACE = space_of("tiny://64").name
SUBJECT, TITLE = "canary-subject-5d0e7c", "canary-title-91ab33"
BOARD, NOTE = "canary-board-4477ee", "canary-note-c0ffee"
RED, GREEN = (210, 40, 40), (60, 140, 70)
WHOLE_LOG = tuple(topic.name for topic in topics.TOPICS)


@dataclass
class Person:
    """Speaks with a system as one subject. key: speaks for whomever it names."""

    system: LocalSystem
    key: str
    subject: str

    def http(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}", "Nungil-Person": self.subject}
        return httpx.Client(base_url=self.system.runtime.url, headers=headers, timeout=30, trust_env=False)

    def gives(self, *files: Path) -> list[str]:
        """The ids of pictures, once they can be found."""
        with self.http() as http:
            ids = []
            for file in files:
                answer = http.post("/v1/media", files={"file": (file.name, file.read_bytes())}).raise_for_status()
                ids.append(str(answer.json()["media_id"]))
            for media_id in ids:
                wait_until(lambda id_=media_id: self._state(http, id_) == "searchable", 60)  # type: ignore[misc]
        return ids

    def pictures(self) -> list[str]:
        """What they have."""
        with self.http() as http:
            return [media["media_id"] for media in http.get("/v1/media").raise_for_status().json()["media"]]

    @staticmethod
    def _state(http: httpx.Client, media_id: str) -> str:
        return str(http.get(f"/v1/media/{media_id}").raise_for_status().json()["state"])


def a_key(system: LocalSystem, folder: Path) -> str:
    """A key of the operator's that speaks for whomever it names."""
    key, file = f"nk_{secrets.token_urlsafe(32)}", folder / "operators-key"
    file.touch(mode=0o600)
    file.write_text(key)
    command = [sys.executable, "-m", "services.gateway.keys", "add", "--tenant", "local", "--key-file", str(file)]
    environment = {**os.environ, "NUNGIL_DATABASE_URL": system.runtime.settings["gateway"]["NUNGIL_DATABASE_URL"]}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return key


def has_a_life(person: Person, folder: Path) -> Canaries:
    """Pictures, one of them only searched with, a board with a pin, a watch, a consent; then what must be found of it until they leave."""
    files = paint(folder / "theirs", 2, [RED, GREEN], seed=7)
    files = [file.rename(file.with_name(f"{TITLE}-{n}.jpg")) for n, file in enumerate(files)]
    with person.http() as http:
        http.put("/v1/me/consent", json={"image_interest": True}).raise_for_status()
        first, second = person.gives(*files)
        http.post(
            "/v1/media", files={"file": ("x.jpg", files[0].read_bytes())}, data={"purpose": "search"}
        ).raise_for_status()
        board = http.post("/v1/me/boards", json={"name": BOARD}).raise_for_status().json()
        http.post(f"/v1/me/boards/{board['id']}/pins", json={"media_id": first, "note": NOTE}).raise_for_status()
        http.post("/v1/me/watches", json={"media_id": second}).raise_for_status()
        asked = {"media_id": first, "record": True}
        http.post("/v1/search", json=asked, headers={"Idempotency-Key": TITLE}).raise_for_status()
        http.post("/v1/activity", json={"kind": "liked", "media_id": first}).raise_for_status()
    with open_object_store(
        person.system.runtime.settings["ingest"]["NUNGIL_OBJECT_STORE_URL"], read_only=True
    ) as objects:
        original = objects.get(original_key("local", first))
        features = decode_features(objects.get(features_key("local", first, SPACE)))
    middle = len(original) // 2
    return Canaries(
        {
            "subject": SUBJECT.encode(),
            "title": TITLE.encode(),
            "board": BOARD.encode(),
            "note": NOTE.encode(),
            "picture": original[middle : middle + 48],
            "vector": np.asarray(features.regions[0].vector, dtype="<f4").tobytes(),
            "map": features.map.astype("<f2").tobytes()[:256],
            "media_id": first.encode(),
            "owner": features.owner.encode(),
        }
    )


def leaves(person: Person, receipt: Path) -> dict[str, Any]:
    """By the command, with the receipt kept in a file and checked; answers the receipt."""
    url = ("--url", person.system.runtime.url)
    options = ("--user", person.subject, "--yes", "--out", str(receipt), "--key", person.key, *url, "--json")
    command = [sys.executable, "-m", "nungil.cli.main"]
    done = subprocess.run(
        [*command, "erase", *options], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    checked = subprocess.run(
        [*command, "receipt", "verify", str(receipt), *url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert json.loads(receipt.read_text("utf-8")) == document(done)
    return document(done)


def is_quiet(system: LocalSystem) -> bool:
    """Whether no group has a record left to read."""
    with system.api() as api:
        return all(lag["records"] == 0 for lag in api.status()["lag"])


def everything_comes_again(log: EventLog, owner: str) -> int:
    """Appends every event once more in which the person occurs, as if all of them were late; how many."""
    again = [
        record
        for record in all_records(log)
        if owner.encode() in (record.value or b"") and ".dead." not in record.topic
    ]
    log.append([NewRecord(r.topic, r.key, r.value, r.headers) for r in again if r.topic != topics.USER_ERASED])
    return len(again)


def all_records(log: EventLog) -> list[Record]:
    """The log, from its start."""
    found: list[Record] = []
    with log.tail(WHOLE_LOG, since="start") as tail:
        while more := tail.poll(max_records=1_000, timeout_s=1.0):
            found += more
    return found


def dead_letters(log: EventLog) -> list[Record]:
    """What services put away."""
    return [record for record in all_records(log) if ".dead." in record.topic]


def open_log(system: LocalSystem) -> Any:
    """The system's log."""
    return open_event_log(system.runtime.event_log_url)
