"""A server that is not for us is refused in one sentence that says what to use."""

from __future__ import annotations

import re

import pytest

from nungil.database import postgres
from nungil.event_log import kafka_version
from nungil.runtime.errors import Misconfigured
from nungil.vector_index import milvus, milvus_server


@pytest.mark.parametrize("said", ["v2.2.16", "2.2.0", "v4.0.0", "v10.1.0", "master-20260901-1a2b3c", ""])
def test_a_milvus_too_old_too_new_or_nameless_is_refused(said: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(f"Milvus {said}: use one from 2.3 to 3.x")):
        milvus_server.check_version(said)


@pytest.mark.parametrize(
    "said", ["v2.3.5", "v2.3.5-lite", "2.3.5-dev", "v2.6.24", "2.6-20260901-1a2b3c", "v3.0.2", "v3.11.0"]
)
def test_milvus_from_two_three_to_three_is_taken(said: str) -> None:
    milvus_server.check_version(said)


def test_milvus_lite_under_the_scheme_of_a_server_is_refused_and_the_other_way_round() -> None:
    with pytest.raises(Misconfigured, match="write milvus-lite://"):
        milvus_server.check_version("milvus_lite-3.2.2")
    with pytest.raises(Misconfigured, match=r"write milvus://127\.0\.0\.1:19530"):
        milvus.check_is_lite("v2.3.5-lite", "127.0.0.1:19530")
    milvus.check_is_lite("milvus_lite-3.2.2", "127.0.0.1:19530")


def test_a_postgresql_too_old_is_refused() -> None:
    with pytest.raises(Misconfigured, match="the server is PostgreSQL 12: use 13 or newer"):
        postgres.check_version(120_022)
    for taken in (130_000, 150_018, 180_001):
        postgres.check_version(taken)


@pytest.mark.parametrize("said", [(0, 10, 2), (1, 1), (2, 3)])
def test_a_kafka_too_old_is_refused(said: tuple[int, ...]) -> None:
    with pytest.raises(Misconfigured, match=rf"the broker is Kafka {'.'.join(map(str, said))}: use 2\.4 or newer"):
        kafka_version.check_version(said)


@pytest.mark.parametrize("said", [(2, 4), (2, 8), (3, 9), (4, 3), (4, 0, 1)])
def test_kafka_from_two_four_on_is_taken(said: tuple[int, ...]) -> None:
    kafka_version.check_version(said)
