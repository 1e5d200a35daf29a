"""Ingest's tables and every statement on them."""

from services.ingest.store.tables import METADATA, OUTBOX

__all__ = ["METADATA", "OUTBOX"]
