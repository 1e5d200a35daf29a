"""Settings of ingest."""

from pydantic import Field

from nungil.runtime.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """Each field is read from NUNGIL_<NAME>."""

    object_store_url: str = Field(description="file:///…/objects, or s3+https://host/bucket")
    database_url: str = Field(description="ingest's own database: sqlite:///…/ingest.db, or postgresql://…")
    encoder_url: str = Field("efficientnet-lite0://", description="whose features GetMedia reads; no encoder is loaded")
    transient_s: int = Field(900, ge=1, description="how long a picture that is only searched with is kept")
    sweep_every_s: float = Field(30.0, gt=0, description="how often what has expired is removed")
    orphan_age_s: int = Field(
        86_400, ge=3600, description="how old stored objects without a picture must be before they are removed"
    )
    orphans_every_s: float = Field(
        86_400.0, gt=0, description="how often such objects are looked for; also at the start"
    )
    decoders: int = Field(
        2,
        ge=1,
        le=64,
        description="pictures decoded at once, each in a process of its own; a WebP of 50 megapixels needs 1.2 GB for a moment",
    )
    decoder_memory_mb: int = Field(1600, ge=256, description="what a picture may need; one that needs more is refused")
    decoder_cpu_s: int = Field(30, ge=1, description="processor time that a picture may need")
    rpc_workers: int = Field(16, ge=2, le=256, description="calls answered at once")
