"""Index and profiles made again, and the encoder changed and changed back, on a running system."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from local_system import LocalSystem, a_system, document, paint

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]  # three starts, and a process a command

OLD, NEW = "tiny://64", "tiny://32"
COLOURS = [(205, 133, 63), (60, 140, 70), (200, 30, 40), (30, 60, 200)]
PICTURES = 24


def assert_finds(system: LocalSystem) -> None:
    """Something like the newest picture is found."""
    with system.api() as api:
        media_id = next(iter(api.each_media(purpose="personal")))["media_id"]
        assert api.search({"media_id": media_id, "filters": {}, "limit": 5})["hits"]


def rebuilt(system: LocalSystem, *options: str) -> dict[str, object]:
    done = system.nungil("rebuild", "index", "--json", *options)
    assert done.returncode == 0, done.stderr
    return document(done)


def test_rows_and_profiles_are_made_again_and_the_encoder_is_changed_and_changed_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    paint(tmp_path / "pictures", PICTURES, COLOURS, seed=3)
    with a_system(data) as system:
        assert system.nungil("import", str(tmp_path / "pictures"), "--json").returncode == 0
        first = rebuilt(system)
        assert (first["pictures"], first["changed"], first["same"]) == (PICTURES, 0, True)
        assert first["rows"] == first["rows_in_index"]
        done = system.nungil("rebuild", "profiles", "--json")
        assert done.returncode == 0, done.stderr
        people = document(done)
        assert (people["persons"], people["entries"], people["changed"], people["same"]) == (1, PICTURES, 0, True)
        filled = rebuilt(system, "--encoder", NEW)
        assert (filled["encoded"], filled["right"]) == (PICTURES, True)
        assert_finds(system)  # in the old space still
        compared = document(system.nungil("encoder", "compare", OLD, NEW, "--sample", "5", "--best", "5", "--json"))
        assert (compared["in_both"], compared["sampled"]) == (PICTURES, 5)
        assert 0.0 < compared["overlap"] <= 1.0
        assert system.nungil("encoder", "switch", NEW).returncode == 0

    shutil.rmtree(data / "index")
    with a_system(data, "--encoder", NEW) as system:
        lost = rebuilt(system)
        assert (lost["changed"], lost["encoded"], lost["digest"]) == (PICTURES, 0, filled["digest"])
        assert_finds(system)
        assert system.nungil("encoder", "switch", OLD).returncode == 0

    with a_system(data, "--encoder", OLD) as system:
        assert rebuilt(system)["digest"] == first["digest"]
        assert_finds(system)
        assert document(system.nungil("encoder", "drop", NEW, "--json"))["pictures"] == PICTURES
