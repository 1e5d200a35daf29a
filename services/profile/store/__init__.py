"""Profile's tables and every statement on them."""

from services.profile.store.tables import METADATA, OUTBOX

__all__ = ["METADATA", "OUTBOX"]
