"""`nungil buckets apply` and `nungil databases apply`, where no server is needed. With servers: tests/real."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nungil.cli.main import main


@pytest.mark.parametrize(
    ("words", "variable", "scheme"),
    [
        (["buckets", "apply"], "NUNGIL_OBJECT_STORE_URL", "file://"),
        (["databases", "apply"], "NUNGIL_DATABASE_URL", "sqlite://"),
    ],
)
def test_nothing_is_to_be_made_for_what_lies_in_a_folder(
    words: list[str], variable: str, scheme: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(main, words, env={variable: f"{scheme}{tmp_path}/absent"})
    assert result.exit_code == 0
    assert result.stderr.startswith("nothing to do")
    assert not (tmp_path / "absent").exists()


def test_a_bucket_without_keys_is_refused_with_what_to_set() -> None:
    result = CliRunner().invoke(main, ["buckets", "apply", "--object-store-url", "s3+http://127.0.0.1:9/nungil"])
    assert result.exit_code == 2
    assert "NUNGIL_S3_ACCESS_KEY" in result.stderr


def test_what_names_no_database_is_refused_without_its_password() -> None:
    result = CliRunner().invoke(main, ["databases", "apply", "--database-url", "mysql://me:hidden@host/x"])
    assert result.exit_code == 2
    assert "postgresql://" in result.stderr
    assert "hidden" not in result.stderr
