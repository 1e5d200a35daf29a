"""`kill -9` of any one service during an import of 200 pictures: nothing is lost, nothing is there twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from local_system import LocalSystem, wait_until
from PIL import Image

from nungil.cli.api import Api
from nungil.cli.importing import Importer

pytestmark = [pytest.mark.system]

PICTURES = 200
KILLED_AFTER = 60  # uploads
# Each victim has a colour of its own, which the tiny encoder takes for one label, and so for one interest.
VICTIMS = {
    "ingest": ((210, 40, 40), "sports_cars"),
    "embed": ((60, 140, 70), "mountains"),
    "profile": ((240, 220, 60), "fruit"),
    "milvus-lite": ((250, 250, 250), "coffee"),
    "search": ((120, 60, 160), "formal_wear"),
    "gateway": ((205, 133, 63), "dogs"),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_every_accepted_picture_is_found_once_and_counted_once(
    system: LocalSystem, tmp_path: Path, victim: str
) -> None:
    colour, interest = VICTIMS[victim]
    with system.api() as api:
        weight_of_one = weight_after(api, interest, [import_all(api, plain(tmp_path / "one", 1, colour))])
        rows_before = api.status()["index"]["rows"]

        def kill_midway(stage: str, done: int, _: int) -> None:
            if stage == "uploading" and done == KILLED_AFTER:
                killed.append(system.kill(victim))

        killed: list[int] = []
        ids = import_all(api, plain(tmp_path / "many", PICTURES, colour), kill_midway)
        [killed_pid] = killed
        system.wait_until_restarted(victim, killed_pid)

        assert len(set(ids)) == PICTURES
        media = [api.media(media_id) for media_id in ids]
        assert Counter(picture["state"] for picture in media) == {"searchable": PICTURES}
        regions = sum(len(picture["regions"]) for picture in media)
        assert api.status()["index"]["rows"] - rows_before == regions
        found = Counter(every_hit(api, ids[0]))
        assert {media_id: found[media_id] for media_id in ids[1:]} == dict.fromkeys(ids[1:], 1)

        all_of_them = pytest.approx((PICTURES + 1) * weight_of_one, abs=0.4 * weight_of_one)
        wait_until(lambda: weights(api).get(interest) == all_of_them, 60, lambda: (weights(api), api.status()["lag"]))
        wait_until(lambda: is_quiet(api), 60, lambda: api.status()["lag"])
        assert weights(api)[interest] == all_of_them
    assert f"{victim} was killed by signal 9; starting it again in" in system.said()


def import_all(api: Api, files: list[Path], progress: object = None) -> list[str]:
    """Imports until all are searchable; their ids."""
    report = Importer(api, progress or (lambda *_: None), Event()).pictures(  # type: ignore[arg-type]
        files, root=files[0].parent, purpose="personal"
    )
    assert report.rejected == []
    assert report.searchable == len(files)
    return [report.ids[file] for file in files]


def weight_after(api: Api, interest: str, _: object) -> float:
    """The interest's weight, once it is there."""
    wait_until(lambda: weights(api).get(interest), 60, lambda: weights(api))
    return weights(api)[interest]


def is_quiet(api: Api) -> bool:
    """Whether all is read, and still is after longer than a relay leaves events in an outbox, where no lag shows them."""

    def is_read() -> bool:
        return not any(lag["records"] for lag in api.status()["lag"])

    return is_read() and not Event().wait(2.0) and is_read()


def weights(api: Api) -> dict[str, float]:
    """Every interest's weight."""
    return {interest["id"]: interest["weight"] for interest in api.interests()["interests"]}


def every_hit(api: Api, media_id: str) -> list[str]:
    """The pictures on every page of a search with a whole picture."""
    query = {"media_id": media_id, "limit": 100, "record": False}
    page = api.search(query)
    hits = [hit["media_id"] for hit in page["hits"]]
    while page["next_cursor"]:
        page = api.search(query | {"cursor": page["next_cursor"]})
        hits += [hit["media_id"] for hit in page["hits"]]
    return hits


def plain(folder: Path, count: int, colour: tuple[int, int, int]) -> list[Path]:
    """Pictures of one colour that differ in one pixel: as bytes no two are the same, to an encoder they all are."""
    folder.mkdir()
    paths = []
    for number in range(count):
        pixels = np.full((64, 64, 3), colour, np.uint8)
        pixels[number // 64, number % 64] = colour[0] // 2 + (folder.name == "one"), colour[1], colour[2]
        paths.append(folder / f"{number:03d}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths
