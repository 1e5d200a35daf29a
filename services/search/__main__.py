"""Search service: reads item.changed and media.changed, feature objects and the index; answers crop queries."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from threading import Event

from nungil.api.search.v1.search_pb2_grpc import add_SearchServiceServicer_to_server
from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.encoder.open import space_of
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.object_store.open import open_object_store
from nungil.runtime.clock import now_ms
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import aio_server, wait_until_stopped
from nungil.vector_index.open import open_vector_index
from services.search.config import SearchSettings
from services.search.consumer import GROUP, TOPICS, ReadDeletions, ReadItems
from services.search.features import FeatureMaps
from services.search.handlers.activities import TellActivities
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.finding import FindRows
from services.search.handlers.items import ApplyItems, FillTitles
from services.search.handlers.status import Status
from services.search.rpc import SearchServicer


def run(settings: SearchSettings, stop: Event) -> None:
    """Serves until `stop`, once it knows what was deleted."""
    space = space_of(settings.encoder_url)
    denied = DeniedPictures(settings.denied_pictures)
    with ExitStack() as stack:  # opened top down, closed bottom up
        log = stack.enter_context(open_event_log(settings.event_log_url))
        objects = stack.enter_context(open_object_store(settings.object_store_url, read_only=True))
        index = stack.enter_context(open_vector_index(settings.vector_index_url, space))
        engine = stack.enter_context(open_database(settings.database_url))
        check_current("search", engine)
        maps = FeatureMaps(objects, space.name, now_ms, settings.cache_bytes)
        tell, drained = TellActivities(log), Event()
        stack.enter_context(worker("activities", lambda: tell.publish(drained), stop))
        stack.callback(drained.set)  # searches in flight are told too
        find = FindRows(index, engine, denied, settings.exact_limit, now_ms)
        search = SearchByCrop(maps, find, engine, denied, tell, now_ms, settings.match_cosine)
        servicer = SearchServicer(search, Status(index, engine, space))

        deletions = ReadDeletions(log, denied, maps, stop)
        stack.enter_context(worker("deletions", deletions, stop))
        items = stack.enter_context(log.subscribe(TOPICS, group=GROUP))
        read, dead = ReadItems(ApplyItems(engine)), DeadLetters(log, group=GROUP)

        def keep_items() -> None:
            FillTitles(engine)(stop)
            consume(items, read, dead, stop)

        stack.enter_context(worker("items", keep_items, stop))
        deletions.wait_until_caught_up()
        asyncio.run(_answer(servicer, settings, stop))


async def _answer(servicer: SearchServicer, settings: SearchSettings, stop: Event) -> None:
    async with aio_server(
        lambda server: add_SearchServiceServicer_to_server(servicer, server),
        listen=settings.listen,
        grace_s=settings.shutdown_grace_s,
    ):
        await wait_until_stopped(stop)


if __name__ == "__main__":
    serve("search", SearchSettings, run)
