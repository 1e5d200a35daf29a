"""Settings of profile, and what each thing that a person does is worth."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from nungil.api.profile.v1 import profile_pb2
from nungil.receipts import public_key_of
from nungil.runtime.errors import Misconfigured
from nungil.runtime.settings import ServiceSettings

GAINS: dict[str, float] = {
    "uploaded": 1.0,
    "saved": 1.0,
    "liked": 0.7,
    "tried": 1.5,
    "shared": 0.8,
    "crop_searched": 0.5,
    "closed_up": 0.2,
    "clicked_out": 0.4,
    "bought": 1.5,
    "hidden": -1.0,
}


class ProfileSettings(ServiceSettings):
    """Each field is read from NUNGIL_<NAME>."""

    object_store_url: str = Field(description="file:///…/objects, or s3+https://host/bucket")
    database_url: str = Field(description="profile's own database: sqlite:///…/profile.db, or postgresql://…")
    encoder_url: str = Field("efficientnet-lite0://", description="whose features to read; no model is loaded")
    search_address: str = Field(
        "",
        description="where search answers gRPC: asked for what to recommend; empty: nothing is recommended, and that is said",
    )
    half_life_days: float = Field(60.0, gt=0, description="after so many days an interest weighs half")
    interest_floor: float = Field(0.25, gt=0, lt=1, description="less probable than this makes no interest")
    taxonomy_overlays: str = Field(
        "", description="a folder of <tenant>.yaml: what a tenant lays over the taxonomy; empty: nobody does"
    )
    cluster_likeness: float = Field(
        0.2, gt=-1, lt=1, description="cosine from which a part of a picture joins what a person likes already"
    )
    watches_per_person: int = Field(50, ge=1, le=1_000, description="crops that a person may wait for at once")
    segments_per_tenant: int = Field(1_000, ge=1, le=10_000, description="segments that a tenant may keep")
    smallest_segment: int = Field(
        50, ge=1, description="sizes of segments are told in bands; fewer people than this are one band"
    )
    unmet_people: int = Field(
        2,
        ge=1,
        description="crops that nothing is found for are shown to a shop where so many people wait for their like",
    )
    boards_per_person: int = Field(100, ge=1, le=1_000, description="boards of a person, and as many of others' kept")
    pins_per_board: int = Field(500, ge=1, le=5_000, description="pins that a board takes")
    goes_with_people: int = Field(
        3, ge=1, description="items go with each other where so many people keep them on one board, the asker aside"
    )
    activity_gains: dict[str, float] = Field(
        default_factory=lambda: dict(GAINS), description="what one picture is worth, by what was done with it"
    )

    receipt_key: SecretStr = Field(
        SecretStr(""),
        description="what receipts of erasures are signed with: an Ed25519 private key, 32 bytes in base64; empty: one is made and kept "
        "in the database",
    )

    @field_validator("receipt_key")
    @classmethod
    def _a_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value():
            try:
                public_key_of(key.get_secret_value())
            except Misconfigured as error:
                raise ValueError(str(error)) from None
        return key

    @field_validator("activity_gains")
    @classmethod
    def _one_a_kind(cls, gains: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(gains) - set(GAINS))
        if unknown:
            raise ValueError(f"unknown kinds: {', '.join(unknown)}; known: {', '.join(GAINS)}")
        return GAINS | gains


def gains_by_kind(gains: dict[str, float]) -> dict[int, float]:
    """The table by the numbers of ActivityKind."""
    return {int(profile_pb2.ActivityKind.Value(f"ACTIVITY_KIND_{name.upper()}")): gain for name, gain in gains.items()}
