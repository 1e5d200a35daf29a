"""The code in nungil/api is what protos/ gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_generated_code_is_fresh(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["protos/generate.sh", str(tmp_path)], cwd=ROOT, env={**os.environ, "PATH": path}, check=True)
    assert generated(ROOT) == generated(tmp_path), "run `make proto` and commit what it writes"


def generated(root: Path) -> dict[str, str]:
    """Every generated file under nungil/api, by its path."""
    return {
        str(path.relative_to(root)): path.read_text()
        for path in (root / "nungil" / "api").rglob("*_pb2*")
        if path.suffix in (".py", ".pyi")
    }
