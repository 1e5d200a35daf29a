"""Real photographs that come inside installed packages; nothing is fetched."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_FILES = {
    "skimage": (
        "data/camera.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/hubble_deep_field.jpg",
        "data/motorcycle_left.png",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


def photographs() -> list[Path]:
    """The files, in a fixed order. The packages are found, not imported. Raises FileNotFoundError where one is missing."""
    found = []
    for package, names in _FILES.items():
        spec = find_spec(package)
        roots = (spec.submodule_search_locations or []) if spec else []
        for name in names:
            path = next((Path(root) / name for root in roots if (Path(root) / name).is_file()), None)
            if path is None:
                raise FileNotFoundError(f"{package} has no {name}: install what requirements/run.txt names")
            found.append(path)
    return found
