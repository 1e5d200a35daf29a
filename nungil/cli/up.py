"""`nungil up`: the whole system on this machine, every service its own process, under one supervisor."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import click

from nungil.api.common.v1 import common_pb2
from nungil.api.profile.v1 import profile_pb2, profile_pb2_grpc
from nungil.cli.data_folder import SERVICES, Runtime, data_folder
from nungil.cli.errors import CommandFailed
from nungil.cli.plan import Plan, free_port
from nungil.cli.processes import die_with_parent
from nungil.cli.stack import EMBEDDED, REAL, opened_stack
from nungil.cli.supervisor import TICK_S, GaveUp, Supervisor
from nungil.database.migrations import has_migrations, upgrade
from nungil.runtime.lifecycle import on_signals
from nungil.runtime.rpc import calling, open_channel

DEFAULT_PORT = 8484
START_LIMIT_S = 180.0
TENANT = "local"
OWNER = "owner"


def say(text: str) -> None:
    """One line for the person at the terminal; stdout stays free."""
    click.echo(f"nungil: {text}", err=True)


@dataclass
class Signals:
    """The first SIGINT or SIGTERM sets `stop`, a second one `hurry`."""

    stop: Event = field(default_factory=Event)
    hurry: Event = field(default_factory=Event)

    def listen(self) -> None:
        """From now on, in this process."""
        on_signals((signal.SIGINT, signal.SIGTERM), self._arrived)

    def _arrived(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The data folder [./nungil-data].")
@click.option("--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one.")
@click.option("--demo", is_flag=True, help="Import the demo pictures and catalogue, and show what they give.")
@click.option("--then-stop", is_flag=True, help="With --demo: stop after it; exit code 1 where a step failed.")
@click.option(
    "--encoder", envvar="NUNGIL_ENCODER_URL", help="[that of the data folder; of a new one: efficientnet-lite0://]"
)
@click.option("--stack", type=click.Choice((EMBEDDED, REAL)), default=EMBEDDED, show_default=True, help="See below.")
@click.option("--servers", envvar="NUNGIL_SERVERS", type=click.Path(file_okay=False, path_type=Path), hidden=True)
def up(
    data: Path | None, port: int, demo: bool, then_stop: bool, encoder: str | None, stack: str, servers: Path | None
) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C. A second Ctrl-C stops it at once.

    With --stack embedded all is kept in the data folder. With --stack real it is kept on Kafka, MinIO, Milvus and PostgreSQL,
    those of `make servers`, each data folder's apart; those that do not run are started, and stopped at the end.
    """
    if then_stop and not demo:
        raise click.UsageError("--then-stop goes with --demo")
    folder = data_folder(data)
    signals = Signals()
    signals.listen()
    with folder.held(), _sockets_folder() as sockets:
        encoders = folder.serve_with(encoder or folder.encoders().url)
        if encoders.before:
            say(
                f"serving with {encoders.url}; {encoders.before} is kept to switch back, and what only it has is taken over"
            )
        with opened_stack(stack, folder, free_port(), servers, say) as opened:
            gateway_port = free_port(port)
            if port not in (0, gateway_port):
                say(f"port {port} is taken; using {gateway_port}")
            plan = Plan(folder, sockets, gateway_port, opened, encoders.url, encoders.before)
            prepare(plan)
            code = _Run(plan, signals, demo=demo, then_stop=then_stop)()
    sys.exit(code)


def prepare(plan: Plan) -> None:
    """Databases at the newest schema, the owner's key known to the gateway. Harmless where that is so."""
    for service in filter(has_migrations, SERVICES):
        upgrade(service, plan.stack.database_urls[service])
    plan.folder.key()
    whose = ("--tenant", TENANT, "--subject", OWNER, "--label", "nungil up", "--key-file", str(plan.folder.key_path))
    added = subprocess.run(
        [sys.executable, "-m", "services.gateway.keys", "add", *whose],
        env={**os.environ, **plan.environment("gateway")},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if added.returncode:
        raise CommandFailed(added.stderr.strip())


class _Run:
    """One run, from the first start to the last stop."""

    def __init__(self, plan: Plan, signals: Signals, *, demo: bool, then_stop: bool) -> None:
        self._plan = plan
        self._signals = signals
        self._wants_demo = demo
        self._then_stop = then_stop
        self._supervisor = Supervisor(plan.programs(), say)
        self._demo: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._noted: dict[str, int] = {}

    def __call__(self) -> int:
        """The exit code."""
        with ExitStack() as stack:
            stack.callback(self._plan.folder.forget_runtime)
            stack.callback(self._stop)
            try:
                return self._keep_running()
            except GaveUp as error:
                raise CommandFailed(f"{error}; see {self._plan.folder.logs}") from error

    def _keep_running(self) -> int:
        deadline_s = time.monotonic() + START_LIMIT_S
        while not self._signals.stop.wait(TICK_S):
            self._supervisor.tick(time.monotonic())
            if not self._ready and self._supervisor.all_healthy:
                self._ready = True
                self._became_ready()
            elif self._ready:
                self._note()
            if not self._ready and time.monotonic() > deadline_s:
                late = [name for name, state in self._supervisor.states.items() if state.value != "healthy"]
                raise CommandFailed(f"{', '.join(late)} not up after {START_LIMIT_S:g} s; see {self._plan.folder.logs}")
            if self._demo and self._demo.poll() is not None:
                code, self._demo = self._demo.returncode, None
                if self._then_stop:
                    return code
                if code:
                    say("the demo did not give what it should, see above; the system goes on serving")
                self._invite()
        return 0

    def _became_ready(self) -> None:
        # Other commands find the system only after the owner's consent: a picture given before it would say nothing of its
        # owner. And they find it as soon as it is said that everything is up.
        if give_first_consent(self._plan.address("profile")):
            say("you own this profile, so learning interests from your pictures is on; turn it off on the page")
        self._note()
        if not self._wants_demo:
            self._invite()
            return
        environment = {**os.environ, "NUNGIL_URL": self._plan.url, "NUNGIL_KEY": self._plan.folder.key()}
        self._demo = subprocess.Popen(
            [sys.executable, "-m", "nungil.demo"],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )

    def _invite(self) -> None:
        click.echo(f"{self._plan.url}/?key={self._plan.folder.key()}")
        say("everything is up; Ctrl-C stops it")

    def _note(self) -> None:
        """Says what runs here, where it is not what was said last."""
        pids = self._supervisor.pids
        if pids == self._noted:
            return
        self._noted = pids
        plan, stack = self._plan, self._plan.stack
        settings = {service: plan.environment(service) for service in SERVICES}
        plan.folder.note_runtime(
            Runtime(plan.url, os.getpid(), stack.event_log_url, stack.vector_index_url, plan.addresses, pids, settings)
        )

    def _stop(self) -> None:
        say("stopping; Ctrl-C again stops at once")
        if self._demo is not None:
            self._demo.kill()
            self._demo.wait()
        self._supervisor.stop(self._signals.hurry)


def give_first_consent(profile_address: str) -> bool:
    """Turns learning from pictures on for the local owner, where they never said anything about it. True where it did."""
    purpose = profile_pb2.CONSENT_PURPOSE_IMAGE_INTEREST
    with open_channel(profile_address) as channel, calling():
        profile = profile_pb2_grpc.ProfileServiceStub(channel)
        who = profile.Identify(profile_pb2.IdentifyRequest(tenant=TENANT, subject=OWNER), timeout=10)
        caller = common_pb2.Caller(tenant=TENANT, person_id=who.person_id)
        consents = profile.GetConsents(profile_pb2.GetConsentsRequest(caller=caller), timeout=10).consents
        if any(consent.purpose == purpose and consent.changed_at_ms for consent in consents):
            return False
        profile.SetConsent(profile_pb2.SetConsentRequest(caller=caller, purpose=purpose, given=True), timeout=10)
        return True


@contextmanager
def _sockets_folder() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters (103 on macOS)."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = runtime if runtime and os.access(runtime, os.W_OK) and len(runtime) < 60 else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="nungil-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
