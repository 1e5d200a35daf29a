"""Settings come from the environment, NUNGIL_<NAME>, once, at start; wrong ones stop the process with every fault listed."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nungil.runtime.errors import Misconfigured


class ServiceSettings(BaseSettings):
    """What every service reads; each adds its own, under the same names: object_store_url, database_url, vector_index_url,
    encoder_url, <service>_address. Addresses are gRPC's: 'unix:/run/nungil/search.sock' or '127.0.0.1:7003'."""

    model_config = SettingsConfigDict(env_prefix="NUNGIL_", extra="ignore")

    event_log_url: str = Field(description="sqlite:///…/log.db, or kafka://host:9092")
    listen: str = Field(description="where this service answers gRPC (the gateway: HTTP)")
    metrics_listen: str = Field("", description="where Prometheus reads /metrics: '0.0.0.0:9464'; empty: nowhere")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field("json", pattern="^(json|text)$")
    shutdown_grace_s: float = Field(10.0, gt=0, description="how long calls in flight may take after a stop signal")


S = TypeVar("S", bound=ServiceSettings)


def read_settings(of: type[S], **overrides: Any) -> S:
    """The settings of a service. Raises Misconfigured with every fault, one a line."""
    try:
        return of(**overrides)
    except ValidationError as error:
        faults = "\n".join(
            f"  NUNGIL_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        raise Misconfigured(f"{of.__name__} cannot start; set these in the environment:\n{faults}") from error
