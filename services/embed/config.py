"""Settings of embed."""

from typing import Literal

from pydantic import Field

from nungil.runtime.settings import ServiceSettings


class EmbedSettings(ServiceSettings):
    """Each field is read from NUNGIL_<NAME>."""

    object_store_url: str = Field(description="file:///…/objects, or s3+https://host/bucket")
    vector_index_url: str = Field(description="milvus-lite://127.0.0.1:PORT, or milvus://host:19530")
    encoder_url: str = Field("efficientnet-lite0://", description="the network that makes the features")
    kept_encoder_url: str = Field(
        "", description="the encoder that was served before: its rows are kept to switch back, and deletions reach them"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto, cpu or cuda; auto: cuda where there is one"
    )
    batch_pictures: int = Field(16, ge=1, le=512, description="pictures a forward pass; a GPU wants 64")
    poll_records: int = Field(128, ge=1, le=4096, description="events handled and committed at once")
    preparers: int = Field(
        2,
        ge=1,
        le=64,
        description="threads that decode and store; each may hold one decoded picture and a decoder process",
    )
    decoder_memory_mb: int = Field(
        512, ge=256, description="what a rendition may need; one that needs more is rejected"
    )
    decoder_cpu_s: int = Field(10, ge=1, description="processor time that a rendition may need")
