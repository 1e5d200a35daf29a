"""MinIO, an object store that speaks S3."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from nungil.local_servers.go_programs import GoProgram
from nungil.local_servers.server import Launch, Place

USER = "nungil"
_PROGRAM = GoProgram("minio", "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c", builds_as="minio")


@dataclass(frozen=True)
class Minio:
    """See server.Server."""

    cache: Path
    name: str = "minio"
    variable: str = "NUNGIL_TEST_S3"
    port_names: Sequence[str] = ("minio", "minio_console")

    def missing(self) -> Sequence[str]:
        return _PROGRAM.missing(self.cache)

    def fetch(self) -> None:
        _PROGRAM.fetch(self.cache)

    def launch(self, place: Place) -> Launch:
        data = place.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        ports = {"--address": place.ports["minio"], "--console-address": place.ports["minio_console"]}
        listen = [word for option, port in ports.items() for word in (option, f"127.0.0.1:{port}")]
        return Launch(
            [str(_PROGRAM.path(self.cache)), "server", *listen, str(data)],
            {
                "MINIO_ROOT_USER": USER,
                "MINIO_ROOT_PASSWORD": place.password,
                "MINIO_UPDATE": "off",
                "MINIO_BROWSER": "off",
            },
        )

    def ready(self, place: Place) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{place.ports['minio']}/minio/health/ready", timeout=1
            ) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def url(self, place: Place) -> str:
        return f"s3+http://{USER}:{place.password}@127.0.0.1:{place.ports['minio']}"
