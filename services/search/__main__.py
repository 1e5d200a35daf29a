"""Search service: reads item.changed, media.changed, media.encoded, media.embedded and user.erased, feature objects and the index; answers crop queries."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from nungil.api.search.v1.search_pb2_grpc import add_SearchServiceServicer_to_server
from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.encoder.calibration import calibration_of
from nungil.encoder.open import space_of
from nungil.erasing import ReadErasures
from nungil.event_log import topics
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.routing import ByTopic
from nungil.object_store.open import open_object_store
from nungil.runtime.clock import now_ms
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import aio_server, wait_until_stopped
from nungil.taxonomy.taxonomy import load_taxonomy
from nungil.vector_index.open import open_vector_index
from services.search.config import SearchSettings
from services.search.consumer import GROUP, TOPICS, ReadChanges, ReadDeletions, ReadFresh, ReadItems, ReadPictures
from services.search.features import FeatureMaps
from services.search.fresh import FreshRows
from services.search.handlers.activities import TellActivities
from services.search.handlers.candidates import FindCandidates
from services.search.handlers.choosing import ChooseChips
from services.search.handlers.crops import SearchByCrop
from services.search.handlers.deletions import DeniedPictures
from services.search.handlers.erasing import EraseOwner, ForgetErased
from services.search.handlers.facts import ApplyFacts
from services.search.handlers.finding import FindRows, WhatPasses
from services.search.handlers.freshness import KeepFresh
from services.search.handlers.items import ApplyItems, FillTitles
from services.search.handlers.lens import Lens, LensLimits
from services.search.handlers.pools import GatherPool
from services.search.handlers.ranking import RankHits
from services.search.handlers.regions import SearchByRegions
from services.search.handlers.status import Status
from services.search.handlers.texts import FindByWords
from services.search.handlers.watches import KeepWatches, MatchItems, StoredPictures, TellMatches
from services.search.handlers.words import ReadWords
from services.search.held import HeldRows
from services.search.judging import Judge, judge_from
from services.search.passing import labels_by_interest
from services.search.rpc import SearchServicer
from services.search.text_tower import open_text_tower
from services.search.vocabularies import Vocabularies
from services.search.watch_consumer import ReadThenMatch, ReadWatches
from services.search.watches import Watches

logger = logging.getLogger(__name__)

READERS = 8  # maps of hits that are read side by side, of all searches together
LENS_THREADS = 8  # sessions that wait for a slow index leave the threads of crop searches alone


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
        held = HeldRows(index, now_ms, settings.row_cache_bytes)
        fresh = FreshRows(now_ms, keep_ms=int(1000 * settings.fresh_s), max_pictures=settings.fresh_pictures)
        passing = WhatPasses(engine, labels_by_interest(load_taxonomy()), now_ms)
        find = FindRows(index, passing, held, fresh, denied, settings.exact_limit, settings.exact_most)
        tower = stack.enter_context(open_text_tower(settings.encoder_url, settings.embed_address))
        words = ReadWords(engine, Vocabularies(engine, now_ms), tower)
        by_words, choose = FindByWords(engine, passing, denied, find), ChooseChips(engine, now_ms)
        judge = judge_from(calibration_of(space.name).get("judging"), settings.match_cosine)
        cut = judge.cosine
        _say(space.name, judge)
        readers = stack.enter_context(ThreadPoolExecutor(READERS, "looks"))
        rank = RankHits(maps, engine, judge, readers, now_ms)
        search = SearchByCrop(maps, find, engine, denied, tell, now_ms, words, by_words, choose, rank)
        gather = GatherPool(find, settings.lens_pool_rows)
        threads = stack.enter_context(ThreadPoolExecutor(LENS_THREADS, "lens"))
        limits = LensLimits(settings.lens_sessions, settings.lens_rest_s, settings.lens_slow_s, settings.lens_idle_s)
        servicer = SearchServicer(
            search,
            SearchByRegions(search, gather, threads, settings.lens_slow_s),
            Lens(search, gather, threads, limits),
            Status(index, engine, space),
            FindCandidates(search, gather, passing, space),
        )

        deletions = ReadDeletions(log, denied, maps, stop)
        keep_fresh = KeepFresh(objects, space.name, fresh, held)
        stack.enter_context(worker("fresh", ReadFresh(log, keep_fresh, stop), stop))
        stack.enter_context(worker("deletions", deletions, stop))
        told, stored, watches = TellMatches(engine, log, now_ms), StoredPictures(objects, space.name), Watches()
        keep = KeepWatches(watches, stored, engine, find, told, cut)
        watching = ReadWatches(log, keep, stop)
        stack.enter_context(worker("watches", watching, stop))
        match = MatchItems(watches, stored, engine, denied, told, now_ms, cut)
        forget = ForgetErased(log, maps, fresh, held, watches, denied, stop)
        stack.enter_context(worker("erased", forget, stop))
        facts = ReadPictures(ApplyFacts(engine, objects, space.name), space.name)
        changes = ReadChanges(ReadItems(ApplyItems(engine)), facts)
        changed, dead = ReadThenMatch(changes, match, space.name), DeadLetters(log, group=GROUP)
        erase = ReadErasures(EraseOwner(engine, log, now_ms, settings.bytes_kept_s * 1000))
        read = ByTopic({**dict.fromkeys(TOPICS, changed), topics.USER_ERASED: erase})
        items = stack.enter_context(log.subscribe(read.topics, group=GROUP))

        def keep_items() -> None:
            FillTitles(engine)(stop)
            watching.wait_until_caught_up()  # what comes is matched with all of them
            consume(items, read, dead, stop)

        stack.enter_context(worker("items", keep_items, stop))
        deletions.wait_until_caught_up()
        asyncio.run(_answer(servicer, settings, stop))


def _say(space: str, judge: Judge) -> None:
    """A space that nobody has calibrated is judged, and that is said."""
    if judge.weights is None:
        logger.warning("%s: `matched` and `same` are decided by the cosine alone, from %.2f", space, judge.cosine)


async def _answer(servicer: SearchServicer, settings: SearchSettings, stop: Event) -> None:
    async with aio_server(
        lambda server: add_SearchServiceServicer_to_server(servicer, server),
        listen=settings.listen,
        grace_s=settings.shutdown_grace_s,
    ):
        await wait_until_stopped(stop)
        servicer.lens.close()


if __name__ == "__main__":
    serve("search", SearchSettings, run)
