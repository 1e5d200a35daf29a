"""Profile service: reads user.activity, media.embedded and media.changed; answers who a person is and what they care for."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from threading import Event
from typing import Any

from nungil.api.profile.v1 import people_pb2, segments_pb2
from nungil.api.profile.v1 import profile_pb2 as pb
from nungil.api.profile.v1.boards_pb2_grpc import add_BoardServiceServicer_to_server
from nungil.api.profile.v1.campaigns_pb2_grpc import add_CampaignServiceServicer_to_server
from nungil.api.profile.v1.erasure_pb2_grpc import add_ErasureServiceServicer_to_server
from nungil.api.profile.v1.people_pb2_grpc import add_PeopleServiceServicer_to_server
from nungil.api.profile.v1.profile_pb2_grpc import add_ProfileServiceServicer_to_server
from nungil.api.profile.v1.recommendations_pb2_grpc import add_RecommendationServiceServicer_to_server
from nungil.api.profile.v1.segments_pb2_grpc import add_SegmentServiceServicer_to_server
from nungil.api.profile.v1.tried_pb2_grpc import add_TriedServiceServicer_to_server
from nungil.database.outbox import relay
from nungil.erasing import ReadErasures
from nungil.event_log import topics
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.routing import ByTopic
from nungil.runtime.clock import now_ms
from nungil.runtime.lifecycle import serve, worker
from nungil.runtime.rpc import grpc_server
from services.profile import consumer
from services.profile.boards import Limits
from services.profile.config import ProfileSettings
from services.profile.handlers.abouts import Abouts
from services.profile.handlers.boards import Boards, GoesWith
from services.profile.handlers.campaigns import Campaigns, Sponsor
from services.profile.handlers.consents import Consents
from services.profile.handlers.corrections import Corrections
from services.profile.handlers.describing import Describe
from services.profile.handlers.erasing import Confirm, Erase, Receipts
from services.profile.handlers.events import PeopleActed, PictureChanged, PicturesEmbedded
from services.profile.handlers.exporting import Answer, Export
from services.profile.handlers.interests import Interests
from services.profile.handlers.people import Identify
from services.profile.handlers.pins import Pins
from services.profile.handlers.recommendations import NoteSeen, Recommend, forget_lists
from services.profile.handlers.segments import ManageSegments, MySegments
from services.profile.handlers.sharing import Sharing
from services.profile.handlers.stories import TellStory
from services.profile.handlers.tried import TriedThings
from services.profile.learning import open_learning
from services.profile.rpc.boards import BoardServicer
from services.profile.rpc.campaigns import CampaignServicer
from services.profile.rpc.erasing import DropOfErased, ErasureServicer, ReadConfirmations
from services.profile.rpc.people import PeopleServicer
from services.profile.rpc.profile import ProfileServicer
from services.profile.rpc.recommendations import RecommendationServicer
from services.profile.rpc.segments import SegmentServicer
from services.profile.rpc.tried import TriedServicer
from services.profile.searching import FindThings, open_search
from services.profile.seen_consumer import ReadSeen
from services.profile.store import tables
from services.profile.watching import Watches


def run(settings: ProfileSettings, stop: Event) -> None:
    """Serves until `stop`."""
    woken = Event()
    with ExitStack() as stack:  # opened top down, closed bottom up
        learning = stack.enter_context(open_learning(settings))
        log = stack.enter_context(open_event_log(settings.event_log_url))
        engine, features, segments = learning.engine, learning.features, learning.segments
        taxonomies, rules = learning.taxonomies, learning.rules
        journal = replace(learning.journal, followers=(segments.follow,))
        interests = Interests(journal, rules, now_ms, taxonomies)
        corrections = Corrections(journal, interests, now_ms, woken)
        watches = Watches(
            engine,
            features,
            now_ms,
            woken,
            settings.watches_per_person,
            settings.unmet_people,
            (segments.markets_changed,),
        )
        limits = Limits(settings.boards_per_person, settings.pins_per_board)
        boards = Boards(engine, now_ms, woken, limits)
        tried = TriedThings(engine, now_ms)
        changed = PictureChanged(journal, watches, boards, tried)
        read = consumer.ReadEvents(
            changed, PicturesEmbedded(journal, woken), PeopleActed(journal, corrections), watches, boards
        )
        servicer = ProfileServicer(
            Identify(engine, now_ms),
            interests,
            corrections,
            Consents(engine, now_ms, journal, (segments.consents_changed, forget_lists)),
            watches,
            taxonomies,
        )
        board_servicer = BoardServicer(
            boards,
            Pins(engine, features, now_ms, woken, limits),
            Sharing(engine, now_ms, limits),
            Describe(engine, features),
            GoesWith(engine, settings.goes_with_people),
        )
        sponsor = Sponsor(engine, taxonomies.of, rules, segments.segments_for_ads, now_ms)
        find = FindThings(stack.enter_context(open_search(settings.search_address)), features.encoder_space)
        recommend = Recommend(engine, journal, taxonomies.of, taxonomies.shipped, find, sponsor, now_ms)
        recommendation_servicer = RecommendationServicer(recommend, taxonomies.of)
        campaign_servicer = CampaignServicer(Campaigns(engine, taxonomies.of, segments.is_published))

        manage = ManageSegments(segments, settings.segments_per_tenant, settings.smallest_segment)
        segment_servicer = SegmentServicer(manage, MySegments(segments))
        abouts = Abouts(engine, now_ms, (segments.about_changed,))
        people_servicer = PeopleServicer(abouts, TellStory(journal, taxonomies.of), taxonomies.of)
        answers = (
            ("segments", segment_servicer.GetMySegments, segments_pb2.GetMySegmentsRequest),
            ("interests", servicer.GetInterests, pb.GetInterestsRequest),
            ("watches", servicer.ListWatches, pb.ListWatchesRequest),
            ("about", people_servicer.GetAbout, people_pb2.GetAboutRequest),
        )
        export = Export(engine, [Answer(*answer) for answer in answers])
        erasure_servicer = ErasureServicer(
            Erase(engine, now_ms, woken), Receipts(engine, settings.receipt_key.get_secret_value()), export
        )

        def register(server: Any) -> None:
            add_PeopleServiceServicer_to_server(people_servicer, server)
            add_ProfileServiceServicer_to_server(servicer, server)
            add_ErasureServiceServicer_to_server(erasure_servicer, server)
            add_BoardServiceServicer_to_server(board_servicer, server)
            add_RecommendationServiceServicer_to_server(recommendation_servicer, server)
            add_CampaignServiceServicer_to_server(campaign_servicer, server)
            add_SegmentServiceServicer_to_server(segment_servicer, server)
            add_TriedServiceServicer_to_server(TriedServicer(tried), server)

        confirm = Confirm(engine, now_ms, settings.bytes_kept_s * 1000)
        every = ByTopic(
            {
                **dict.fromkeys(consumer.TOPICS, DropOfErased(ReadSeen(read, NoteSeen(engine)), engine)),
                topics.USER_ERASED: ReadErasures(confirm.own),
                topics.ERASURE_CONFIRMED: ReadConfirmations(confirm),
            }
        )
        stack.enter_context(worker("segments", lambda: segments.work(stop), stop))
        stack.enter_context(worker("relay", lambda: relay(engine, tables.OUTBOX, log, stop, woken), stop))
        events = stack.enter_context(log.subscribe(every.topics, group=consumer.GROUP))
        dead = DeadLetters(log, group=consumer.GROUP)
        stack.enter_context(
            worker("events", lambda: consume(events, every, dead, stop, max_records=consumer.BATCH), stop)
        )
        stack.enter_context(
            grpc_server(
                register,
                listen=settings.listen,
                grace_s=settings.shutdown_grace_s,
            )
        )
        stop.wait()


if __name__ == "__main__":
    serve("profile", ProfileSettings, run)
