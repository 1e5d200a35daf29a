"""Ids. Media ids are UUIDv7, so that they sort by age; event ids too."""

import re
import secrets

import uuid6

ID = re.compile(
    r"(?!\.+$)[A-Za-z0-9._-]{1,128}"
)  # of a tenant, a person, a picture, an item: fit for keys and addresses


def new_media_id() -> str:
    """A UUIDv7 (RFC 9562)."""
    return str(uuid6.uuid7())


def new_event_id() -> str:
    """A UUIDv7 (RFC 9562)."""
    return str(uuid6.uuid7())


def new_watch_id() -> str:
    """A UUIDv7 (RFC 9562)."""
    return str(uuid6.uuid7())


def new_board_id() -> str:
    """A UUIDv7 (RFC 9562)."""
    return str(uuid6.uuid7())


def new_pin_id() -> str:
    """A UUIDv7 (RFC 9562)."""
    return str(uuid6.uuid7())


def new_person_id() -> str:
    """Random, 128 bits: says nothing of whom it stands for, nor of when they came."""
    return "p-" + secrets.token_hex(16)
