"""The vector index: port and adapters."""
