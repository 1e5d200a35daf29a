"""With which encoder a data folder is served, and `nungil rebuild` and `nungil encoder` where nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nungil.cli.data_folder import DataFolder, Encoders
from nungil.cli.errors import CommandFailed
from nungil.cli.main import main
from nungil.cli.plan import Plan
from nungil.cli.stack import embedded_stack
from nungil.runtime.errors import Misconfigured

OLD, NEW, THIRD = "tiny://64", "tiny://32", "tiny://16"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_a_new_folder_is_served_with_what_it_is_started_with_and_keeps_nothing(folder: DataFolder) -> None:
    assert folder.serve_with(OLD) == Encoders(OLD, before="") == folder.encoders()


def test_the_encoder_before_is_kept_and_can_be_switched_back_to(folder: DataFolder) -> None:
    folder.serve_with(OLD)
    assert folder.serve_with(NEW) == Encoders(NEW, before=OLD)
    assert folder.serve_with(NEW) == Encoders(NEW, before=OLD)
    assert folder.serve_with(OLD) == Encoders(OLD, before=NEW)


def test_how_an_encoder_runs_can_be_changed_without_keeping_another(folder: DataFolder) -> None:
    folder.serve_with(OLD)
    folder.serve_with("efficientnet-lite0://")
    exact = "efficientnet-lite0://?precision=fp32"
    assert folder.serve_with(exact) == Encoders(exact, before=OLD) == folder.encoders()


def test_a_third_encoder_waits_until_the_first_is_dropped(folder: DataFolder) -> None:
    folder.serve_with(OLD)
    folder.serve_with(NEW)
    with pytest.raises(CommandFailed, match=f"nungil encoder drop {OLD}"):
        folder.serve_with(THIRD)
    folder.keep_no_encoder(THIRD)
    assert folder.encoders().before == OLD
    folder.keep_no_encoder(OLD)
    assert folder.serve_with(THIRD) == Encoders(THIRD, before=NEW)


def test_a_url_that_names_no_encoder_changes_nothing(folder: DataFolder) -> None:
    folder.serve_with(OLD)
    with pytest.raises(Misconfigured):
        folder.serve_with("tiny://x")
    assert folder.encoders() == Encoders(OLD)


def test_embed_is_told_which_space_is_kept(folder: DataFolder) -> None:
    stack = embedded_stack(folder, 9000)
    assert Plan(folder, Path("/n"), 1, stack, NEW, OLD).environment("embed")["NUNGIL_KEPT_ENCODER_URL"] == OLD
    assert "NUNGIL_KEPT_ENCODER_URL" not in Plan(folder, Path("/n"), 1, stack, NEW).environment("embed")


def test_the_switch_is_noted_for_the_next_start(folder: DataFolder) -> None:
    folder.serve_with(OLD)
    done = CliRunner().invoke(main, ["encoder", "switch", NEW, "--data", str(folder.root)])
    assert done.exit_code == 0
    assert folder.encoders() == Encoders(NEW, before=OLD)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["rebuild", "index"], 3),
        (["rebuild", "labels"], 3),
        (["rebuild", "profiles"], 3),
        (["rebuild", "index", "--encoder", "tiny://x"], 2),
        (["encoder", "compare", OLD, NEW], 3),
        (["encoder", "drop", NEW], 3),
        (["encoder", "switch", "tiny://x"], 2),
    ],
)
def test_where_nothing_runs_or_the_url_is_wrong_a_command_says_so(
    folder: DataFolder, arguments: list[str], code: int
) -> None:
    assert CliRunner().invoke(main, [*arguments, "--data", str(folder.root)]).exit_code == code


def test_a_switch_without_a_data_folder_makes_none(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["encoder", "switch", NEW, "--data", str(tmp_path / "x")]).exit_code == 1
    assert not (tmp_path / "x").exists()
