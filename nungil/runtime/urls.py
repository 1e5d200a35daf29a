"""URLs of dependencies, as they may be shown: a password in one is never logged or printed."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"(?<=://)[^\s'\"]*@")  # to the last '@': a password may hold a '/' that was not escaped


def without_secrets(url: str) -> str:
    """`url` with '***@' in place of a user and password."""
    return _USERINFO.sub("***@", url)
