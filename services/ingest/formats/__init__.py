"""Formats of feeds, one module each: bytes to rows."""
