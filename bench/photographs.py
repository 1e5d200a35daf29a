"""The photographs that measurements use, by set; see their README."""

from __future__ import annotations

import os
from pathlib import Path

PHOTOS = Path(os.environ.get("NUNGIL_PHOTOS") or Path(__file__).resolve().parents[2] / "shared" / "data")
SETS = ("clothing", "gallery", "grocery/photos", "grocery/products", "scenes")


def of_set(name: str) -> list[Path]:
    """Every photograph of a set, sorted by path. Exits, saying so, where there are none."""
    found = sorted(path for path in (PHOTOS / name).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        raise SystemExit(f"no photographs under {PHOTOS / name}: set NUNGIL_PHOTOS")
    return found
