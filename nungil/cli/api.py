"""The public HTTP API, as the command line uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import httpx

from nungil.cli.data_folder import data_folder
from nungil.cli.errors import CommandFailed, NotRunning

Json = dict[str, Any]
_RETRIED = frozenset({502, 503, 504})
_AWAY_LIMIT_S = 60.0
LARGEST_PAGE = 200
_TIMEOUT = httpx.Timeout(90.0, connect=5.0)


class Refused(CommandFailed):
    """The API said no; the message is its reason."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        try:
            problem = response.json()
            reason = str(problem.get("detail") or problem.get("title") or response.text)
        except (ValueError, AttributeError):
            reason = f"{response.status_code} {response.reason_phrase}"
        super().__init__(reason)
        self.reason = reason


class Api:
    """One system's API. Safe for use by many threads.

    A request that finds a part of the system away is sent again, with a growing wait, for a minute: every write of ours
    can be repeated. Raises Refused for what the API refuses, NotRunning where nobody answers at the address.
    """

    def __init__(self, http: httpx.Client, stop: Event) -> None:
        self._http = http
        self._stop = stop
        self._answered = False

    def put_picture(self, path: Path, *, purpose: str, name: str | None = None, source_url: str = "") -> Json:
        """Gives a picture: its id and state, and whether its owner gave it before. source_url: where it came from."""
        files = {"file": (name or path.name, path.read_bytes())}
        said = {"purpose": purpose} | ({"source_url": source_url} if source_url else {})
        answer: Json = self._send("POST", "/v1/media", files=files, data=said).json()
        return answer

    def media(self, media_id: str) -> Json:
        """A picture: state, regions, labels, colours."""
        return self._get(f"/v1/media/{media_id}")

    def each_media(self, *, purpose: str, page: int = LARGEST_PAGE) -> Iterator[Json]:
        """Pictures, newest first, with their states; without what was found in them. page: how many are asked for at once."""
        cursor: str | None = None
        while True:
            answer = self._get("/v1/media", purpose=purpose, limit=page, **({"cursor": cursor} if cursor else {}))
            yield from answer["media"]
            cursor = answer["next_cursor"]
            if not cursor:
                return

    def put_feed(self, feed: bytes, name: str, terms: Mapping[str, str]) -> Json:
        """Starts an import; the same bytes under the same terms give the same one."""
        files = {"file": (name, feed, "application/octet-stream")}
        answer: Json = self._send("POST", "/v1/imports", files=files, params=terms).json()
        return answer

    def feed(self, import_id: str) -> Json:
        """How far an import is."""
        return self._get(f"/v1/imports/{import_id}")

    def search(self, query: Json) -> Json:
        """Hits for a part of a picture."""
        answer: Json = self._send("POST", "/v1/search", json=query).json()
        return answer

    def interests(self, person: str | None = None) -> Json:
        """The interests of the key's person, or of `person`."""
        answer: Json = self._send("GET", "/v1/me/interests", headers={"Nungil-Person": person} if person else {}).json()
        return answer

    def correct_interest(self, interest: str, change: Json | None, person: str | None = None) -> Json | None:
        """The interest as it is then. change None: what was learnt of it is forgotten, and there is no answer."""
        headers = {"Nungil-Person": person} if person else {}
        path = f"/v1/me/interests/{quote(interest, safe='')}"
        if change is None:
            self._send("DELETE", path, headers=headers)
            return None
        answer: Json = self._send("PATCH", path, json=change, headers=headers).json()
        return answer

    def story(self, person: str | None = None) -> Json:
        """What the pictures tell by season."""
        answer: Json = self._send("GET", "/v1/me/story", headers={"Nungil-Person": person} if person else {}).json()
        return answer

    def export(self, out: Path, person: str | None = None) -> int:
        """Writes everything that is kept of the key's person, or of `person`, to a zip; its size in bytes. Nothing stays of one cut short."""
        part = out.with_name(out.name + ".part")
        headers = {"Nungil-Person": person} if person else {}
        try:
            with self._http.stream("GET", "/v1/me/export", headers=headers) as response, part.open("wb") as file:
                if response.status_code >= 400:
                    response.read()
                    raise Refused(response)
                for chunk in response.iter_bytes():
                    file.write(chunk)
            part.replace(out)
        except httpx.TransportError as error:
            raise CommandFailed(f"the archive was cut short: {error}; try again") from error
        finally:
            part.unlink(missing_ok=True)
        return out.stat().st_size

    def erase(self, person: str | None = None) -> str:
        """Erases the key's person, or `person`; the id of the receipt."""
        answer = self._send("DELETE", "/v1/me", headers={"Nungil-Person": person} if person else {})
        return str(answer.json()["receipt_id"])

    def receipt(self, receipt_id: str) -> Json:
        """Who has confirmed an erasure, and who has not."""
        return self._get(f"/v1/erasures/{receipt_id}")

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._http.base_url).rstrip("/")

    @staticmethod
    def receipt_key_at(url: str) -> str:
        """The public key that receipts of the system at `url` are signed with; no key is needed. Raises NotRunning."""
        try:
            answer = httpx.get(f"{url.rstrip('/')}/v1/receipt-key", timeout=_TIMEOUT, trust_env=False)
        except httpx.TransportError as error:
            raise NotRunning(f"nothing answers at {url}") from error
        if answer.status_code >= 400:
            raise Refused(answer)
        return str(answer.json()["public_key"])

    def boards(self, person: str | None = None) -> Json:
        """The boards of the key's person, or of `person`, and those that they keep."""
        answer: Json = self._send("GET", "/v1/me/boards", headers={"Nungil-Person": person} if person else {}).json()
        return answer

    def board(self, board_id: str, person: str | None = None) -> Json:
        """A board with all its pins."""
        headers = {"Nungil-Person": person} if person else {}
        path, pins, cursor = f"/v1/me/boards/{quote(board_id, safe='')}", [], ""
        while True:
            asked = {"limit": LARGEST_PAGE, "cursor": cursor}
            board: Json = self._send("GET", path, params=asked, headers=headers).json()
            pins += board["pins"]
            cursor = board["next_cursor"]
            if not cursor:
                return board | {"pins": pins}

    def status(self) -> Json:
        """Health of every service, rows of the index, lag of every consumer."""
        return self._get("/v1/status")

    def _get(self, path: str, **parameters: Any) -> Json:
        answer: Json = self._send("GET", path, params=parameters).json()
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        wait_s, waited_s = 0.2, 0.0
        while True:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                started = self._answered or not isinstance(error, httpx.ConnectError)
                if not started or waited_s >= _AWAY_LIMIT_S:
                    raise NotRunning(f"nothing answers at {self._http.base_url}: is `nungil up` running?") from error
            else:
                self._answered = True
                if response.status_code < 400:
                    return response
                if response.status_code not in _RETRIED or waited_s >= _AWAY_LIMIT_S:
                    raise Refused(response)
            if self._stop.wait(wait_s):
                raise CommandFailed("interrupted")
            waited_s += wait_s
            wait_s = min(2 * wait_s, 5.0)


@contextmanager
def open_api(*, url: str | None, key: str | None, data: Path | None, stop: Event | None = None) -> Iterator[Api]:
    """The API at `url`, else at NUNGIL_URL, else of what runs on the data folder. Raises NotRunning."""
    url = url or os.environ.get("NUNGIL_URL")
    key = key or os.environ.get("NUNGIL_KEY")
    if not url or not key:
        folder = data_folder(data)
        url, key = url or folder.runtime().url, key or folder.key()
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False) as http:
        yield Api(http, stop or Event())
