"""Toxiproxy: the other servers once more, through a proxy that can be told to be slow or to cut connections."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nungil.local_servers.go_programs import GoProgram
from nungil.local_servers.server import Launch, Place, listens

_PROGRAM = GoProgram("toxiproxy-server", "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0", builds_as="server")
UPSTREAMS = {"kafka": "kafka_proxied", "minio": "minio", "milvus": "milvus", "postgres": "postgres"}


@dataclass(frozen=True)
class FaultProxy:
    """See server.Server. The port of the way through the proxy to `kafka` is `proxy_kafka`, and so on."""

    cache: Path
    name: str = "proxy"
    variable: str = "NUNGIL_TEST_PROXY"
    port_names: Sequence[str] = ("proxy", *(f"proxy_{server}" for server in UPSTREAMS))

    def missing(self) -> Sequence[str]:
        return _PROGRAM.missing(self.cache)

    def fetch(self) -> None:
        _PROGRAM.fetch(self.cache)

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(parents=True, exist_ok=True)
        ways = [
            {
                "name": server,
                "listen": f"127.0.0.1:{place.ports[f'proxy_{server}']}",
                "upstream": f"127.0.0.1:{place.ports[port]}",
            }
            for server, port in UPSTREAMS.items()
            if port in place.ports
        ]
        config = place.folder / "proxies.json"
        config.write_text(json.dumps(ways))
        listen = ["-host", "127.0.0.1", "-port", str(place.ports["proxy"])]
        return Launch([str(_PROGRAM.path(self.cache)), *listen, "-config", str(config)])

    def ready(self, place: Place) -> bool:
        return listens(place.ports["proxy"])

    def url(self, place: Place) -> str:
        return f"http://127.0.0.1:{place.ports['proxy']}"
