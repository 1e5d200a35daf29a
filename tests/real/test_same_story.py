"""One story told twice, of the system on the data folder alone and on the real servers: the same hits, the same profile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from local_system import PROGRAMS, LocalSystem, a_system, wait_until

from nungil.cli.api import Api, Json
from nungil.cli.importing import Importer, Report
from nungil.demo.__main__ import BOX, POINTED_AT
from nungil.demo.catalogue import write_catalogue
from nungil.demo.photographs import photographs

pytestmark = [pytest.mark.real]

SERVERS = {f"NUNGIL_TEST_{name}" for name in ("KAFKA", "S3", "MILVUS", "POSTGRES", "SERVERS")}
# The encoder of the demo: its vectors tell cups from teapots, so that the order of the hits says something.
ENCODER = ("--encoder", "efficientnet-lite0://")
SEARCHES: dict[str, Json] = {
    "the cup": {"box": BOX},
    "the cup, where it can be bought": {"box": BOX, "filters": {"market": "KR", "in_stock": True}},
    "the whole picture": {},
    "a corner": {"box": {"x": 0.6, "y": 0.55, "width": 0.4, "height": 0.45}},
    "what is sold in Japan": {"filters": {"market": "JP"}},
}
PAGE, PAGES = 7, 6


@dataclass
class Story:
    """What a person saw. hits: (picture's file or item, score) by search; weights and evidence by interest."""

    hits: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    interests: list[str] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    rows: int = 0


class Teller:
    """Does the same to any system, and notes what it answers."""

    def __init__(self, system: LocalSystem, api: Api, folder: Path) -> None:
        self._api, self._folder = api, folder
        headers = {"Authorization": f"Bearer {system.folder.key()}"}
        self._http = httpx.Client(base_url=system.runtime.url, headers=headers, timeout=30, trust_env=False)
        self._names: dict[str, str] = {}

    def tell(self) -> Story:
        """Pictures go in, a part of one is pointed at, one is saved, one is deleted; then everything is asked for."""
        files = photographs()
        importer = Importer(self._api, lambda *_: None, Event())
        own = importer.pictures(files, root=Path("/"), purpose="personal")
        feed, _ = write_catalogue(self._folder, lambda *_: None)
        shop = importer.feed(feed, root=self._folder)
        self._note(own, shop)
        pointed_at = self._id_of(POINTED_AT)
        self._api.search({"media_id": pointed_at, "box": BOX, "limit": 5, "record": True})
        self._told(self._http.post("/v1/activity", json={"kind": "saved", "media_id": self._id_of("chelsea.png")}))
        self._told(self._http.delete(f"/v1/media/{self._id_of('rocket.jpg')}"))
        wait_until(self._is_quiet, 90, self._api.status)
        story = Story(rows=self._api.status()["index"]["rows"])
        for name, query in SEARCHES.items():
            story.hits[name] = list(self._hits({**query, "media_id": pointed_at, "limit": PAGE, "record": False}))
        for interest in self._api.interests()["interests"]:
            story.interests.append(interest["id"])
            story.weights[interest["id"]] = interest["weight"]
            story.evidence[interest["id"]] = sorted(
                (self._names[e["media_id"]], e["why"]["en"]) for e in interest["evidence"]
            )
        return story

    def _note(self, *reports: Report) -> None:
        for report in reports:
            assert report.rejected == []
            self._names |= {media_id: file.name for file, media_id in report.ids.items()}

    def _id_of(self, name: str) -> str:
        [media_id] = [media_id for media_id, known in self._names.items() if known == name]
        return media_id

    @staticmethod
    def _told(answer: httpx.Response) -> None:
        assert answer.status_code < 300, answer.text

    def _is_quiet(self) -> bool:
        """Whether nothing is on its way any more: no lag, and a profile that stays, twice in a row."""
        before = self._state()
        return not Event().wait(2.0) and before[0] == 0 and before == self._state()

    def _state(self) -> tuple[Any, ...]:
        status, interests = self._api.status(), self._api.interests()["interests"]
        behind = sum(lag["records"] for lag in status["lag"])
        return behind, status["index"]["rows"], {each["id"]: round(each["weight"], 3) for each in interests}

    def _hits(self, query: Json) -> Iterator[tuple[str, float]]:
        page = self._api.search(query)
        for _ in range(PAGES):
            yield from ((self._names[hit["media_id"]], hit["score"]) for hit in page["hits"])
            if not page["next_cursor"]:
                return
            page = self._api.search(query | {"cursor": page["next_cursor"]})


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return told_on("embedded", tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Story:
    if lacking := sorted(name for name in SERVERS if not os.environ.get(name)):
        pytest.skip(f"{', '.join(lacking)} are not set; `make test-real` starts the servers and sets them")
    return told_on("real", tmp_path_factory.mktemp("real"), "--servers", os.environ["NUNGIL_TEST_SERVERS"])


def told_on(stack: str, folder: Path, *options: str) -> Story:
    (folder / "catalogue").mkdir()
    with a_system(folder / "data", "--stack", stack, *ENCODER, *options) as system, system.api() as api:
        assert ("milvus-lite" in system.runtime.pids) is (stack == "embedded")
        assert set(system.runtime.pids) >= set(PROGRAMS) - {"milvus-lite"}
        return Teller(system, api, folder / "catalogue").tell()


@pytest.mark.parametrize("search", SEARCHES)
def test_the_same_hits_come_in_the_same_order(search: str, embedded: Story, real: Story) -> None:
    assert len(real.hits[search]) > PAGE, "more than a page"
    assert "rocket.jpg" not in dict(real.hits[search])
    assert [name for name, _ in real.hits[search]] == [name for name, _ in embedded.hits[search]]
    assert dict(real.hits[search]) == pytest.approx(dict(embedded.hits[search]), abs=1e-5)


def test_the_profile_is_the_same_with_the_same_pictures_behind_it(embedded: Story, real: Story) -> None:
    assert {"cats", "coffee"} <= set(real.interests)
    assert real.interests == embedded.interests
    assert real.weights == pytest.approx(embedded.weights, rel=1e-3)  # minutes lie between them, and interests fade
    assert real.evidence == embedded.evidence


def test_the_index_holds_the_same_rows(embedded: Story, real: Story) -> None:
    assert real.rows == embedded.rows > 0
