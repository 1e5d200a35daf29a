"""Which brokers we can use."""

from __future__ import annotations

from collections.abc import Sequence

from nungil.runtime.errors import Misconfigured

OLDEST = (
    2,
    4,
)  # partitions handed over one by one, members that come back under their name, the brokers' own replication factor


def check_version(said: Sequence[int]) -> None:
    """`said`: what the client infers from what a broker answers, as (2, 3) or (4, 0, 1). Raises Misconfigured for one that is too old."""
    if tuple(said[:2]) < OLDEST:
        raise Misconfigured(
            f"the broker is Kafka {'.'.join(map(str, said))}: use {'.'.join(map(str, OLDEST))} or newer (4.3 is the one that is tested)"
        )
