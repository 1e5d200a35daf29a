"""A gateway that listens on a free port, with the services behind it that a test asks for."""

from __future__ import annotations

import importlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from real_servers import service_database_url

from nungil.database.migrations import has_migrations, upgrade
from nungil.encoder.open import space_of
from nungil.runtime.rpc import is_serving
from nungil.vector_index.exact import ExactVectorIndex
from services.gateway.__main__ import listening
from services.gateway.__main__ import run as run_gateway
from services.gateway.config import GatewaySettings
from services.gateway.core import Grant, new_key
from services.gateway.keys import add_key

SERVICES = ("ingest", "embed", "search", "profile")
ENCODER = "tiny://64"
TINY = space_of(ENCODER)
BOTH = frozenset({"person", "catalogue"})
READY_S = 30.0


@dataclass
class AGateway:
    """Where it listens, and keys for it."""

    folder: Path
    url: str
    stop: threading.Event

    @property
    def database_url(self) -> str:
        return service_database_url(self.folder, "gateway")

    @property
    def log_url(self) -> str:
        return f"sqlite://{self.folder}/log.db"

    def key(self, *, tenant: str = "local", subject: str | None = "owner", scopes: frozenset[str] = BOTH) -> str:
        key = new_key()
        add_key(self.database_url, key, Grant(tenant, subject, scopes), label="test", created_at_ms=1)
        return key

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """Everything it sends carries `key`, and `headers` with '_' for '-'."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=bearer | named, timeout=20)

    def as_person(self, subject: str = "owner", *, tenant: str = "local") -> httpx.Client:
        return self.client(self.key(tenant=tenant, subject=subject))


@contextmanager
def a_gateway(*services: str, **settings: Any) -> Iterator[AGateway]:
    """Serves until the block ends. The services named run in threads, on embedded adapters in one folder of their own."""
    stop = threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nungil-")))
        index = ExactVectorIndex(TINY.dim)
        for name in services:
            stack.enter_context(_running(name, folder, index))
        upgrade("gateway", service_database_url(folder, "gateway"))
        with listening("127.0.0.1:0") as free:
            port = free.getsockname()[1]
        of_gateway = GatewaySettings(
            event_log_url=f"sqlite://{folder}/log.db",
            listen=f"127.0.0.1:{port}",
            database_url=service_database_url(folder, "gateway"),
            shutdown_grace_s=3,
            **{f"{name}_address": _address(folder, name) for name in SERVICES},
            **settings,
        )
        stack.enter_context(_thread("gateway", lambda: run_gateway(of_gateway, stop), stop))
        gateway = AGateway(folder, f"http://127.0.0.1:{port}", stop)
        _wait_until(lambda: _answers(gateway), "the gateway")
        yield gateway


def _address(folder: Path, name: str) -> str:
    return f"unix:{folder}/{name}.sock"


@contextmanager
def _running(name: str, folder: Path, index: ExactVectorIndex) -> Iterator[None]:
    main = importlib.import_module(f"services.{name}.__main__")
    config = importlib.import_module(f"services.{name}.config")
    settings = getattr(config, f"{name.capitalize()}Settings")(
        event_log_url=f"sqlite://{folder}/log.db",
        object_store_url=f"file://{folder}/objects",
        database_url=service_database_url(folder, name),
        vector_index_url="exact://",
        encoder_url=ENCODER,
        listen=_address(folder, name),
        device="cpu",
        search_address=_address(folder, "search"),
        shutdown_grace_s=3,
    )
    if has_migrations(name):
        upgrade(name, service_database_url(folder, name))
    stop = threading.Event()
    with ExitStack() as stack:
        with _sharing(main, index):
            stack.enter_context(_thread(name, lambda: main.run(settings, stop), stop))
            _wait_until(lambda: stop.is_set() or is_serving(_address(folder, name)), name)
        yield


def _sharing(main: Any, index: ExactVectorIndex) -> AbstractContextManager[Any]:
    """While a service starts: in one process embed and search can share the index that is in memory."""
    if not hasattr(main, "open_vector_index"):
        return nullcontext()
    return patch.object(main, "open_vector_index", lambda *_: nullcontext(index))


@contextmanager
def _thread(name: str, run: Any, stop: threading.Event) -> Iterator[None]:
    failure: list[BaseException] = []

    def body() -> None:
        try:
            run()
        except BaseException as error:
            failure.append(error)
            stop.set()

    thread = threading.Thread(target=body, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if failure:
            raise failure[0]


def _answers(gateway: AGateway) -> bool:
    try:
        return httpx.get(f"{gateway.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _wait_until(condition: Any, what: str) -> None:
    pause = threading.Event()
    for _ in range(int(READY_S / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"{what} did not come up in {READY_S:.0f} s")


def problem_of(response: httpx.Response) -> tuple[int, str]:
    """Status and slug of a problem, which is checked to be a whole one."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    assert body["trace_id"] == response.headers["nungil-trace"]
    return response.status_code, body["type"].removeprefix("urn:nungil:error:")
