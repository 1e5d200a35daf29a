"""The table of metrics in docs/guide/observability.md, from the list in metrics.py.

python -m nungil.runtime.metrics_page
"""

from __future__ import annotations

import re
from pathlib import Path

from nungil.runtime.metrics import METRICS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "observability.md"
_SECTION = re.compile(r"(?<=<!-- metrics -->\n).*?(?=<!-- /metrics -->)", re.DOTALL)


def table() -> str:
    """Markdown, a row a metric."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |\n"
        for metric in METRICS
    ]
    return "| metric | kind | labels | |\n|---|---|---|---|\n" + "".join(rows)


def with_table(page: str) -> str:
    """The page, its table written anew."""
    return _SECTION.sub(lambda _: table(), page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
