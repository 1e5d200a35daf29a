"""Embed service: reads media.changed and user.erased, writes region vectors, media.encoded and media.embedded; answers its rpcs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from nungil.api.embed.v1.embed_pb2_grpc import add_EmbedServiceServicer_to_server
from nungil.encoder.open import open_encoder, space_of
from nungil.erasing import ReadErasures
from nungil.event_log import topics
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.routing import ByTopic
from nungil.object_store.open import open_object_store
from nungil.pictures.decoders import Limits, open_decoders
from nungil.runtime.clock import now_ms
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import grpc_server
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.open import open_vector_index
from services.embed.config import EmbedSettings
from services.embed.consumer import GROUP, MediaChangedReader
from services.embed.device import open_device
from services.embed.erasing import EraseOwner, Patiently
from services.embed.filling import FillIndex
from services.embed.handlers import EmbedUploads, EncodePicture, Encoding, RemoveDeleted, Tombstones
from services.embed.rpc import EmbedServicer
from services.embed.succession import Succession
from services.embed.texts import EncodeTexts


def run(settings: EmbedSettings, stop: Event) -> None:
    """Serves until `stop`."""
    taxonomy = load_taxonomy()
    with ExitStack() as stack:  # opened top down, closed bottom up
        log = stack.enter_context(open_event_log(settings.event_log_url))
        objects = stack.enter_context(open_object_store(settings.object_store_url))
        limits = Limits(settings.decoder_memory_mb * 1_000_000, settings.decoder_cpu_s)
        decoders = stack.enter_context(
            open_decoders(settings.preparers + 1, limits)
        )  # one for whoever waits for a search
        encoder = stack.enter_context(open_encoder(settings.encoder_url, device=settings.device))
        index = stack.enter_context(open_vector_index(settings.vector_index_url, encoder.space))
        kept = [
            stack.enter_context(open_vector_index(settings.vector_index_url, space_of(url)))
            for url in (settings.kept_encoder_url,)
            if url
        ]
        device = stack.enter_context(open_device(encoder))
        threads = stack.enter_context(ThreadPoolExecutor(settings.preparers, thread_name_prefix="prepare"))
        landing = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="landing"))
        noting = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="noting"))
        encoding = Encoding(objects, decoders.at_least, encoder, device, taxonomy)
        tombstones = Tombstones(objects)
        embed = EmbedUploads(
            encoding, index, log, tombstones, threads, landing, noting, now_ms, settings.batch_pictures
        )
        remove = RemoveDeleted(objects, index, log, tombstones, now_ms, kept)
        if settings.kept_encoder_url:
            fill = FillIndex(encoding, index, tombstones, threads, settings.batch_pictures)
            succession = Succession(fill, log, space_of(settings.kept_encoder_url).name, now_ms, stop)
            stack.enter_context(worker("succession", succession, stop))
        servicer = EmbedServicer(EncodePicture(encoding), EncodeTexts(encoder), taxonomy)
        stack.enter_context(
            grpc_server(
                lambda server: add_EmbedServiceServicer_to_server(servicer, server),
                listen=settings.listen,
                grace_s=settings.shutdown_grace_s,
            )
        )
        events = stack.enter_context(log.subscribe([topics.MEDIA_CHANGED, topics.USER_ERASED], group=GROUP))
        kept_ms = settings.bytes_kept_s * 1000
        erase = EraseOwner(
            objects,
            (index, *kept),
            log,
            now_ms,
            kept_ms,
            0 if settings.object_store_url.startswith("file:") else kept_ms,
        )
        reader = ByTopic(
            {
                topics.MEDIA_CHANGED: MediaChangedReader(embed, remove, events.keep_alive),
                topics.USER_ERASED: ReadErasures(Patiently(erase, landing, events.keep_alive)),
            }
        )
        consume(events, reader, DeadLetters(log, group=GROUP), stop, max_records=settings.poll_records)


if __name__ == "__main__":
    serve("embed", EmbedSettings, run)
