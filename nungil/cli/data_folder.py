"""The one folder where a local Nungil keeps everything; deleting it is a clean start."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nungil.cli.errors import CommandFailed, NotRunning
from nungil.encoder.open import space_of

DEFAULT = Path("nungil-data")
SERVICES = ("ingest", "embed", "search", "profile", "gateway")
WITH_DATABASE = ("ingest", "search", "profile", "gateway")


@dataclass(frozen=True)
class Encoders:
    """url: whose space is searched. before: whose was, kept so that it can be switched back; empty: none."""

    url: str = "efficientnet-lite0://"
    before: str = ""


@dataclass(frozen=True)
class Runtime:
    """What runs on a folder now. addresses: gRPC addresses by service; pids: process ids by program; settings: environments by service."""

    url: str
    pid: int
    event_log_url: str
    vector_index_url: str
    addresses: dict[str, str]
    pids: dict[str, int]
    settings: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class DataFolder:
    """Paths and URLs inside the folder."""

    root: Path

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.root / "logs"

    @property
    def event_log_path(self) -> Path:
        """The file of the log."""
        return self.root / "log.db"

    @property
    def event_log_url(self) -> str:
        """The log that every service shares."""
        return f"sqlite:///{self.event_log_path}"

    @property
    def object_store_url(self) -> str:
        """Originals, renditions, features."""
        return f"file://{self.root / 'objects'}"

    @property
    def index(self) -> Path:
        """What milvus-lite keeps; a cache that can be rebuilt."""
        return self.root / "index"

    @property
    def key_path(self) -> Path:
        """The key of the local owner; nobody else may read it."""
        return self.root / "key"

    def database_url(self, service: str) -> str:
        """The service's own database."""
        return f"sqlite:///{self.root / 'databases' / f'{service}.db'}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and holds it for this process. Raises CommandFailed where another process holds it."""
        for folder in (self.root, self.logs, self.root / "objects", self.root / "databases", self.index):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                at = f" at {self.runtime().url}" if self._runtime_path.exists() else ""
                raise CommandFailed(f"Nungil already runs on {self.root}{at}; use another folder with --data") from None
            yield

    def name(self) -> str:
        """What tells it from other data folders on servers that they share; made at the first call, and it stays if the folder is moved."""
        path = self.root / "name"
        if not path.exists():
            self._write_private(path, f"{secrets.token_hex(5)}\n")
        return path.read_text().strip()

    def encoders(self) -> Encoders:
        """Which encoder the folder is to be served with."""
        path = self._encoders_path
        return Encoders(**json.loads(path.read_text())) if path.exists() else Encoders()

    def serve_with(self, encoder_url: str) -> Encoders:
        """From the next start on. The encoder until now is kept. Raises CommandFailed where another is kept still, Misconfigured."""
        space_of(encoder_url)
        was = self.encoders()
        if not self._encoders_path.exists():
            now = Encoders(encoder_url)
        elif _same_space(was.url, encoder_url):
            now = Encoders(encoder_url, before=was.before)
        elif was.before not in ("", encoder_url):
            raise CommandFailed(f"{was.before} is kept still: remove it with `nungil encoder drop {was.before}`")
        else:
            now = Encoders(encoder_url, before=was.url)
        self._note_encoders(now)
        return now

    def keep_no_encoder(self, encoder_url: str) -> None:
        """Forgets the one before, where it is this one."""
        if (now := self.encoders()).before == encoder_url:
            self._note_encoders(Encoders(now.url))

    def _note_encoders(self, encoders: Encoders) -> None:
        self._write_private(self._encoders_path, json.dumps(asdict(encoders)) + "\n")

    @property
    def _encoders_path(self) -> Path:
        return self.root / "encoders.json"

    def key(self) -> str:
        """The key of the local owner, made at the first call."""
        if not self.key_path.exists():
            self._write_private(self.key_path, f"nk_{secrets.token_urlsafe(32)}\n")
        return self.key_path.read_text().strip()

    def runtime(self) -> Runtime:
        """What runs here. Raises NotRunning."""
        try:
            return Runtime(**json.loads(self._runtime_path.read_text()))
        except FileNotFoundError:
            raise NotRunning(
                f"nothing runs on {self.root}: start it with `nungil up`, or name it with --data"
            ) from None

    def note_runtime(self, runtime: Runtime) -> None:
        """Says what runs here, for the other commands."""
        self._write_private(self._runtime_path, json.dumps(asdict(runtime), indent=2) + "\n")

    def forget_runtime(self) -> None:
        """Says that nothing runs here."""
        self._runtime_path.unlink(missing_ok=True)

    @property
    def _runtime_path(self) -> Path:
        return self.root / "runtime.json"

    @staticmethod
    def _write_private(path: Path, text: str) -> None:
        written = path.with_suffix(".new")
        with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        written.replace(path)


def data_folder(path: Path | None) -> DataFolder:
    """The folder that --data names, else NUNGIL_DATA, else ./nungil-data."""
    return DataFolder((path or Path(os.environ.get("NUNGIL_DATA") or DEFAULT)).expanduser().resolve())


def _same_space(url: str, other: str) -> bool:
    """Whether the URLs differ at most in how one and the same encoder runs."""
    return url == other or (
        url.partition("?")[0] == other.partition("?")[0] and space_of(url).name == space_of(other).name
    )
