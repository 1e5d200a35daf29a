"""Ingest service: answers gRPC, publishes its outbox, applies feeds, reads media.embedded and user.erased, sweeps what expired or was left behind."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import grpc

from nungil.api.ingest.v1 import dates_pb2_grpc, export_pb2_grpc, ingest_pb2_grpc
from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.database.outbox import relay
from nungil.encoder.open import space_of
from nungil.erasing import ReadErasures
from nungil.event_log import topics
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog
from nungil.event_log.routing import ByTopic
from nungil.object_store.open import open_object_store
from nungil.pictures.decoders import Limits, open_decoders
from nungil.runtime.clock import now_ms
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import grpc_server
from services.ingest.config import IngestSettings
from services.ingest.consumer import EmbeddedReader
from services.ingest.handlers.dates import Dates
from services.ingest.handlers.erasing import EraseOwner
from services.ingest.handlers.exporting import ExportPictures
from services.ingest.handlers.imports import Imports
from services.ingest.handlers.items import Items
from services.ingest.handlers.outcomes import Outcomes
from services.ingest.handlers.pictures import Pictures
from services.ingest.handlers.sweeps import Expired, Orphans, sweep_until
from services.ingest.rpc import DateServicer, IngestServicer, PictureExportServicer
from services.ingest.store import OUTBOX

GROUP = "ingest"


def run(settings: IngestSettings, stop: threading.Event) -> None:
    """Serves until `stop`."""
    written, begun = threading.Event(), threading.Event()
    transient_ms = settings.transient_s * 1000
    with ExitStack() as stack:
        log = stack.enter_context(open_event_log(settings.event_log_url))
        objects = stack.enter_context(open_object_store(settings.object_store_url))
        engine = stack.enter_context(open_database(settings.database_url))
        check_current("ingest", engine)
        limits = Limits(settings.decoder_memory_mb * 1_000_000, settings.decoder_cpu_s)
        decoders = stack.enter_context(open_decoders(settings.decoders, limits))
        decoding = threading.BoundedSemaphore(settings.decoders)
        space = space_of(settings.encoder_url).name
        pictures = Pictures(engine, objects, now_ms, space, transient_ms, decoders.clean, decoding, written)
        items = Items(engine, now_ms, written)
        imports = Imports(engine, now_ms, begun, written)
        kept_ms = settings.bytes_kept_s * 1000
        erase = EraseOwner(
            engine, objects, now_ms, written, kept_ms, 0 if settings.object_store_url.startswith("file:") else kept_ms
        )
        outcomes = EmbeddedReader(Outcomes(engine, objects))
        read = ByTopic({topics.MEDIA_EMBEDDED: outcomes, topics.USER_ERASED: ReadErasures(erase)})
        expired = Expired(engine, objects, now_ms, transient_ms)
        orphans = Orphans(engine, objects, now_ms, settings.orphan_age_s * 1000)
        for name, work in (
            ("relay", lambda: relay(engine, OUTBOX, log, stop, written)),
            ("imports", lambda: imports.work(stop)),
            ("events", lambda: _read_events(log, read, stop)),
            ("expired", lambda: sweep_until(stop, expired, every_s=settings.sweep_every_s)),
            ("orphans", lambda: sweep_until(stop, orphans, every_s=settings.orphans_every_s)),
        ):
            stack.enter_context(worker(name, work, stop))
        servicer, exports = (
            IngestServicer(pictures, items, imports),
            PictureExportServicer(ExportPictures(engine, objects, now_ms)),
        )

        def add(server: grpc.Server) -> None:
            ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)
            export_pb2_grpc.add_PictureExportServiceServicer_to_server(exports, server)
            dates_pb2_grpc.add_DateServiceServicer_to_server(DateServicer(Dates(engine)), server)

        stack.enter_context(
            grpc_server(
                add,
                listen=settings.listen,
                grace_s=settings.shutdown_grace_s,
                workers=settings.rpc_workers,
            )
        )
        stop.wait()


def _read_events(log: EventLog, read: ByTopic, stop: threading.Event) -> None:
    with log.subscribe(read.topics, group=GROUP) as events:
        consume(events, read, DeadLetters(log, group=GROUP), stop)


if __name__ == "__main__":
    serve("ingest", IngestSettings, run)
