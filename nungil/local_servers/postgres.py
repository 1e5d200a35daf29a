"""PostgreSQL, as its own user where we are root: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nungil.local_servers.server import Launch, Place, run
from nungil.runtime.errors import Misconfigured

USER = "nungil"
_OS_USER = "postgres"
_PLACES = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")  # Debian's, macOS's
_HOW = "PostgreSQL is absent: install it (Debian: apt install postgresql; macOS: brew install postgresql@17)"


@dataclass(frozen=True)
class Postgres:
    """See server.Server."""

    cache: Path
    name: str = "postgres"
    variable: str = "NUNGIL_TEST_POSTGRES"
    port_names: Sequence[str] = ("postgres",)

    def missing(self) -> Sequence[str]:
        return [] if _folder_of_programs() else [_HOW]

    def fetch(self) -> None:
        """Nothing to fetch: it comes with the operating system."""

    def launch(self, place: Place) -> Launch:
        programs, user = _programs(), _other_user()
        data = _data_folder(place, user)
        if not (data / "PG_VERSION").exists():
            self._initialise(programs, data, place.password, user)
        listen = [
            "-p",
            str(place.ports["postgres"]),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]
        return Launch([str(programs / "postgres"), "-D", str(data), *listen], user=user)

    def _initialise(self, programs: Path, data: Path, password: str, user: str | None) -> None:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as secret:
            secret.write(password)
            secret.flush()
            if user:
                for path in (str(data), secret.name):
                    shutil.chown(path, user)
            options = ["-A", "scram-sha-256", "-U", USER, "-E", "UTF8", "--locale=C", f"--pwfile={secret.name}"]
            run("initdb", [str(programs / "initdb"), *options, "-D", str(data)], user=user)

    def ready(self, place: Place) -> bool:
        ask = [str(_programs() / "pg_isready"), "-q", "-t", "1", "-h", "127.0.0.1", "-p", str(place.ports["postgres"])]
        return subprocess.run(ask).returncode == 0

    def url(self, place: Place) -> str:
        return f"postgresql://{USER}:{place.password}@127.0.0.1:{place.ports['postgres']}/postgres"


def _programs() -> Path:
    found = _folder_of_programs()
    if found is None:
        raise Misconfigured(_HOW)
    return found


def _folder_of_programs() -> Path | None:
    """The newest PostgreSQL of this machine."""
    initdb = shutil.which("initdb")
    if initdb:
        return Path(initdb).resolve().parent
    found = [path.parent for place in _PLACES for path in Path(place).glob("*/bin/initdb")]
    return max(
        found,
        key=lambda bin_: [int(n) for n in "".join(c if c.isdigit() else " " for c in bin_.parent.name).split()],
        default=None,
    )


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_OS_USER)
    except KeyError:
        raise Misconfigured(
            f"PostgreSQL does not run as root, and there is no user {_OS_USER!r}: install Debian's postgresql"
        ) from None
    return _OS_USER


def _data_folder(place: Place, user: str | None) -> Path:
    """In the server's folder; or, where its user may not go there (a checkout under /root), in the folder for temporary files."""
    wanted = place.folder / "data"
    if user is None or all(parent.stat().st_mode & 0o001 for parent in wanted.parents if parent.exists()):
        return wanted
    link = place.folder / "data-elsewhere"
    if not link.exists():
        place.folder.mkdir(parents=True, exist_ok=True)
        elsewhere = tempfile.mkdtemp(prefix="nungil-postgres-")
        shutil.chown(elsewhere, user)
        link.unlink(missing_ok=True)
        link.symlink_to(elsewhere)
    return link.resolve()
