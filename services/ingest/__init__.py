"""Ingest: checks, cleans and stores pictures; owns pictures, items and offers.

Reads media.embedded (states) and embed's feature objects. Writes originals and renditions, its own database, and
media.changed and item.changed through the outbox.
"""
