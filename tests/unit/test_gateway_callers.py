"""Whom the gateway remembers a subject to be, across an erasure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from nungil.api.profile.v1.profile_pb2 import IdentifyRequest, IdentifyResponse
from services.gateway.core import Grant, Speaker
from services.gateway.handlers.callers import IdentifyCaller

MINA = Speaker(Grant("local", None, frozenset({"person"})), "mina")


class AProfile:
    """Answers with these ids in turn. asked: called before each answer."""

    def __init__(self, *ids: str, asked: Callable[[], None] = lambda: None) -> None:
        self.ids = list(ids)
        self.asked = asked

    async def Identify(self, request: IdentifyRequest, **_: Any) -> IdentifyResponse:
        self.asked()
        return IdentifyResponse(person_id=self.ids.pop(0))


def identifying(profile: AProfile) -> IdentifyCaller:
    peers: Any = SimpleNamespace(profile=profile)
    engine: Any = None  # no key is looked up here
    return IdentifyCaller(engine, peers, timeout_s=1.0)


def test_a_person_is_asked_for_once_and_again_after_their_erasure() -> None:
    async def story() -> list[str]:
        identify = identifying(AProfile("p-1", "p-2"))
        before = [(await identify(MINA)).person_id for _ in range(2)]
        identify.forget("local", "p-1")
        return [*before, *[(await identify(MINA)).person_id for _ in range(2)]]

    assert asyncio.run(story()) == ["p-1", "p-1", "p-2", "p-2"]


def test_another_tenants_person_stays_remembered() -> None:
    async def story() -> str:
        identify = identifying(AProfile("p-1", "p-2"))
        await identify(MINA)
        identify.forget("other", "p-1")
        return (await identify(MINA)).person_id

    assert asyncio.run(story()) == "p-1"


def test_one_who_leaves_while_they_are_asked_for_is_not_remembered() -> None:
    async def story() -> str:
        profile = AProfile("p-1", "p-2")
        identify = identifying(profile)
        profile.asked = lambda: identify.forget("local", "p-1")
        return (await identify(MINA)).person_id

    assert asyncio.run(story()) == "p-2"
