"""What `nungil up` starts: which programs, with which command, environment and health check."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from nungil.cli.data_folder import WITH_DATABASE, DataFolder
from nungil.cli.processes import ServiceProgram
from nungil.cli.stack import HOST, Stack
from nungil.runtime.rpc import is_serving

INDEX = "milvus-lite"
GATEWAY = "gateway"
RPC_SERVICES = ("ingest", "embed", "profile", "search")
NEED_INDEX = ("embed", "search")


@dataclass(frozen=True)
class Plan:
    """Where everything listens. Started in the order of `programs`, stopped in the reverse."""

    folder: DataFolder
    sockets: Path
    gateway_port: int
    stack: Stack
    encoder_url: str
    kept_encoder_url: str = ""

    @property
    def url(self) -> str:
        """The page, and the API under /v1."""
        return f"http://{HOST}:{self.gateway_port}"

    def address(self, service: str) -> str:
        """Where a service answers gRPC."""
        return f"unix:{self.sockets / service}.sock"

    @property
    def addresses(self) -> dict[str, str]:
        """Every service's gRPC address."""
        return {service: self.address(service) for service in RPC_SERVICES}

    def environment(self, service: str) -> dict[str, str]:
        """The settings of a service, as it reads them."""
        settings = {
            "event_log_url": self.stack.event_log_url_of(service),
            "object_store_url": self.stack.object_store_url,
            "vector_index_url": self.stack.vector_index_url,
            "encoder_url": self.encoder_url,
            **({"kept_encoder_url": self.kept_encoder_url} if self.kept_encoder_url else {}),
            "listen": f"{HOST}:{self.gateway_port}" if service == GATEWAY else self.address(service),
            **{f"{name}_address": address for name, address in self.addresses.items()},
            "unmet_people": "1",  # who is here is alone: there is nobody to be hidden among
        }
        if service in WITH_DATABASE:
            settings["database_url"] = self.stack.database_urls[service]
        return {f"NUNGIL_{name.upper()}": value for name, value in settings.items()}

    def programs(self) -> list[ServiceProgram]:
        """In the order in which they start."""
        return [*self._index(), *(self._service(name) for name in (*RPC_SERVICES, GATEWAY))]

    def _index(self) -> list[ServiceProgram]:
        index = self.stack.index
        if index is None:
            return []
        log = self.folder.logs / f"{INDEX}.log"
        return [ServiceProgram(INDEX, index.command, {}, log, lambda: _accepts(index.port))]

    def _service(self, name: str) -> ServiceProgram:
        return ServiceProgram(
            name,
            (sys.executable, "-m", f"services.{name}"),
            self.environment(name),
            self.folder.logs / f"{name}.log",
            self._health_of(name),
            needs=(INDEX,) if self.stack.index and name in NEED_INDEX else (),
        )

    def _health_of(self, name: str) -> Callable[[], bool]:
        if name == GATEWAY:
            return lambda: answers_http(self.url)
        return lambda: is_serving(self.address(name), timeout_s=0.5)


def answers_http(url: str) -> bool:
    """Whether the gateway lives."""
    try:
        return httpx.get(f"{url}/healthz", timeout=1.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port(wanted: int = 0) -> int:
    """`wanted` where nothing listens there, else one that the system gives. 0 wants any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])
