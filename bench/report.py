"""docs/benchmarks.md: each measurement writes its own section, between markers, with the machine and the command."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
_TITLE = "# Benchmarks\n\nWritten by the programs in `bench/`; each section names the machine and the command.\n"


def machine() -> str:
    """Cores and processor, in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = re.findall(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        model = names[0] if names else model
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def command() -> str:
    """The command line that runs this measurement."""
    main = sys.modules["__main__"].__spec__
    if main is None:
        return " ".join(sys.argv)
    return " ".join(["python -m", main.name.removesuffix(".__main__"), *sys.argv[1:]])


def write_section(name: str, markdown: str, *, page: Path = PAGE) -> None:
    """Replaces the section `name` of the page, or appends it."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    when = datetime.now(UTC).date().isoformat()
    section = f"{begin}\n{markdown.strip()}\n\n{when}, {machine()}; `{command()}`\n{end}"
    text = page.read_text("utf-8") if page.exists() else _TITLE
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    text = pattern.sub(lambda _: section, text) if pattern.search(text) else f"{text.rstrip()}\n\n{section}\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, "utf-8")
