"""The load: pictures arrive at a steady pace, some are saved, in some a part is searched for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from faults.client import PatientClient, Request
from faults.pictures import Picture

_CLIENTS = 24
_LOOK_EVERY_S = 0.4
SEARCHABLE_WITHIN_S = 240.0


@dataclass(frozen=True)
class Given:
    """An accepted picture, and when its answer came."""

    picture: Picture
    media_id: str
    accepted_s: float


@dataclass
class Story:
    """What users did and saw. searchable_s: by media id, when it was first seen so. Times of time.monotonic."""

    began_s: float
    requests: list[Request]
    given: list[Given] = field(default_factory=list)
    searchable_s: dict[str, float] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """per_s: uploads a second. A fifth of the pictures is saved, in a quarter a part is searched for: by the seed, always the same."""

    pictures: Sequence[Picture]
    per_s: float
    seed: int

    @property
    def lasts_s(self) -> float:
        """How long it takes where nothing is away."""
        return len(self.pictures) / self.per_s

    def run(self, new_http: Callable[[], httpx.Client], stop: threading.Event) -> Story:
        """Returns when everything that was asked for is answered and every accepted picture has come to its end, or time is over."""
        with new_http() as http, new_http() as looks:
            client = PatientClient(http, stop)
            story = Story(time.monotonic(), client.requests)
            over = threading.Event()
            watcher = threading.Thread(target=_watch, args=(looks, story, over), daemon=True)
            watcher.start()
            with ThreadPoolExecutor(_CLIENTS) as pool:
                users = []
                for n, picture in enumerate(self.pictures):
                    if stop.wait(max(0.0, story.began_s + n / self.per_s - time.monotonic())):
                        break
                    users.append(pool.submit(self._user, client, story, n, picture, stop))
                for user in users:
                    user.result()
            _until(lambda: len(story.searchable_s) >= len(story.given), SEARCHABLE_WITHIN_S, stop)
            over.set()
            watcher.join()
        return story

    def _user(self, client: PatientClient, story: Story, n: int, picture: Picture, stop: threading.Event) -> None:
        chance = random.Random(f"{self.seed}/{n}")
        given = client.send(
            "upload", "/v1/media", key=f"give-{self.seed}-{n}", files={"file": (picture.name, picture.data)}
        )
        if given.answer is None:
            return
        media_id = given.answer["media_id"]
        story.given.append(Given(picture, media_id, given.ended_s))
        if chance.random() < 0.2:
            saved = {"kind": "saved", "media_id": media_id}
            client.send("save", "/v1/activity", key=f"save-{self.seed}-{n}", json=saved)
        if chance.random() < 0.25:
            _until(lambda: media_id in story.searchable_s, SEARCHABLE_WITHIN_S, stop)
            left, top = chance.choice([0.0, 0.25, 0.5]), chance.choice([0.0, 0.25, 0.5])
            box = {"x": left, "y": top, "width": 0.5, "height": 0.5}
            query: dict[str, Any] = {"media_id": media_id, "box": box, "limit": 10}
            client.send("search", "/v1/search", key=f"search-{self.seed}-{n}", json=query)


def _watch(http: httpx.Client, story: Story, over: threading.Event) -> None:
    """Notes when each picture is first seen at its end, as somebody who looks at their list of pictures sees it."""
    while not over.wait(_LOOK_EVERY_S):
        waiting = {given.media_id for given in list(story.given)} - set(story.searchable_s)
        cursor: str | None = ""
        with suppress(httpx.HTTPError):
            while waiting and cursor is not None:
                page = http.get("/v1/media", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
                page.raise_for_status()
                listed = page.json()
                for media in listed["media"]:
                    story.states[media["media_id"]] = media["state"]
                    if media["media_id"] in waiting and media["state"] != "accepted":
                        story.searchable_s[media["media_id"]] = time.monotonic()
                        waiting.discard(media["media_id"])
                cursor = listed["next_cursor"]


def _until(done: Callable[[], bool], timeout_s: float, stop: threading.Event) -> bool:
    ends_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > ends_s or stop.wait(0.05):
            return False
    return True
