"""One story of a system on any stack: rows and profiles made again, the encoder changed and changed back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from threading import Event
from typing import Any

import httpx
from local_system import LocalSystem, a_system, document, paint, wait_until

from nungil.api.embed.v1.events_pb2 import MediaEmbedded
from nungil.cli.importing import Importer
from nungil.event_log.open import open_event_log
from nungil.event_log.port import Record
from nungil.event_log.topics import MEDIA_EMBEDDED, USER_ACTIVITY

OLD, NEW = "tiny://64", "tiny://32"
COLOURS = [(205, 133, 63), (60, 140, 70), (200, 30, 40), (30, 60, 200)]
PICTURES = 12
_WITHIN_S = 90


def tell_the_change(folder: Path, lose_rows: Callable[[Path, str], None], *options: str) -> None:
    """lose_rows: empties the index of a stopped system, given its data folder and the URL of its index."""
    data = folder / "data"
    with a_system(data, "--encoder", OLD, *options) as system:
        ids = imported(system, paint(folder / "pictures", PICTURES, COLOURS, seed=3))
        first = rebuilt(system)
        assert (first["pictures"], first["changed"], first["same"]) == (PICTURES, 0, True)
        assert first["rows"] == first["rows_in_index"]
        await_learnt(system, PICTURES)
        people = told(system.nungil("rebuild", "profiles", "--json"))
        assert (people["persons"], people["entries"], people["changed"], people["same"]) == (1, PICTURES, 0, True)
        filled = filled_while_searching(system, like=ids[0])
        assert (filled["encoded"], filled["right"]) == (PICTURES, True)
        compared = told(system.nungil("encoder", "compare", OLD, NEW, "--sample", "5", "--best", "5", "--json"))
        assert (compared["in_both"], compared["sampled"]) == (PICTURES, 5)
        assert 0.0 < compared["overlap"] <= 1.0
        [before_switch] = imported(system, paint(folder / "before", 1, COLOURS, seed=4))
        assert system.nungil("encoder", "switch", NEW).returncode == 0
        assert before_switch in found(system, like=ids[0])  # in the old space still

    with a_system(data, "--encoder", NEW, *options) as system:
        wait_until(lambda: before_switch in found(system, like=ids[0]), _WITHIN_S, system.said)
        wait_until(lambda: ids[0] in found(system, like=before_switch), _WITHIN_S, system.said)
        changed = rebuilt(system)
        assert (changed["pictures"], changed["changed"], changed["same"]) == (PICTURES + 1, 0, True)
        assert changed["space"] == filled["space"] != first["space"]
        [before_return] = imported(system, paint(folder / "after", 1, COLOURS, seed=5))
        assert system.nungil("encoder", "switch", OLD).returncode == 0
        index_url = system.runtime.vector_index_url

    lose_rows(data, index_url)
    with a_system(data, "--encoder", OLD, *options) as system:
        wait_until(lambda: before_return in found(system, like=ids[0]), _WITHIN_S, system.said)
        delete(system, before_switch, before_return)
        lost = rebuilt(system)
        assert (lost["changed"], lost["encoded"], lost["rows_in_index"]) == (PICTURES, 0, first["rows"])
        assert lost["digest"] == first["digest"]
        assert len(found(system, like=ids[0])) == PICTURES - 1
        assert told(system.nungil("encoder", "drop", NEW, "--json"))["pictures"] == PICTURES


def told(done: CompletedProcess[str]) -> dict[str, Any]:
    """What a command that did its work printed."""
    assert done.returncode == 0, done.stderr
    return document(done)


def rebuilt(system: LocalSystem) -> dict[str, Any]:
    return told(system.nungil("rebuild", "index", "--json"))


def imported(system: LocalSystem, files: list[Path]) -> list[str]:
    """Their ids, once they are searchable."""
    with system.api() as api:
        report = Importer(api, lambda *_: None, Event()).pictures(files, root=Path("/"), purpose="personal")
    return [report.ids[file] for file in files]


def found(system: LocalSystem, *, like: str) -> list[str]:
    """The pictures that a search with one of them finds; none where it is not known."""
    with system.api() as api:
        answer = api.search({"media_id": like, "filters": {}, "limit": 50})
    return [hit["media_id"] for hit in answer["hits"]]


def filled_while_searching(system: LocalSystem, *, like: str) -> dict[str, Any]:
    """The new space is filled; whoever searches meanwhile finds what they always found."""
    always = found(system, like=like)
    assert len(always) == PICTURES - 1
    with ThreadPoolExecutor(1) as beside:
        fill = beside.submit(system.nungil, "rebuild", "index", "--encoder", NEW, "--json")
        while not fill.done():
            assert found(system, like=like) == always
    return told(fill.result())


def await_learnt(system: LocalSystem, pictures: int) -> None:
    """Until profile has read an activity of each picture."""
    with open_event_log(system.runtime.event_log_url) as log, log.tail([USER_ACTIVITY], since="start") as tail:
        activities: list[Record] = []

        def all_told() -> bool:
            activities.extend(tail.poll(max_records=100, timeout_s=0.5))
            return len(activities) >= pictures

        wait_until(all_told, _WITHIN_S)
        wait_until(lambda: log.lag([USER_ACTIVITY], group="profile")[USER_ACTIVITY] == 0, _WITHIN_S)


def delete(system: LocalSystem, *media_ids: str) -> None:
    """Until embed has removed them."""
    with open_event_log(system.runtime.event_log_url) as log, log.tail([MEDIA_EMBEDDED], since="now") as tail:
        for media_id in media_ids:
            url, key = f"{system.runtime.url}/v1/media/{media_id}", {"Authorization": f"Bearer {system.folder.key()}"}
            assert httpx.delete(url, headers=key, timeout=30, trust_env=False).status_code < 300
        removed: set[str] = set()

        def all_removed() -> bool:
            events = [MediaEmbedded.FromString(r.value or b"") for r in tail.poll(max_records=100, timeout_s=0.5)]
            removed.update(e.media_id for e in events if e.outcome == MediaEmbedded.OUTCOME_REMOVED)
            return removed >= set(media_ids)

        wait_until(all_removed, _WITHIN_S)
