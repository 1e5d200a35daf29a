"""What was fitted for an encoder space by bench/calibrate.py: a small file in `calibrations/`, named as the space."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def calibration_of(space: str) -> Mapping[str, Any]:
    """The file's sections: `regions` (see pictures.objectness) and `judging` (search). Empty for a space that nobody has calibrated."""
    file = resources.files("nungil.encoder").joinpath("calibrations", f"{space}.json")
    if not file.is_file():
        return {}
    sections: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return sections
