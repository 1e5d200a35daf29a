"""Leaving over HTTP: DELETE /v1/me, the receipt, what the gateway forgets, and the archive."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gateway_builders import AGateway, a_gateway, problem_of
from local_system import wait_until
from picture_builders import a_picture

from nungil import receipts

PERSON = frozenset({"person"})


@pytest.fixture(scope="module")
def gateway() -> Iterator[AGateway]:
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


def leave(person: httpx.Client) -> str:
    answer = person.delete("/v1/me")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["receipt_id"])


def receipt(gateway: AGateway, receipt_id: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{gateway.url}/v1/erasures/{receipt_id}").raise_for_status().json()
    return document


def completed(gateway: AGateway, receipt_id: str) -> dict[str, Any]:
    wait_until(lambda: not receipt(gateway, receipt_id)["missing"], 30, lambda: receipt(gateway, receipt_id))
    return receipt(gateway, receipt_id)


def kept(gateway: AGateway, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"{gateway.folder}/gateway.db") as database:
        return database.execute(statement, values).fetchall()


def test_the_receipt_lists_every_store_and_is_signed_once_all_have_answered(gateway: AGateway) -> None:
    with gateway.as_person("mina") as mina:
        given = mina.post("/v1/media", files={"file": ("m.jpg", a_picture())}).raise_for_status().json()
        searchable = lambda: mina.get(f"/v1/media/{given['media_id']}").json()["state"] == "searchable"  # noqa: E731
        wait_until(searchable, 30)
        document = completed(gateway, leave(mina))
        counts = {(one["service"], one["store"]): one["count"] for one in document["stores"]}
        assert counts[("ingest", "database")] == 1
        assert counts[("ingest", "objects")] == 2
        assert counts[("embed", "features")] == 1
        assert counts[("embed", "index")] >= 1
        assert counts[("profile", "database")] >= 1
        assert set(counts) >= {("search", "database"), ("gateway", "database"), ("log", "events")}
        key = httpx.get(f"{gateway.url}/v1/receipt-key").json()["public_key"]
        assert receipts.verify(document, key) == key
        with pytest.raises(receipts.FalseReceipt):
            receipts.verify({**document, "completed_at": "2000-01-01T00:00:00.000Z"}, key)
        assert mina.get(f"/v1/media/{given['media_id']}").status_code == 404
        assert mina.get("/v1/media").json()["media"] == []


def test_who_comes_again_is_a_new_person(gateway: AGateway) -> None:
    with gateway.as_person("juno") as juno:
        assert juno.put("/v1/me/consent", json={"image_interest": True}).json()["image_interest"]["given"]
        first = completed(gateway, leave(juno))
        assert not juno.get("/v1/me/consent").json()["image_interest"]["given"]
        second = completed(gateway, leave(juno))
    assert first["person_id"] != second["person_id"]


def test_a_key_that_can_do_nothing_else_ends_with_its_person_and_others_stay(gateway: AGateway) -> None:
    own, operators = gateway.key(subject="sora", scopes=PERSON), gateway.key(subject="sora")
    with gateway.client(own) as sora:
        receipt_id = leave(sora)
        document = completed(gateway, receipt_id)
        assert problem_of(sora.get("/v1/me/consent"))[0] == 401
    [count] = [one["count"] for one in document["stores"] if one["service"] == "gateway"]
    assert count == 1
    with gateway.client(operators) as sora:
        assert sora.get("/v1/me/consent").status_code == 200
    assert kept(gateway, "SELECT subject FROM erased_people WHERE person_id = ?", document["person_id"]) == [(None,)]


def test_answers_kept_for_idempotency_keys_go(gateway: AGateway) -> None:
    with gateway.as_person("hana") as hana:
        hana.put("/v1/me/consent", json={"personalise": True}, headers={"Idempotency-Key": "k-hana"})
        assert kept(gateway, "SELECT 1 FROM answers WHERE idempotency_key = ?", "k-hana")
        completed(gateway, leave(hana))
    assert not kept(gateway, "SELECT 1 FROM answers WHERE idempotency_key = ?", "k-hana")


def test_a_receipt_that_nobody_has_is_not_found_and_needs_no_key(gateway: AGateway) -> None:
    assert problem_of(httpx.get(f"{gateway.url}/v1/erasures/nothing")) == (404, "unknown-receipt")
    assert problem_of(httpx.delete(f"{gateway.url}/v1/me"))[0] == 401


def test_the_archive_holds_what_profile_shows_and_keeps_and_every_picture(gateway: AGateway) -> None:
    with gateway.as_person("yuna") as yuna:
        yuna.put("/v1/me/consent", json={"image_interest": True})
        given = yuna.post("/v1/media", files={"file": ("바다.jpg", a_picture())}).raise_for_status().json()
        answer = yuna.get("/v1/me/export")
        assert answer.headers["content-type"] == "application/zip"
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert names[0] == "README.txt"
    assert {"눈길", "archive"} <= {word for word in ("눈길", "archive") if word in archive.read("README.txt").decode()}
    [person] = json.loads(archive.read("profile/kept/people.json"))
    assert person["subject"] == "yuna"
    consents = json.loads(archive.read("profile/kept/consents.json"))
    assert {one["purpose"]: one["given"] for one in consents}["consent_purpose_image_interest"] is True
    assert "interests" in json.loads(archive.read("profile/interests.json"))
    [picture] = json.loads(archive.read("pictures/index.json"))
    assert picture["file_name"] == "바다.jpg"
    assert picture["file"] == f"pictures/{given['media_id']} 바다.jpg"
    assert archive.read(picture["file"])[:3] == b"\xff\xd8\xff"
