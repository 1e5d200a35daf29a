"""The gateway's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from nungil.runtime.settings import ServiceSettings

_PAGE = Path(__file__).resolve().parents[2] / "web"


class GatewaySettings(ServiceSettings):
    """Each field is read from NUNGIL_<NAME>."""

    database_url: str = Field(description="API keys and idempotency records: sqlite:///…/gateway.db, or postgresql://…")
    ingest_address: str = Field(description="where ingest answers gRPC: ingest:7000, or unix:/run/nungil/ingest.sock")
    embed_address: str = Field(description="where embed answers gRPC: embed:7000, or unix:/run/nungil/embed.sock")
    search_address: str = Field(description="where search answers gRPC: search:7000, or unix:/run/nungil/search.sock")
    profile_address: str = Field(
        description="where profile answers gRPC: profile:7000, or unix:/run/nungil/profile.sock"
    )
    allowed_hosts: list[str] = Field(
        default=["127.0.0.1", "localhost", "[::1]"],
        description='what the Host header may name, as JSON: ["nungil.example"]; ["*"] takes any',
    )
    page_dir: Path = Field(_PAGE, description="the folder of the page, with its index.html")
    picture_limit_bytes: int = Field(30_000_000, gt=0, description="the largest picture that is taken")
    feed_limit_bytes: int = Field(32_000_000, gt=0, description="the largest feed that is taken")
    json_limit_bytes: int = Field(1_000_000, gt=0, description="the largest body of any other request")
    call_timeout_s: float = Field(10.0, gt=0, description="for a call to another service")
    picture_timeout_s: float = Field(60.0, gt=0, description="for a call that stores or encodes a picture")
    export_timeout_s: float = Field(3600.0, gt=0, description="for sending a person all that is kept of them")
    keep_alive_s: float = Field(15.0, gt=0, description="how often a quiet event stream sends a comment")
    lens_idle_s: float = Field(300.0, gt=0, description="without a message for so long, a lens session is closed")
    lens_sessions: int = Field(200, ge=1, description="lens sessions open here at a time")
