"""How often a link that needs no key may be followed."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from services.gateway.core import Allowance
from services.gateway.errors import TooManyRequests

_PER_S = 30.0
_BURST = 400.0  # a page of pins, with its pictures
_REMEMBERED = 1_000


@dataclass(frozen=True)
class OpenLinks:
    """An allowance a link, for the last 1,000 that were followed here: who shares one pays for its visitors, nobody else."""

    _allowances: OrderedDict[bytes, Allowance] = field(default_factory=OrderedDict)

    def follow(self, token: str) -> None:
        """Raises TooManyRequests."""
        now_s = time.monotonic()
        link = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        allowance = self._allowances.setdefault(link, Allowance(_PER_S, _BURST, now_s))
        self._allowances.move_to_end(link)
        if len(self._allowances) > _REMEMBERED:
            self._allowances.popitem(last=False)
        if not allowance.take(now_s):
            raise TooManyRequests
