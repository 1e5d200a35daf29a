"""Leaving, as the API shows it."""

from __future__ import annotations

from pydantic import Field

from services.gateway.wire.common import Model


class LeftModel(Model):
    receipt_id: str = Field(description="a secret: whoever has it may read the receipt at /v1/erasures/{receipt_id}")


class StoreErasedModel(Model):
    service: str = Field(examples=["embed"])
    store: str = Field(examples=["index"])
    count: int = Field(description="rows or objects that were removed")
    at: str = Field(description="since when none of it can be reached", examples=["2026-11-21T10:00:00.000Z"])
    gone_by: str = Field(description="when the last of its bytes are gone; the same as `at`: they are gone")


class MissingModel(Model):
    service: str
    store: str


class ReceiptModel(Model):
    """Signed once nothing is missing: Ed25519 over this document as JSON without `signature`, keys in order, no spaces, UTF-8."""

    receipt_id: str
    tenant: str
    person_id: str = Field(description="random, and given up: it leads to nobody")
    asked_at: str
    completed_at: str = Field(description="empty until every store has answered")
    stores: list[StoreErasedModel]
    missing: list[MissingModel] = Field(description="who has not answered yet")
    public_key: str = Field(description="Ed25519, 32 bytes in base64")
    signature: str = Field(description="64 bytes in base64; empty until every store has answered")


class ReceiptKeyModel(Model):
    public_key: str = Field(description="Ed25519, 32 bytes in base64; keep it to check receipts with")
