"""What the S3 adapter makes of a server's answers, from one that answers what a test wants. Real servers: tests/contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nungil.object_store.errors import ObjectStoreAway
from nungil.object_store.open import open_object_store
from nungil.object_store.s3 import S3ObjectStore, bucket_of, open_s3
from nungil.runtime.errors import Misconfigured

STATUS = {"AccessDenied": 403, "NoSuchKey": 404, "SignatureDoesNotMatch": 403, "SlowDown": 503, "InternalError": 500}
EMPTY_BUCKET = b"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated></ListBucketResult>"


class Puts:
    """What puts are answered, one after the other, then 200. seen: the path and the body of each."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.seen: list[tuple[str, bytes]] = []

    def answer(self, path: str, body: bytes) -> str:
        self.seen.append((path, body))
        return self.answers.pop(0) if self.answers else ""


def a_handler(puts: Puts) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.say(200, EMPTY_BUCKET)

        def do_DELETE(self) -> None:
            self.say(204, b"")

        def do_PUT(self) -> None:
            code = puts.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            error = f"<Error><Code>{code}</Code><Message>{code}, says the server</Message></Error>".encode()
            self.say(STATUS[code] if code else 200, error if code else b"")

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def a_server(puts: Puts) -> Iterator[str]:
    """The URL of its bucket."""
    with ThreadingHTTPServer(("127.0.0.1", 0), a_handler(puts)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"s3+http://key:secret@127.0.0.1:{server.server_port}/bucket"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def puts() -> Puts:
    return Puts()


@pytest.fixture
def url(puts: Puts) -> Iterator[str]:
    with a_server(puts) as url:
        yield url


@contextmanager
def opened(url: str, puts: Puts, wait: Callable[[float], None]) -> Iterator[S3ObjectStore]:
    """An open store that waits as told."""
    with open_s3(url) as store:
        puts.seen.clear()
        yield S3ObjectStore(store._client, bucket_of(url), wait)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey"])
def test_a_put_refused_for_a_moment_is_tried_again_with_the_same_bytes(url: str, puts: Puts, code: str) -> None:
    waits: list[float] = []
    with opened(url, puts, waits.append) as store:
        puts.answers = [code] * 3
        store.put("a/b", b"bytes")
    assert puts.seen == [("/bucket/a/b", b"bytes")] * 4
    assert waits == sorted(set(waits))
    assert len(waits) == 3


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey"])
def test_a_put_refused_again_and_again_says_which_rights_are_needed(url: str, puts: Puts, code: str) -> None:
    waits: list[float] = []
    with opened(url, puts, waits.append) as store:
        puts.answers = [code] * 100
        with pytest.raises(ObjectStoreAway, match=rf"keeps refusing a/b \({code}\): give them .* s3:PutObject"):
            store.put("a/b", b"bytes")
    assert len(puts.seen) == 5
    assert sum(waits) < 1


def test_a_put_with_wrong_keys_is_not_tried_again(url: str, puts: Puts) -> None:
    with opened(url, puts, lambda _: pytest.fail("waited")) as store:
        puts.answers = ["SignatureDoesNotMatch"]
        with pytest.raises(ObjectStoreAway, match="SignatureDoesNotMatch"):
            store.put("a/b", b"bytes")
    assert len(puts.seen) == 1


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_put_that_a_busy_server_did_not_take_is_sent_again(url: str, puts: Puts, code: str) -> None:
    with opened(url, puts, lambda _: pytest.fail("waited for a refusal")) as store:
        puts.answers = [code] * 2
        store.put("a/b", b"bytes")
    assert puts.seen == [("/bucket/a/b", b"bytes")] * 3


def test_a_server_that_stays_busy_is_away_and_its_own_word_is_told(url: str, puts: Puts) -> None:
    with opened(url, puts, lambda _: pytest.fail("waited for a refusal")) as store:
        puts.answers = ["SlowDown"] * 100
        with pytest.raises(ObjectStoreAway, match="SlowDown, says the server"):
            store.put("a/b", b"bytes")


def test_a_bucket_that_may_not_be_written_is_refused_at_once_when_it_is_opened(url: str, puts: Puts) -> None:
    puts.answers = ["AccessDenied"] * 100
    with pytest.raises(Misconfigured, match="s3:PutObject"), open_object_store(url):
        pass
    assert len(puts.seen) == 1
