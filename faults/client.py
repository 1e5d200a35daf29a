"""A good client of the public API: it sends again, with the same Idempotency-Key and a growing wait, and notes what it saw."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

NO_ANSWER = "no connection"
_SENT_AGAIN = frozenset({429, 502, 503, 504})
_KEY_IN_USE = "idempotency-key-in-use"  # the same request is being answered just now, or was when somebody died
_NOT_YET = frozenset({404, 409})  # of a search: not everybody has heard of a picture that was made searchable just now
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 2.0
GIVES_UP_AFTER_S = 240.0


@dataclass(frozen=True)
class Request:
    """One thing that a user wanted. seen: the status of every answer, the last one included; times of time.monotonic."""

    kind: str
    began_s: float
    ended_s: float
    seen: tuple[str, ...]
    answer: dict[str, Any] | None

    @property
    def done(self) -> bool:
        """Whether the user got what they wanted in the end."""
        return self.answer is not None


@dataclass
class PatientClient:
    """Safe for use by many threads."""

    http: httpx.Client
    stop: threading.Event
    requests: list[Request] = field(default_factory=list)

    def send(self, kind: str, path: str, *, key: str, **content: Any) -> Request:
        """POSTs until it is done, refused, or `GIVES_UP_AFTER_S` is over."""
        began_s, wait_s, seen = time.monotonic(), _FIRST_WAIT_S, []
        answer: dict[str, Any] | None = None
        while True:
            try:
                response = self.http.post(path, headers={"Idempotency-Key": key}, **content)
            except httpx.TransportError:
                seen.append(NO_ANSWER)
            else:
                seen.append(_told(response))
                if response.is_success:
                    answer = response.json()
                    break
                if not _worth_another(response, kind):
                    break
            if time.monotonic() - began_s > GIVES_UP_AFTER_S or self.stop.wait(wait_s):
                break
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        request = Request(kind, began_s, time.monotonic(), tuple(seen), answer)
        self.requests.append(request)
        return request


def _worth_another(response: httpx.Response, kind: str) -> bool:
    if response.status_code in _SENT_AGAIN or _KEY_IN_USE in response.text:
        return True
    return kind == "search" and response.status_code in _NOT_YET


def _told(response: httpx.Response) -> str:
    return f"{response.status_code} key in use" if _KEY_IN_USE in response.text else str(response.status_code)
