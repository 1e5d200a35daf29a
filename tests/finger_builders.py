"""A client of the gateway's WebSocket, as a page is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from gateway_builders import AGateway
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

WAIT_S = 20.0


class AFinger:
    """A client of the WebSocket: numbers what it asks, keeps what it is told."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.number = 0
        self.told: list[dict] = []

    def ask(self, **ask: Any) -> int:
        """Sends one ask; its number."""
        [(name, body)] = ask.items()
        if name != "open":
            self.number += 1
            body = {"number": self.number} | body
        self.connection.send(json.dumps({name: body}))
        return self.number

    def hear(self, name: str, which=lambda body: True) -> dict:
        """The next message of this name that is so."""
        while True:
            [(told, body)] = json.loads(self.connection.recv(timeout=WAIT_S)).items()
            self.told.append({told: body})
            if told == name and which(body):
                return body

    def ready_of(self, number: int) -> dict:
        """Now or before: a full answer does not wait for the pool."""
        before = [told["ready"] for told in self.told if "ready" in told and told["ready"]["number"] == number]
        return before[0] if before else self.hear("ready", lambda ready: ready["number"] == number)

    def answer_to(self, number: int, *, full: bool) -> dict:
        return self.hear("answer", lambda answer: answer["number"] == number and answer["full"] is full)

    def close_code(self) -> int:
        """Reads to the end."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                [told] = [json.loads(self.connection.recv(timeout=WAIT_S))]
                self.told.append(told)
        return closed.value.rcvd.code


@contextmanager
def a_finger(gateway: AGateway, key: str | None = None, **options: Any) -> Iterator[AFinger]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = gateway.url.replace("http", "ws") + "/v1/lens"
    with connect(url, additional_headers=headers | options.pop("headers", {}), **options) as connection:
        yield AFinger(connection)


@contextmanager
def an_open(gateway: AGateway, key: str, media_id: str, **fields: Any) -> Iterator[AFinger]:
    with a_finger(gateway, key) as finger:
        finger.ask(open={"media_id": media_id, "record": False} | fields)
        yield finger
