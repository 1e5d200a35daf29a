"""How the system is, as the API shows it."""

from __future__ import annotations

from pydantic import Field

from services.gateway.wire.common import Model


class ServiceModel(Model):
    healthy: bool


class IndexModel(Model):
    rows: int = Field(description="regions that can be found")
    items: int = Field(description="items known to search")
    encoder_space: str


class LagModel(Model):
    topic: str
    group: str
    records: int = Field(description="appended and not yet handled by this group")


class StatusModel(Model):
    healthy: bool = Field(description="every service is")
    services: dict[str, ServiceModel]
    index: IndexModel | None = Field(description="null while search is away")
    lag: list[LagModel]


class AliveModel(Model):
    status: str = Field(examples=["ok"])
