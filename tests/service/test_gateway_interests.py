"""Reading and correcting interests over HTTP."""

from __future__ import annotations

import pytest
from gateway_builders import a_gateway, problem_of


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile") as gateway:
        yield gateway


@pytest.fixture
def client(gateway, request):
    with gateway.as_person(request.node.name[:200]) as client:
        yield client


def listed(client):
    return client.get("/v1/me/interests").json()["interests"]


def test_a_followed_interest_is_listed_though_no_picture_says_so(client):
    answer = client.patch("/v1/me/interests/dogs", json={"followed": True, "own_name": " 우리  초코 "})
    assert answer.status_code == 200, answer.text
    [dogs] = listed(client)
    assert dogs == answer.json()
    assert (dogs["id"], dogs["own_name"], dogs["followed"], dogs["weight"]) == ("dogs", "우리 초코", True, 0.0)
    assert answer.headers["etag"] == f'"{dogs["etag"]}"'


def test_null_gives_the_usual_name_back_and_what_is_absent_stays(client):
    client.patch("/v1/me/interests/dogs", json={"pinned": True, "own_name": "Choco"})
    kept = client.patch("/v1/me/interests/dogs", json={"own_name": None}).json()
    assert (kept["own_name"], kept["pinned"]) == (None, True)


def test_pinned_interests_come_first_and_muted_ones_last(client):
    for interest, said in (("cats", "muted"), ("beaches", "followed"), ("dogs", "pinned")):
        client.patch(f"/v1/me/interests/{interest}", json={said: True})
    assert [interest["id"] for interest in listed(client)] == ["dogs", "beaches", "cats"]


def test_the_second_of_two_who_correct_the_same_is_told_that_it_has_changed(client):
    read = client.get("/v1/me/interests/dogs")
    tag = {"If-Match": read.headers["etag"]}
    assert client.patch("/v1/me/interests/dogs", json={"muted": True}, headers=tag).status_code == 200
    second = client.patch("/v1/me/interests/dogs", json={"pinned": True}, headers=tag)
    assert problem_of(second) == (412, "interest-changed")
    assert problem_of(client.delete("/v1/me/interests/dogs", headers=tag)) == (412, "interest-changed")
    [dogs] = listed(client)
    assert (dogs["muted"], dogs["pinned"]) == (True, False)


def test_deleting_an_interest_changes_its_tag(client):
    tag = {"If-Match": client.get("/v1/me/interests/dogs").headers["etag"]}
    assert client.delete("/v1/me/interests/dogs", headers=tag).status_code == 204
    assert client.delete("/v1/me/interests/dogs", headers=tag).status_code == 412
    assert client.delete("/v1/me/interests/dogs").status_code == 204


def test_who_has_the_newest_answer_is_told_so_without_it(client):
    first = client.get("/v1/me/interests")
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get("/v1/me/interests", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    client.patch("/v1/me/interests/dogs", json={"followed": True})
    assert client.get("/v1/me/interests", headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"own_name": "x" * 61}, (422, "invalid-name")),
        ({"own_name": "a\u200bb"}, (422, "invalid-name")),
        ({"muted": "yes"}, (422, "invalid-request")),
        ({"colour": "red"}, (422, "invalid-request")),
    ],
)
def test_a_correction_that_cannot_be_is_refused(client, change, expected):
    assert problem_of(client.patch("/v1/me/interests/dogs", json=change)) == expected
    assert listed(client) == []


def test_an_interest_that_there_is_none_of_is_not_found(client):
    for answer in (
        client.get("/v1/me/interests/flying_carpets"),
        client.patch("/v1/me/interests/flying_carpets", json={"muted": True}),
        client.delete("/v1/me/interests/flying_carpets"),
    ):
        assert problem_of(answer) == (404, "no-such-interest")


@pytest.mark.parametrize(
    ("text", "first"), [("강아지", "dogs"), ("puppy", "dogs"), ("DOGS", "dogs"), ("해변", "beaches")]
)
def test_interests_are_found_in_both_languages(client, text, first):
    found = client.get("/v1/interests", params={"q": text}).json()["interests"]
    assert found[0]["id"] == first


def test_all_interests_are_listed_and_nonsense_finds_none(client):
    assert len(client.get("/v1/interests").json()["interests"]) > 150
    assert client.get("/v1/interests", params={"q": "qxzw"}).json() == {"interests": []}


def test_learning_is_paused_and_goes_on(client):
    client.put("/v1/me/consent", json={"image_interest": True})
    assert client.put("/v1/me/learning", json={"paused": True}).json()["paused"]
    paused = client.get("/v1/me/interests").json()
    assert (paused["learning"], paused["paused"]) == (False, True)
    client.put("/v1/me/learning", json={"paused": False})
    goes_on = client.get("/v1/me/interests").json()
    assert (goes_on["learning"], goes_on["paused"]) == (True, False)


def test_every_purpose_can_be_given_and_is_not_given_at_first(client):
    before = client.get("/v1/me/consent").json()
    assert {consent["given"] for consent in before.values()} == {False}
    after = client.put("/v1/me/consent", json=dict.fromkeys(before, True)).json()
    assert set(after) == {
        *("personalise", "image_interest", "taken_on", "ads_onsite", "ads_export", "preview_face", "appearance_tips")
    }
    assert {consent["given"] for consent in after.values()} == {True}
