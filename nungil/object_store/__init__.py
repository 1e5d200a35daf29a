"""The object store: port, adapters, and where each object lies."""
