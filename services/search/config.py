"""Settings of search."""

from __future__ import annotations

from pydantic import Field

from nungil.runtime.settings import ServiceSettings


class SearchSettings(ServiceSettings):
    """Each field is read from NUNGIL_<NAME>."""

    object_store_url: str = Field(description="file:///…/objects, or s3+https://host/bucket")
    database_url: str = Field(description="search's own database: sqlite:///…/search.db, or postgresql://…")
    vector_index_url: str = Field(description="milvus-lite://127.0.0.1:PORT, or milvus://host:19530")
    encoder_url: str = Field("efficientnet-lite0://", description="whose features to read; no model is loaded")
    embed_address: str = Field(
        "",
        description="where embed answers gRPC: asked for the vectors of words where the encoder has a text tower; empty: words are "
        "looked for in titles alone",
    )
    exact_limit: int = Field(
        2_500, ge=1, le=10_000, description="where at most so many pictures pass the filters, only they are scored"
    )
    exact_most: int = Field(
        20_000,
        ge=1,
        le=200_000,
        description="where more pass and the nearest rows hold too few, at most so many are scored; then an answer is partial",
    )
    row_cache_bytes: int = Field(
        128 * 1024 * 1024, ge=1024 * 1024, description="rows of pictures that pass filters, held in memory"
    )
    fresh_pictures: int = Field(1_000, ge=0, description="newest pictures found before the index shows them")
    fresh_s: float = Field(60.0, ge=0, description="for so long after they were encoded")
    cache_bytes: int = Field(256 * 1024 * 1024, ge=1024 * 1024, description="feature maps held in memory")
    denied_pictures: int = Field(200_000, ge=1, description="deletions remembered until the index has surely followed")
    lens_sessions: int = Field(
        200, ge=1, description="pictures open at once for a moving frame; each keeps its candidates"
    )
    lens_pool_rows: int = Field(4_000, ge=100, le=20_000, description="candidates of a session, about 1 KB each")
    lens_rest_s: float = Field(
        0.15, ge=0, description="a frame that nothing follows for so long is answered by a full search"
    )
    lens_slow_s: float = Field(
        2.0, gt=0, description="an index that takes longer is not waited for: answers are partial"
    )
    lens_idle_s: float = Field(300.0, gt=0, description="a session that is asked nothing for so long is closed")
    match_cosine: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="where given, it alone decides what matched: a hit whose cosine is below it is only similar. Otherwise what was "
        "calibrated for the encoder space decides, and for a space that was not, 0.2",
    )
