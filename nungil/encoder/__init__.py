"""Encoders: port and adapters."""
