"""Index and profiles made again, and the encoder changed and changed back, on a running system."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from change_of_encoder import tell_the_change

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]  # three starts, and a process a command


def test_rows_and_profiles_are_made_again_and_the_encoder_is_changed_and_changed_back(tmp_path: Path) -> None:
    tell_the_change(tmp_path, lambda data, _: shutil.rmtree(data / "index"))
