"""The services behind the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nungil.api.embed.v1.embed_pb2_grpc import EmbedServiceStub
from nungil.api.ingest.v1.dates_pb2_grpc import DateServiceStub
from nungil.api.ingest.v1.export_pb2_grpc import PictureExportServiceStub
from nungil.api.ingest.v1.ingest_pb2_grpc import IngestServiceStub
from nungil.api.profile.v1.boards_pb2_grpc import BoardServiceStub
from nungil.api.profile.v1.campaigns_pb2_grpc import CampaignServiceStub
from nungil.api.profile.v1.erasure_pb2_grpc import ErasureServiceStub
from nungil.api.profile.v1.people_pb2_grpc import PeopleServiceStub
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub
from nungil.api.profile.v1.recommendations_pb2_grpc import RecommendationServiceStub
from nungil.api.profile.v1.segments_pb2_grpc import SegmentServiceStub
from nungil.api.profile.v1.tried_pb2_grpc import TriedServiceStub
from nungil.api.search.v1.search_pb2_grpc import SearchServiceStub
from nungil.runtime.rpc import calling, metadata, open_aio_channel

T = TypeVar("T")
_HEALTH_TIMEOUT_S = 1.0


async def ask(rpc: Callable[..., Awaitable[T]], request: Any, *, timeout_s: float) -> T:
    """Calls a service in our trace. Raises what the service raised, or DependencyAway where it does not answer in time."""
    with calling():
        return await rpc(request, timeout=timeout_s, metadata=metadata())


@dataclass(frozen=True)
class Peers:
    """One stub a service, and the channels by name for their health."""

    ingest: Any
    embed: Any
    search: Any
    profile: Any
    boards: Any
    erasure: Any
    recommendations: Any
    campaigns: Any
    pictures: Any
    dates: Any
    people: Any
    segments: Any
    tried: Any
    channels: Mapping[str, grpc.aio.Channel]

    async def is_serving(self, name: str) -> bool:
        """Whether the service says that it serves."""
        health = health_pb2_grpc.HealthStub(self.channels[name])
        try:
            answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_TIMEOUT_S)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def open_peers(*, ingest: str, embed: str, search: str, profile: str) -> AsyncIterator[Peers]:
    """Channels to these addresses; they connect at the first call."""
    addresses = {"ingest": ingest, "embed": embed, "search": search, "profile": profile}
    async with AsyncExitStack() as stack:
        channels = {
            name: await stack.enter_async_context(open_aio_channel(address)) for name, address in addresses.items()
        }
        yield Peers(
            ingest=IngestServiceStub(channels["ingest"]),
            embed=EmbedServiceStub(channels["embed"]),
            search=SearchServiceStub(channels["search"]),
            profile=ProfileServiceStub(channels["profile"]),
            boards=BoardServiceStub(channels["profile"]),
            erasure=ErasureServiceStub(channels["profile"]),
            recommendations=RecommendationServiceStub(channels["profile"]),
            campaigns=CampaignServiceStub(channels["profile"]),
            pictures=PictureExportServiceStub(channels["ingest"]),
            dates=DateServiceStub(channels["ingest"]),
            people=PeopleServiceStub(channels["profile"]),
            segments=SegmentServiceStub(channels["profile"]),
            tried=TriedServiceStub(channels["profile"]),
            channels=channels,
        )
