"""What `nungil encoder switch` tells whoever runs the system."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from nungil.cli.data_folder import DataFolder
from nungil.cli.main import main

OLD, NEW = "tiny://64", "tiny://32"


def test_a_switch_says_what_to_do_next_and_how_to_go_back(tmp_path: Path) -> None:
    DataFolder(tmp_path).serve_with(OLD)
    said = CliRunner().invoke(main, ["encoder", "switch", NEW, "--data", str(tmp_path)]).output
    assert f"served from the next `nungil up` on: {NEW}\n" in said
    assert "stop and start it now" in said
    assert f"`nungil encoder switch {OLD}` switches back" in said


def test_a_switch_to_what_is_served_promises_no_way_back(tmp_path: Path) -> None:
    DataFolder(tmp_path).serve_with(OLD)
    said = CliRunner().invoke(main, ["encoder", "switch", OLD, "--data", str(tmp_path)]).output
    assert said == f"served from the next `nungil up` on: {OLD}\n"


def test_what_is_switched_to_is_not_dropped_before_it_is_served(tmp_path: Path) -> None:
    DataFolder(tmp_path).serve_with(OLD)
    CliRunner().invoke(main, ["encoder", "switch", NEW, "--data", str(tmp_path)])
    dropped = CliRunner().invoke(main, ["encoder", "drop", NEW, "--data", str(tmp_path)])
    assert dropped.exit_code == 1
    assert "from the next start on: switch to another first" in dropped.output
