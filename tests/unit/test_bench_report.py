"""What the measurements share: the halves of a set, and the page of results."""

from __future__ import annotations

from pathlib import Path

from bench.halves import fitted, held_out
from bench.report import write_section


def test_the_halves_of_a_set_share_nothing_and_leave_nothing_out() -> None:
    photographs = [Path(f"{n:03}.jpg") for n in range(11)]
    assert not set(fitted(photographs)) & set(held_out(photographs))
    assert set(fitted(photographs)) | set(held_out(photographs)) == set(photographs)


def test_the_halves_do_not_depend_on_the_order_given() -> None:
    photographs = [Path(f"{n:03}.jpg") for n in range(11)]
    assert held_out(photographs[::-1]) == held_out(photographs)


def test_a_section_is_appended_once_and_then_replaced(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    write_section("rate", "| 1 |", page=page)
    write_section("ratio", r"| \1 |", page=page)
    write_section("rate", "| 2 |", page=page)
    text = page.read_text()
    assert text.startswith("# Benchmarks")
    assert "| 1 |" not in text
    assert text.index("| 2 |") < text.index(r"| \1 |")
    assert text.count("<!-- rate -->") == text.count("<!-- /rate -->") == 1


def test_a_section_names_the_machine(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write_section("rate", "| 1 |", page=page)
    assert "cores" in page.read_text()
