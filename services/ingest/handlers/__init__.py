"""Ingest's use cases: pictures, what becomes of them, items, imports of feeds."""
