"""Gateway service: the public HTTP API and the page."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from threading import Event

import uvicorn
from sqlalchemy import Engine

from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.erasing import ReadErasures
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog
from nungil.event_log.topics import USER_ERASED
from nungil.runtime.clock import now_ms
from nungil.runtime.errors import Misconfigured
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import wait_until_stopped
from services.gateway.config import GatewaySettings
from services.gateway.handlers.activity import NoteActivity
from services.gateway.handlers.callers import IdentifyCaller
from services.gateway.handlers.erasing import GROUP, EraseKept, ForgetErased, Leave
from services.gateway.handlers.exporting import Export
from services.gateway.handlers.health import ReportStatus
from services.gateway.handlers.items import FindItems
from services.gateway.handlers.lens import Lens
from services.gateway.handlers.links import OpenLinks
from services.gateway.handlers.once import AnswerOnce
from services.gateway.handlers.peers import Peers, open_peers
from services.gateway.handlers.pictures import DeletePicture, FileNames, GivePicture, ShowPicture
from services.gateway.handlers.progress import FollowProgress
from services.gateway.handlers.search import Search
from services.gateway.http.app import create_app
from services.gateway.http.lens import MESSAGE_BYTES, PING_S, PromptWebSocket
from services.gateway.http.parts import Parts

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the process, whose stop event ends streams before connections are drained."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: GatewaySettings, stop: Event) -> None:
    """Serves until `stop`."""
    if not (settings.page_dir / "index.html").is_file():
        raise Misconfigured(f"NUNGIL_PAGE_DIR: there is no index.html in {settings.page_dir}")
    with ExitStack() as stack:
        engine = stack.enter_context(open_database(settings.database_url))
        check_current("gateway", engine)
        log = stack.enter_context(open_event_log(settings.event_log_url))
        listener = stack.enter_context(listening(settings.listen))
        asyncio.run(_serve(settings, stop, engine, log, listener))


async def _serve(
    settings: GatewaySettings, stop: Event, engine: Engine, log: EventLog, listener: socket.socket
) -> None:
    async with AsyncExitStack() as stack:
        peers = await stack.enter_async_context(
            open_peers(
                ingest=settings.ingest_address,
                embed=settings.embed_address,
                search=settings.search_address,
                profile=settings.profile_address,
            )
        )
        parts = wire(settings, engine, log, peers)
        server = _Server(
            uvicorn.Config(
                create_app(parts),
                lifespan="off",
                log_config=None,
                access_log=False,  # addresses may hold a key
                server_header=False,
                proxy_headers=False,
                ws=PromptWebSocket,
                ws_max_size=MESSAGE_BYTES,
                ws_per_message_deflate=False,  # answers are small and many
                ws_ping_interval=PING_S,
                ws_ping_timeout=PING_S,
                timeout_graceful_shutdown=max(1, int(settings.shutdown_grace_s)),
            )
        )
        loop = asyncio.get_running_loop()
        stack.enter_context(worker("progress", lambda: parts.progress.read(loop, stop), stop))
        drained = Event()
        stack.enter_context(worker("leases", lambda: parts.answer_once.renew(drained), stop))
        stack.callback(drained.set)  # requests in flight keep their leases until they have ended
        stack.enter_context(worker("lag", lambda: parts.status.watch_lag(stop), stop))
        forget = ForgetErased(log, parts.identify, parts.file_names)
        stack.enter_context(worker("erased", lambda: forget.read(loop, stop), stop))
        erase = EraseKept(engine, log, now_ms, settings.bytes_kept_s * 1000)
        stack.enter_context(worker("erasures", lambda: _erase(log, erase, stop), stop))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(wait_until_stopped(stop))
        logger.info("serving on %s:%d", *listener.getsockname()[:2])
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        parts.progress.end()
        await parts.lens.end(within_s=1.0)
        server.should_exit = True
        await serving
        await stopping


def _erase(log: EventLog, erase: EraseKept, stop: Event) -> None:
    with log.subscribe([USER_ERASED], group=GROUP) as erased:
        consume(erased, ReadErasures(erase), DeadLetters(log, group=GROUP), stop)


def wire(settings: GatewaySettings, engine: Engine, log: EventLog, peers: Peers) -> Parts:
    """The parts over open adapters."""
    timeout_s = settings.call_timeout_s
    search = Search(peers, timeout_s)
    identify = IdentifyCaller(engine, peers, timeout_s)
    return Parts(
        settings=settings,
        clock=now_ms,
        peers=peers,
        identify=identify,
        answer_once=AnswerOnce(engine),
        give_picture=GivePicture(peers, settings.picture_limit_bytes, settings.picture_timeout_s),
        show_picture=ShowPicture(peers, timeout_s),
        delete_picture=DeletePicture(peers, timeout_s),
        file_names=FileNames(peers, timeout_s),
        find_items=FindItems(peers, timeout_s),
        open_links=OpenLinks(),
        search=search,
        lens=Lens(peers, search, idle_s=settings.lens_idle_s, most=settings.lens_sessions),
        note_activity=NoteActivity(peers, log, now_ms, timeout_s),
        progress=FollowProgress(log),
        status=ReportStatus(peers, log, timeout_s),
        leave=Leave(engine, peers, identify, timeout_s),
        export=Export(peers, settings.export_timeout_s),
    )


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A socket on 'host:port'; port 0 takes a free one. Raises Misconfigured where it is taken or no address."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise Misconfigured(f"NUNGIL_LISTEN: {address!r} is no host:port")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; on, it holds each answer back for 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
            listener.listen(512)
        except (OSError, OverflowError) as error:
            raise Misconfigured(f"NUNGIL_LISTEN: cannot listen on {address}: {error}") from error
        yield listener


if __name__ == "__main__":
    serve("gateway", GatewaySettings, run)
