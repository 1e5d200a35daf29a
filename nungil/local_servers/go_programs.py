"""Programs that `go install` builds."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nungil.local_servers.server import FETCH_ATTEMPTS, lacking, run


@dataclass(frozen=True)
class GoProgram:
    """A program of a Go module. `builds_as`: the name that `go install` gives it."""

    name: str
    module: str
    builds_as: str

    def path(self, cache: Path) -> Path:
        """Where it is kept."""
        return cache / "bin" / self.name

    def missing(self, cache: Path) -> list[str]:
        """A sentence where it has to be built and cannot be."""
        if self.path(cache).exists():
            return []
        return lacking(
            {
                "go": f"install Go, 1.24 or newer, which builds {self.name} (Debian: apt install golang; macOS: brew install go)"
            }
        )

    def fetch(self, cache: Path) -> None:
        """Builds it, once. What Go has downloaded and compiled is kept by Go, so that a second try goes on from there."""
        if self.path(cache).exists():
            return
        self.path(cache).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            run(
                f"building {self.name} with Go, which takes some minutes, once",
                ["go", "install", self.module],
                environment={"GOBIN": folder, "CGO_ENABLED": "0"},
                attempts=FETCH_ATTEMPTS,
            )
            shutil.move(Path(folder) / self.builds_as, self.path(cache))
