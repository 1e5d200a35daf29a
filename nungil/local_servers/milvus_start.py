"""Becomes a Milvus server. Run with the Python of Milvus' own environment: FOLDER, then the ports for clients and for metrics.

The package's own `milvus-server` stays as the parent of the server that it starts; one process is easier to kill and pause.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_SETTINGS = {
    # An index of rows not yet flushed that returns fewer rows than it has: 6.9 of 20 where a filter passes 0.1 %.
    "queryNode.segcore.interimIndex.enableIndex": False,
    # What was compacted away is gone within seconds, not three hours: tests look into the files.
    "dataCoord.gc.interval": 5,
    "dataCoord.gc.dropTolerance": 10,
}


def main() -> None:
    """Writes the configuration, unpacks the program where that was not done yet, and becomes it."""
    import milvus  # type: ignore[import-not-found]  # of that other environment

    class Config(milvus.MilvusServerConfig):  # type: ignore[misc]
        """As Milvus itself, takes a port whose connections of a moment ago the system still remembers."""

        def try_bind_port(self, port: int) -> socket.socket | None:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
                sock.listen()
            except OSError:
                sock.close()
                return None
            return sock

    folder, port, metrics_port = sys.argv[1:]
    config = Config()
    config.update(data_dir=folder, proxy_port=int(port))
    for name, value in _SETTINGS.items():
        config.set(name, str(value).lower())
    config.resolve()
    milvus._initialize_data_files(config.base_data_dir)
    program = Path(config.base_data_dir, "bin", "milvus")
    os.chdir(config.base_data_dir)
    environment = {
        "DEPLOY_MODE": "STANDALONE",
        "METRICS_PORT": metrics_port,
        "MILVUS_RUN_DIR": os.path.join(config.base_data_dir, "run"),
        "LD_LIBRARY_PATH": str(program.parent),
        "DYLD_LIBRARY_PATH": str(program.parent),
    }
    os.execve(program, [str(program), "run", "standalone"], {**os.environ, **environment})  # noqa: S606


if __name__ == "__main__":
    main()
