"""One upload and one search, seen from outside: the trace through every service, the metrics, and what logs never say."""

from __future__ import annotations

import io
import json
import logging
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from finger_builders import an_open
from gateway_builders import AGateway, a_gateway, problem_of
from metrics_told import value_of
from picture_builders import a_picture
from prometheus_client.parser import text_string_to_metric_families

from nungil.runtime.logs import log_handler, quiet_others
from nungil.runtime.metrics import METRICS

CANARY = "Kanarienvogel"
BOX = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}
RARE = {"nungil_consumer_dead_letters_total", "nungil_consumer_retries_total"}  # nothing went wrong
Line = dict[str, Any]


@dataclass
class Watched:
    """A gateway with all services, and what they have logged, at the level debug."""

    gateway: AGateway
    log: io.StringIO

    def text(self) -> str:
        return self.log.getvalue()

    def spans(self, trace_id: str) -> list[Line]:
        lines = [json.loads(line) for line in self.text().splitlines()]
        return [line for line in lines if line["trace_id"] == trace_id and "span" in line]

    def spans_when(self, trace_id: str, names: set[str]) -> list[Line]:
        """The trace's spans, once all of `names` are among them."""
        eventually(lambda: names <= {span["span"] for span in self.spans(trace_id)}, lambda: self.spans(trace_id))
        return self.spans(trace_id)


def eventually(condition, explain) -> None:
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"it did not happen: {explain()}")


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    stream = io.StringIO()
    handler = log_handler("test", stream, format_="json")
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    quiet_others()
    try:
        with a_gateway("ingest", "embed", "search", "profile") as gateway:
            yield Watched(gateway, stream)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def upload(client: httpx.Client, *, seed: int, file_name: str = "a.jpg", **headers: str) -> httpx.Response:
    response = client.post("/v1/media", files={"file": (file_name, a_picture(seed=seed))}, headers=headers)
    assert response.status_code == 202, response.text
    return response


def until_searchable(client: httpx.Client, media_id: str) -> None:
    def state() -> str:
        return str(client.get(f"/v1/media/{media_id}").json()["state"])

    eventually(lambda: state() == "searchable", state)


def test_one_upload_is_followed_through_gateway_ingest_log_embed_and_index_by_its_trace(watched):
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    with watched.gateway.as_person("ana") as client:
        client.put("/v1/me/consent", json={"image_interest": True})
        given = upload(client, seed=1, traceparent=f"00-{trace_id}-{caller}-01")
        media_id = given.json()["media_id"]
        until_searchable(client, media_id)
    assert given.headers["nungil-trace"] == trace_id
    hops = {
        "http",
        "rpc IngestService/PutMedia",
        "embed",
        "ingest outcome",
        "profile media.embedded",
        "profile activity",
    }
    spans = watched.spans_when(trace_id, hops)
    of = {span["span"]: span for span in spans}
    parents = {name: span["parent_id"] for name, span in of.items()}
    assert parents["http"] == caller
    assert parents["rpc IngestService/PutMedia"] == of["http"]["span_id"]
    assert parents["embed"] == of["rpc IngestService/PutMedia"]["span_id"]  # through the outbox and the log
    assert parents["ingest outcome"] == of["embed"]["span_id"]
    assert parents["profile media.embedded"] == of["embed"]["span_id"]
    assert parents["profile activity"] == of["profile media.embedded"]["span_id"]
    assert {of[name]["media_id"] for name in hops - {"http"}} == {media_id}
    embed = of["embed"]
    laps = [embed[f"{step}_ms"] for step in ("prepare", "forward", "finish", "index", "publish")]
    assert sum(laps) == pytest.approx(embed["ms"], abs=1)
    assert embed["regions"] >= 1
    assert (embed["outcome"], of["ingest outcome"]["outcome"]) == ("embedded", "embedded")
    assert of["http"]["began_at_ms"] <= embed["appended_at_ms"] <= embed["began_at_ms"]


def test_a_search_and_the_event_that_it_makes_are_one_trace(watched):
    trace_id = secrets.token_hex(16)
    with watched.gateway.as_person("ana") as client:
        media_id = upload(client, seed=2).json()["media_id"]
        until_searchable(client, media_id)
        traced = {"traceparent": f"00-{trace_id}-{'b' * 16}-01"}
        client.post("/v1/search", json={"media_id": media_id, "box": BOX}, headers=traced).raise_for_status()
    spans = watched.spans_when(trace_id, {"http", "rpc SearchService/SearchByCrop", "profile activity"})
    [search] = [span for span in spans if span["span"] == "rpc SearchService/SearchByCrop"]
    [activity] = [span for span in spans if span["span"] == "profile activity"]
    assert activity["parent_id"] == search["span_id"]
    assert search["media_id"] == media_id
    assert search["hits"] <= search["rows"]


def test_every_metric_is_there_after_an_upload_a_search_and_a_drag(watched):
    with watched.gateway.as_person("ben") as client:
        client.put("/v1/me/consent", json={"image_interest": True})
        media_id = upload(client, seed=3).json()["media_id"]
        upload(client, seed=3)  # the same again
        until_searchable(client, media_id)
        client.post("/v1/search", json={"media_id": media_id}).raise_for_status()
        with an_open(watched.gateway, watched.gateway.key(subject="ben"), media_id) as finger:
            finger.hear("ready")
            finger.ask(frame={"box": BOX})
            finger.hear("answer")
            eventually(
                lambda: value_of("nungil_gateway_lens_frames_total", outcome="answered"), lambda: "it is not counted"
            )
        eventually(lambda: client.get("/v1/me/interests").json()["interests"], lambda: "no interests")
        client.get("/no/such/address")
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    sampled = {sample.name for family in families.values() for sample in family.samples}
    for metric in METRICS:
        assert metric.name.removesuffix("_total") in families
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        assert name in sampled or metric.name in RARE, metric.name
    requests = {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"])
        for sample in families["nungil_http_requests"].samples
    }
    assert {("/v1/media", "POST", "202"), ("/v1/media/{media_id}", "GET", "200"), ("none", "GET", "404")} <= requests
    pictures = {
        (sample.labels["purpose"], sample.labels["outcome"]): sample.value
        for sample in families["nungil_ingest_pictures"].samples
    }
    assert pictures["personal", "duplicate"] >= 1
    assert media_id not in answer.text


def test_the_gateways_metrics_need_a_key(watched):
    with watched.gateway.client() as nobody:
        assert nobody.get("/metrics").status_code == 401


def test_metrics_that_have_an_address_of_their_own_are_not_shown_to_the_public():
    with a_gateway(metrics_listen="127.0.0.1:9464") as gateway, gateway.as_person() as client:
        assert problem_of(client.get("/metrics")) == (404, "no-such-route")


def test_nothing_of_a_person_or_a_shop_is_ever_logged(watched):
    key = watched.gateway.key(subject=f"{CANARY}-subject")
    titles = {"ko": f"{CANARY} 제목", "en": f"{CANARY} title"}
    offer = {
        "shop": f"{CANARY} shop",
        "url": f"https://{CANARY}.example",
        "currency": "KRW",
        "price_minor": 1,
        "market": "KR",
    }
    with watched.gateway.client(key) as client:
        media_id = upload(client, seed=4, file_name=f"{CANARY}.jpg").json()["media_id"]
        until_searchable(client, media_id)
        fields = {"purpose": "catalogue", "source": "web", "source_url": f"https://{CANARY}.example/x.jpg"}
        file = {"file": (f"{CANARY}.jpg", a_picture(seed=5))}
        shown = client.post("/v1/media", files=file, data=fields).json()["media_id"]
        item = {"title": titles, "brand": f"{CANARY} brand", "media_ids": [shown], "offers": [offer]}
        assert client.put("/v1/items/p-1", json=item).status_code == 200
        assert client.put("/v1/items/p-2", json=item | {"offers": [offer | {"currency": CANARY}]}).status_code == 422
        feed = f"id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock\np-3,{shown},{CANARY},,,,{CANARY},,,,,\n"
        client.post("/v1/imports", files={"file": (f"{CANARY}.csv", feed.encode())})
        client.post("/v1/search", json={"media_id": media_id, "box": BOX}).raise_for_status()
        client.post("/v1/search", json={"media_id": CANARY})
        client.get(f"/v1/media/{CANARY}")
        client.get(f"/{CANARY}?q={CANARY}")
        client.request(CANARY.upper(), "/v1/media")
        refused = client.post("/v1/media", files={"file": (f"{CANARY}.jpg", f"{CANARY} is no picture".encode())})
        assert refused.status_code == 422
        client.post("/v1/activity", json={"kind": "saved", "media_id": media_id})
        client.get("/", params={"key": key})
        client.get("/v1/me/interests", headers={"Nungil-Person": f"{CANARY}-other"})
        client.delete(f"/v1/media/{media_id}").raise_for_status()
    eventually(lambda: '"outcome": "removed"' in watched.text(), watched.text)
    told = watched.text()
    assert CANARY.lower() not in told.lower(), [line for line in told.splitlines() if CANARY.lower() in line.lower()]
    assert key not in told
    worked = {line.get("span") for line in map(json.loads, told.splitlines())}
    assert {"http", "embed", "rpc IngestService/ImportFeed", "rpc ProfileService/Identify"} <= worked
