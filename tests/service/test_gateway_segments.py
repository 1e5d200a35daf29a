"""Segments through the API: a shop defines them, a person reads them, and sizes are told in bands."""

from __future__ import annotations

import threading
from importlib import resources

import pytest
from gateway_builders import a_gateway, problem_of

EXAMPLE = resources.files("services.profile.segments.examples").joinpath("dog_and_mountain.yaml").read_text("utf-8")
FOLLOWERS = {"name": {"ko": "강아지 팔로워", "en": "Followers of dogs"}, "who": {"follows": "dogs"}}
BOTH = {"personalise": True, "image_interest": True}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile") as gateway:
        yield gateway


@pytest.fixture
def owner(gateway):
    with gateway.as_person() as client:
        yield client
        for segment in client.get("/v1/segments").json()["segments"]:
            client.delete(f"/v1/segments/{segment['id']}")


def eventually(condition):
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return True
        pause.wait(0.05)
    return False


def test_the_shipped_example_is_put_as_yaml_and_read_as_json(owner):
    put = owner.put("/v1/segments/dog-and-mountain", content=EXAMPLE, headers={"Content-Type": "application/yaml"})
    assert put.status_code == 200, put.text
    kept = put.json()
    assert (kept["draft"], kept["published"], kept["name"]["ko"]) == (1, None, "반려견과 산")
    assert kept["versions"][0]["definition"]["who"]["all"][0] == {"interest": "dogs", "weight": 1.5, "leave_below": 1.0}
    again = owner.put("/v1/segments/dog-and-mountain", json=kept["versions"][0]["definition"])
    assert again.json()["versions"][0]["definition"] == kept["versions"][0]["definition"]


def test_who_follows_enters_is_told_why_and_what_ends_it_and_leaves_by_doing_that(owner):
    assert owner.put("/v1/me/consent", json=BOTH).status_code == 200
    assert owner.get("/v1/me/segments").json() == []
    assert owner.put("/v1/segments/followers", json=FOLLOWERS).status_code == 200
    tried = owner.post("/v1/segments/followers/dry-run").json()
    assert tried == {"version": 1, "size": {"at_least": 0, "below": 50}, "of": {"at_least": 0, "below": 50}}
    assert owner.post("/v1/segments/followers/publish").json()["published"] == 1
    assert owner.patch("/v1/me/interests/dogs", json={"followed": True}).status_code == 200
    [mine] = owner.get("/v1/me/segments").json()
    assert (mine["id"], mine["because"], mine["ends"]["when"]) == ("followers", [], None)
    assert mine["why"]["en"] == "You are in it as you follow dogs."
    assert mine["ends"]["deeds"] == [{"kind": "unfollow_interest", "targets": ["dogs"]}]
    assert owner.patch("/v1/me/interests/dogs", json={"followed": False}).status_code == 200
    assert owner.get("/v1/me/segments").json() == []


def test_what_is_published_reaches_who_does_nothing_and_a_withdrawn_consent_ends_it(owner):
    owner.put("/v1/me/consent", json=BOTH)
    owner.patch("/v1/me/interests/cats", json={"followed": True})
    owner.put("/v1/segments/cats", json=FOLLOWERS | {"who": {"follows": "cats"}})
    owner.post("/v1/segments/cats/publish")
    assert eventually(lambda: [mine["id"] for mine in owner.get("/v1/me/segments").json()] == ["cats"])
    assert eventually(lambda: not owner.get("/v1/segments/cats").json()["spreading"])
    owner.put("/v1/me/consent", json={"personalise": False})
    assert owner.get("/v1/me/segments").json() == []


def test_what_a_person_states_and_ticks_lets_them_in_and_unticking_it_ends_that(owner):
    owner.put("/v1/me/consent", json=BOTH)
    curly = FOLLOWERS | {"who": {"any": [{"stated": {"age_band": ["30s", "20s"]}}, {"stated": {"hair": "curly"}}]}}
    kept = owner.put("/v1/segments/stated", json=curly).json()
    assert kept["versions"][0]["definition"]["who"]["any"][0] == {"stated": {"age_band": ["20s", "30s"]}}
    owner.post("/v1/segments/stated/publish")
    owner.put("/v1/me/about", json={"age_band": "20s", "hair": "curly", "purposes": ["recommendations", "ads"]})
    assert owner.get("/v1/me/segments").json() == []
    owner.put("/v1/me/about", json={"age_band": "20s", "hair": "curly", "purposes": ["segments"]})
    [mine] = owner.get("/v1/me/segments").json()
    assert mine["why"] == {
        "ko": "직접 밝힌 나이대(20대) 때문입니다.",
        "en": "You are in it as you say yourself that your age band is 20s.",
    }
    assert mine["ends"]["deeds"] == [{"kind": "take_back_about", "targets": ["age_band"]}]
    owner.put("/v1/me/consent", json={"appearance_tips": True})
    [mine] = owner.get("/v1/me/segments").json()
    assert "and you say yourself that your hair is curly" in mine["why"]["en"]
    owner.put("/v1/me/about", json={"age_band": "20s", "hair": "curly", "purposes": []})
    assert owner.get("/v1/me/segments").json() == []
    owner.put("/v1/me/consent", json={"appearance_tips": False})
    owner.delete("/v1/me/about")


def test_a_word_that_nobody_can_state_is_answered_with_those_there_are(owner):
    answer = owner.put("/v1/segments/a", json=FOLLOWERS | {"who": {"stated": {"skin_type": "greasy"}}})
    assert problem_of(answer) == (422, "invalid-segment")
    assert "skin_type has 'greasy'; its words are dry, oily, combination, normal, sensitive" in answer.json()["detail"]


def test_what_is_refused_is_refused_with_its_reason(owner):
    refused = owner.put("/v1/segments/a", json=FOLLOWERS | {"name": {"ko": "임산부", "en": "Expecting"}})
    assert problem_of(refused) == (422, "refused-segment")
    assert "health" in refused.json()["detail"]
    assert problem_of(owner.put("/v1/segments/a", json={"name": "x"})) == (422, "invalid-segment")
    assert problem_of(owner.put("/v1/segments/a", content=b"\xff\xfe", headers={"Content-Type": "text/yaml"}))[0] == 422
    assert problem_of(owner.put("/v1/segments/a", content=b"<a/>", headers={"Content-Type": "text/xml"}))[0] == 415
    assert problem_of(owner.get("/v1/segments/a")) == (404, "no-such-segment")


def test_a_key_without_the_catalogue_defines_nothing_and_another_tenant_sees_nothing(gateway, owner):
    owner.put("/v1/segments/a", json=FOLLOWERS)
    with gateway.client(gateway.key(scopes=frozenset({"person"}))) as person:
        assert problem_of(person.put("/v1/segments/b", json=FOLLOWERS))[0] == 403
        assert problem_of(person.get("/v1/segments"))[0] == 403
        assert person.get("/v1/me/segments").status_code == 200
    with gateway.as_person(tenant="another") as other:
        assert other.get("/v1/segments").json() == {"segments": []}
        assert problem_of(other.get("/v1/segments/a")) == (404, "no-such-segment")
