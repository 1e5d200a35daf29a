"""What an operator sees of a start that cannot be: one sentence that says what to do, and no traceback."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nungil.database.migrations import upgrade
from nungil.database.open import open_database

PATIENCE_S = 60


class Start:
    """A service that starts; every line that it logs, as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.seen: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """The next one."""
        self.seen.append(self._lines.get(timeout=PATIENCE_S))
        return self.seen[-1]

    def until(self, words: str) -> str:
        """The first line that has these words."""
        while words not in (line := self.line()):
            pass
        return line

    def ends(self) -> int:
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture
def nowhere() -> Iterator[str]:
    """host:port where nothing listens, and nothing will."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def starting(folder: Path, service: str, **settings: str) -> Iterator[Start]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUNGIL_")}
    environment |= {
        "NUNGIL_EVENT_LOG_URL": f"sqlite://{folder}/log.db",
        "NUNGIL_OBJECT_STORE_URL": f"file://{folder}/objects",
        "NUNGIL_VECTOR_INDEX_URL": "milvus-lite://127.0.0.1:1",
        "NUNGIL_ENCODER_URL": "tiny://64",
        "NUNGIL_DATABASE_URL": f"sqlite://{folder}/{service}.db",
        "NUNGIL_LISTEN": f"unix:{folder}/s",
        "NUNGIL_LOG_FORMAT": "text",
    } | {f"NUNGIL_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", f"services.{service}"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Start(process)
    finally:
        process.kill()
        process.wait()


AWAY = [
    ("ingest", {"EVENT_LOG_URL": "kafka://{}"}),
    ("ingest", {"OBJECT_STORE_URL": "s3+http://key:secret@{}/nungil"}),
    ("ingest", {"DATABASE_URL": "postgresql://who:secret@{}/ingest"}),
    ("embed", {"VECTOR_INDEX_URL": "milvus://{}"}),
    ("embed", {"VECTOR_INDEX_URL": "milvus-lite://{}"}),
]


@pytest.mark.parametrize(("service", "where"), AWAY, ids=lambda part: next(iter(part.values())).partition(":")[0] if isinstance(part, dict) else part)  # fmt: skip
def test_a_server_that_does_not_answer_is_waited_for_in_one_line_a_try(
    tmp_path: Path, nowhere: str, service: str, where: dict[str, str]
) -> None:
    settings = {name: url.format(nowhere) for name, url in where.items()}
    with starting(tmp_path, service, **settings) as start:
        line = start.line()
        assert f"{service} cannot start yet, and tries again in 1 s: " in line
        assert "secret" not in line
        start.process.send_signal(signal.SIGTERM)
        assert start.ends() == 0
        start.until("stopped")
        assert not [line for line in start.seen if "Traceback" in line]


@pytest.mark.parametrize("service", ["ingest", "profile", "gateway"])  # search asks its index first
@pytest.mark.parametrize(
    ("newer", "words"),
    [(False, "is at nothing, not 00"), (True, "is at 0000, which is newer than this release: run the newer one")],
)
def test_a_schema_that_is_not_this_releases_ends_the_start(
    tmp_path: Path, service: str, newer: bool, words: str
) -> None:
    """Older, and unknown: as a newer release leaves it."""
    if newer:
        upgrade(service, f"sqlite://{tmp_path}/{service}.db")
        with open_database(f"sqlite://{tmp_path}/{service}.db") as engine, engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    peers = {f"{name}_ADDRESS": "127.0.0.1:1" for name in ("INGEST", "EMBED", "SEARCH", "PROFILE")}
    with starting(tmp_path, service, **peers) as start:
        line = start.line()
        assert f"{service} cannot start: the database of {service}" in line
        assert words in line
        assert start.ends() == 2
        assert [words_of for words_of in start.seen if "Traceback" in words_of] == []
