"""Who may come in, and as whom."""

from __future__ import annotations

import httpx
import pytest
from gateway_builders import BOTH, a_gateway, problem_of

from nungil.database.open import open_database, reading
from nungil.runtime.errors import Misconfigured
from services.gateway.core import Grant, new_key
from services.gateway.keys import add_key, main
from services.gateway.store import API_KEYS


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile") as gateway:
        yield gateway


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nk_" + "x" * 43},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic bmtfOg=="},
        {"Cookie": "nungil_key=nk_wrong"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/media", "/v1/me/interests", "/v1/status", "/v1/events", "/v1/items/chair-1"])
def test_without_a_key_that_we_know_nothing_is_told(gateway, headers, path):
    response = httpx.get(gateway.url + path, headers=headers)
    assert problem_of(response) == (401, "unknown-key")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_key_is_kept_as_its_hash_alone(gateway):
    key = gateway.key()
    assert gateway.client(key).get("/v1/me/consent").status_code == 200
    with open_database(gateway.database_url) as engine, reading(engine) as connection:
        kept = [str(row) for row in connection.execute(API_KEYS.select())]
    assert kept
    assert not any(key in row for row in kept)
    assert not any(key.encode() in path.read_bytes() for path in gateway.folder.glob("gateway.db*"))


def test_adding_a_key_again_changes_nothing(gateway):
    key = new_key()
    assert add_key(gateway.database_url, key, Grant("a", "mina", BOTH), label="", created_at_ms=1)
    assert not add_key(gateway.database_url, key, Grant("b", "jun", BOTH), label="", created_at_ms=2)


def test_what_is_no_key_is_not_let_in(gateway):
    with pytest.raises(Misconfigured, match="nk_"):
        add_key(gateway.database_url, "password", Grant("a", None, BOTH), label="", created_at_ms=1)


def test_the_command_adds_the_key_of_a_file_that_only_its_owner_reads(gateway, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUNGIL_DATABASE_URL", gateway.database_url)
    assert main(["new"]) == 0
    key = capsys.readouterr().out.strip()
    file = tmp_path / "key"
    file.write_text(key + "\n")
    file.chmod(0o644)
    add = ["add", "--tenant", "local", "--subject", "owner", "--scopes", "person,catalogue", "--key-file", str(file)]
    assert main(add) == 2
    assert "chmod 600" in capsys.readouterr().err
    file.chmod(0o600)
    assert main(add) == 0
    assert main(add) == 0
    assert gateway.client(key).get("/v1/me/consent").status_code == 200


def test_the_command_refuses_scopes_that_are_none(gateway, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUNGIL_DATABASE_URL", gateway.database_url)
    assert main(["add", "--tenant", "local", "--scopes", "root", "--key-file", str(tmp_path / "key")]) == 2
    assert "scopes are person, catalogue" in capsys.readouterr().err


def test_a_key_of_one_person_speaks_for_no_other(gateway):
    client = gateway.client(gateway.key(subject="mina"), Nungil_Person="jun")
    assert problem_of(client.get("/v1/me/consent")) == (403, "another-person")


def test_a_key_of_a_tenant_names_the_person_and_each_has_their_own(gateway):
    key = gateway.key(tenant="shop", subject=None)
    mina, jun = gateway.client(key, Nungil_Person="mina"), gateway.client(key, Nungil_Person="jun")
    assert mina.put("/v1/me/consent", json={"image_interest": True}).json()["image_interest"]["given"]
    assert mina.get("/v1/me/consent").json()["image_interest"]["given"]
    assert not jun.get("/v1/me/consent").json()["image_interest"]["given"]


def test_the_same_name_in_another_tenant_is_another_person(gateway):
    here = gateway.client(gateway.key(tenant="here", subject=None), Nungil_Person="ana")
    there = gateway.client(gateway.key(tenant="there", subject=None), Nungil_Person="ana")
    here.put("/v1/me/consent", json={"image_interest": True})
    assert here.get("/v1/me/consent").json()["image_interest"]["given"]
    assert not there.get("/v1/me/consent").json()["image_interest"]["given"]


def test_who_names_nobody_is_told_how_to(gateway):
    response = gateway.client(gateway.key(subject=None)).get("/v1/me/interests")
    assert problem_of(response) == (422, "person-needed")
    assert "Nungil-Person" in response.json()["detail"]


def test_a_key_without_the_scope_person_cannot_be_one(gateway):
    key = gateway.key(subject=None, scopes=frozenset({"catalogue"}))
    assert problem_of(gateway.client(key, Nungil_Person="mina").get("/v1/me/consent")) == (403, "scope-needed")
    assert problem_of(gateway.client(key).get("/v1/me/consent")) == (403, "scope-needed")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/items/chair-1", {"json": {"title": {"en": "chair"}, "media_ids": ["m"]}}),
        ("DELETE", "/v1/items/chair-1", {}),
        ("POST", "/v1/imports", {"content": b"id,image\n", "headers": {"Content-Type": "text/csv"}}),
        ("POST", "/v1/media", {"files": {"file": ("a.jpg", b"x")}, "data": {"purpose": "catalogue"}}),
    ],
)
def test_a_key_without_the_scope_catalogue_changes_nothing_of_it(gateway, method, path, body):
    client = gateway.client(gateway.key(scopes=frozenset({"person"})))
    response = client.request(method, path, **body)
    assert problem_of(response) == (403, "scope-needed")
    assert "catalogue" in response.json()["detail"]


def test_a_key_in_the_pages_address_becomes_a_cookie_and_leaves_the_address(gateway):
    with gateway.client() as browser:
        response = browser.get("/", params={"key": gateway.key()})
        assert (response.status_code, response.headers["location"]) == (303, "/")
        cookie = response.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/v1/me/consent").status_code == 200


def test_a_wrong_key_in_the_pages_address_sets_no_cookie(gateway):
    response = httpx.get(gateway.url, params={"key": "nk_wrong"})
    assert problem_of(response) == (401, "unknown-key")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "{url}"}, 200),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({}, 403),
    ],
)
def test_a_cookie_writes_for_our_own_page_only(gateway, headers, status):
    sent = {name: value.format(url=gateway.url) for name, value in headers.items()}
    cookie = {"Cookie": f"nungil_key={gateway.key()}"}
    response = httpx.put(f"{gateway.url}/v1/me/consent", json={"personalise": False}, headers=sent | cookie)
    assert response.status_code == status, response.text
