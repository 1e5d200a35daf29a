"""A person who keeps a dog before a mountain is shown a pet clinic and a travel club: every service real, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from gateway_builders import AGateway, a_gateway, problem_of
from recommendation_builders import consent, eventually, give, ids, painted, put_item, recommended

DOG, ALP = (205, 133, 63), (60, 140, 70)  # as tiny names a golden retriever and an alp
OTHERS = [(40, 60, 200), (200, 40, 160), (230, 230, 80), (30, 30, 30), (90, 200, 220), (150, 20, 20)]
LEARNT = {"personalise": True, "image_interest": True}
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}


@pytest.fixture(scope="module")
def gateway() -> Iterator[AGateway]:
    """A shop with toys for dogs, a clinic, things for the mountains, a travel club, something to read, and much else."""
    with a_gateway("ingest", "embed", "search", "profile") as gateway, gateway.as_person("shopkeeper") as shop:
        for n in range(4):
            put_item(shop, f"toy-{n}", give(shop, painted(DOG, seed=n), purpose="catalogue"))
            put_item(shop, f"tent-{n}", give(shop, painted(ALP, seed=10 + n), purpose="catalogue"))
        put_item(shop, "clinic", give(shop, painted(DOG, seed=20), purpose="catalogue"), "service")
        put_item(shop, "club", give(shop, painted(ALP, seed=21), purpose="catalogue"), "service")
        put_item(shop, "essay", give(shop, painted(ALP, DOG, seed=22), purpose="catalogue"), "article")
        put_item(shop, "toy-abroad", give(shop, painted(DOG, seed=23), purpose="catalogue"), market="US")
        for n in range(12):
            parts = (OTHERS[n % 6], OTHERS[(n // 6 + n + 1) % 6])
            put_item(shop, f"other-{n}", give(shop, painted(*parts, seed=30 + n), purpose="catalogue"))
        everything = {"text": "thing", "limit": 50}
        eventually(lambda: len(shop.post("/v1/search", json=everything).json()["hits"]) >= 24)
        yield gateway


def interests(client: httpx.Client) -> set[str]:
    return {one["id"] for one in client.get("/v1/me/interests").json()["interests"]}


def a_person_with_a_dog_before_a_mountain(gateway: AGateway, name: str, **consents: bool) -> tuple[httpx.Client, str]:
    client = gateway.as_person(name)
    consent(client, **(LEARNT | consents))
    media_id = give(client, painted(DOG, ALP, seed=99))
    eventually(lambda: {"dogs", "mountains"} <= interests(client))
    return client, media_id


def of_interest(answer: dict[str, Any], interest: str) -> list[dict[str, Any]]:
    return [one for one in answer["recommendations"] if (one["because"]["interest"] or {}).get("id") == interest]


def test_a_dog_on_a_mountain_is_answered_with_a_pet_clinic_and_a_travel_club_each_with_its_reason(gateway):
    client, media_id = a_person_with_a_dog_before_a_mountain(gateway, "mina")
    answer = recommended(client, limit=20)
    clinic = next(one for one in answer["recommendations"] if one["item"]["id"] == "clinic")
    club = next(one for one in answer["recommendations"] if one["item"]["id"] == "club")
    assert (clinic["item"]["kind"], club["item"]["kind"]) == ("service", "service")
    assert (clinic["because"]["interest"]["id"], club["because"]["interest"]["id"]) == ("dogs", "mountains")
    assert clinic["because"]["media_ids"] == club["because"]["media_ids"] == [media_id]
    assert clinic["because"]["why"]["ko"].startswith("이 사진에서 ‘")
    assert clinic["because"]["why"]["en"].startswith("Because of this picture: ")
    assert clinic["box"]["width"] > 0
    assert not clinic["sponsored"]


def test_every_page_is_stable_and_nothing_that_was_shown_comes_again(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "juno")
    first = recommended(client, limit=4)
    second = recommended(client, limit=4, cursor=first["next_cursor"])
    assert recommended(client, limit=4, cursor=first["next_cursor"]) == second
    assert not set(ids(first)) & set(ids(second))
    later = recommended(client, limit=50)
    assert ids(later)
    assert not set(ids(later)) & {*ids(first), *ids(second)}


def test_what_was_hidden_or_bought_does_not_come_even_on_a_page_of_an_old_list(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "haru")
    probe = gateway.as_person("somebody")
    everything = {one["item"]["id"]: one["media_id"] for one in recommended(probe, limit=50)["recommendations"]}
    first = recommended(client, limit=2)
    hidden = [id_ for id_ in everything if id_ not in ids(first)][:6]
    for n, id_ in enumerate(hidden):
        done = {"kind": "hidden" if n % 2 else "bought", "media_id": everything[id_]} | (
            {"item_id": id_} if n < 3 else {}
        )
        assert client.post("/v1/activity", json=done).status_code == 202
    gone = set(hidden[1::2])
    eventually(lambda: not gone & set(ids(recommended(client, limit=50, cursor=first["next_cursor"]))))
    assert not set(hidden) & set(ids(recommended(client, limit=50)))


def test_a_muted_interest_gives_nothing_from_the_next_answer_on(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "sora")
    first = recommended(client, limit=1)
    assert client.patch("/v1/me/interests/dogs", json={"muted": True}).status_code == 200
    for answer in (recommended(client, limit=50, cursor=first["next_cursor"]), recommended(client, limit=50)):
        assert not of_interest(answer, "dogs")
        assert "clinic" not in ids(answer)
    assert "club" in ids(recommended(gateway.as_person("sora"), limit=50)) or of_interest(answer, "mountains")


def test_market_stock_and_kind_hold(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "bora")
    services = recommended(client, limit=50, kind="service", market="KR", in_stock=True)
    assert sorted(ids(services)) == ["clinic", "club"]
    assert "toy-abroad" not in ids(recommended(client, limit=50, market="KR"))
    assert ids(recommended(client, limit=50, market="US")) == ["toy-abroad"]


def test_without_consent_each_person_gets_something_else_and_nothing_by_their_pictures(gateway):
    answers = []
    for name in ("nobody-1", "nobody-2", "nobody-3"):
        client = gateway.as_person(name)
        give(client, painted(DOG, ALP, seed=77))
        answers.append(recommended(client, limit=8))
    assert {one["because"]["kind"] for answer in answers for one in answer["recommendations"]} == {"fresh"}
    assert len({tuple(ids(answer)) for answer in answers}) == 3
    assert all(len(set(ids(answer))) == 8 for answer in answers)


def test_what_is_followed_comes_first_where_nothing_else_is_known(gateway):
    client = gateway.as_person("follower")
    assert client.patch("/v1/me/interests/mountains", json={"followed": True}).status_code == 200
    answer = recommended(client, limit=6)
    assert answer["recommendations"][0]["because"]["kind"] == "followed"
    assert len(of_interest(answer, "mountains")) >= 3
    assert "because you follow" in of_interest(answer, "mountains")[0]["because"]["why"]["en"].lower()


def test_withdrawing_a_consent_ends_the_lists_that_were_made_by_it(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "yuna")
    first = recommended(client, limit=1)
    consent(client, personalise=False)
    old = client.get("/v1/me/recommendations", params={"cursor": first["next_cursor"]})
    assert problem_of(old) == (422, "invalid-recommendation")
    assert {one["because"]["kind"] for one in recommended(client, limit=50)["recommendations"]} == {"fresh"}


def test_a_picture_that_is_deleted_is_no_reason_any_more(gateway):
    client, media_id = a_person_with_a_dog_before_a_mountain(gateway, "mari")
    first = recommended(client, limit=1)
    assert client.delete(f"/v1/media/{media_id}").status_code in (202, 204)
    eventually(lambda: not interests(client))
    old = client.get("/v1/me/recommendations", params={"cursor": first["next_cursor"]})
    if old.status_code == 200:
        assert all(media_id not in one["because"]["media_ids"] for one in old.json()["recommendations"])
    again = recommended(client, limit=50)
    assert all(media_id not in one["because"]["media_ids"] for one in again["recommendations"])


def test_words_about_the_person_narrow_one_answer_and_nothing_is_kept_of_it(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "dana")
    asked = {"about": "thing clinic", "limit": 5}
    answer = recommended(client, **asked)
    assert ids(answer) == ["clinic"]
    assert answer["next_cursor"] is None
    assert recommended(client, **asked) == answer
    assert "clinic" in ids(recommended(client, limit=50))


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"limit": 0}, 422),
        ({"limit": 51}, 422),
        ({"cursor": "nonsense"}, 422),
        ({"cursor": "WyJhbm90aGVyIiwgM10="}, 422),  # well made, of no list
        ({"market": "XX"}, 422),
        ({"kind": "nonsense"}, 422),
        ({"about": "x" * 101}, 422),
    ],
)
def test_a_question_that_cannot_be_is_a_problem_that_says_so(gateway, asked, status):
    assert problem_of(gateway.as_person("mina").get("/v1/me/recommendations", params=asked))[0] == status


def test_a_list_is_read_on_by_its_own_person_alone(gateway):
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, "rina")
    cursor = recommended(client, limit=1)["next_cursor"]
    other = gateway.as_person("mina").get("/v1/me/recommendations", params={"cursor": cursor})
    assert problem_of(other) == (422, "invalid-recommendation")


def a_campaign(*item_ids: str, **of: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    period = {"from": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    plain = {"name": "Walks", "interest": "dogs", "item_ids": list(item_ids), "cap_per_person": 5, "budget": 100}
    return plain | period | of


@pytest.fixture
def campaigns(gateway: AGateway) -> Iterator[httpx.Client]:
    """A marketer's key; what they made is gone afterwards."""
    with gateway.client(gateway.key(subject=None, scopes=frozenset({"catalogue"}))) as client:
        yield client
        for one in client.get("/v1/campaigns").json()["campaigns"]:
            assert client.delete(f"/v1/campaigns/{one['id']}").status_code == 204


def a_list(gateway: AGateway, name: str, **consents: bool) -> tuple[httpx.Client, str, dict[str, Any], list[str]]:
    """A person, the cursor of a page of theirs, that page as it is without campaigns, and what comes behind it."""
    client, _ = a_person_with_a_dog_before_a_mountain(gateway, name, **consents)
    cursor = recommended(client, limit=1)["next_cursor"]
    page = recommended(client, limit=10, cursor=cursor)
    return client, cursor, page, ids(recommended(client, limit=50, cursor=page["next_cursor"]))


def without_sponsored(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in page["recommendations"] if not one["sponsored"]]


def test_what_is_sponsored_is_marked_comes_behind_nine_others_and_leaves_their_order_as_it_was(gateway, campaigns):
    client, cursor, page, behind = a_list(gateway, "ads-1", ads_onsite=True)
    assert campaigns.put("/v1/campaigns/walks", json=a_campaign(behind[0])).status_code == 201
    with_it = recommended(client, limit=10, cursor=cursor)
    assert without_sponsored(with_it) == page["recommendations"]
    [place] = [n for n, one in enumerate(with_it["recommendations"]) if one["sponsored"]]
    one = with_it["recommendations"][place]
    assert (place, one["item"]["id"], one["campaign_id"]) == (9, behind[0], "walks")
    assert one["because"]["kind"] == "sponsored"
    assert one["because"]["why"]["en"] == "Sponsored, for those who like dogs"
    assert with_it["next_cursor"] == page["next_cursor"]


def test_a_page_that_is_read_twice_is_one_showing_in_the_ledger(gateway, campaigns):
    client, cursor, _, behind = a_list(gateway, "ads-2", ads_onsite=True)
    campaigns.put("/v1/campaigns/walks", json=a_campaign(behind[0]))
    assert recommended(client, limit=10, cursor=cursor) == recommended(client, limit=10, cursor=cursor)
    [line] = campaigns.get("/v1/campaigns/walks/ledger").json()["lines"]
    assert (line["item_id"], line["showings"], len(line["day"])) == (behind[0], 1, 10)
    assert campaigns.get("/v1/campaigns/walks").json()["showings"] == 1


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("another-interest", {"interest": "home_textiles"}),
        ("over", {"until": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}),
        ("not-begun", {"from": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}),
        ("gone", {"item_ids": ["nothing-of-this-name"]}),
    ],
)
def test_a_campaign_that_is_not_meant_now_shows_nothing(gateway, campaigns, name, of):
    client, cursor, page, behind = a_list(gateway, name, ads_onsite=True)
    assert campaigns.put("/v1/campaigns/walks", json=a_campaign(behind[0]) | of).status_code == 201
    assert recommended(client, limit=10, cursor=cursor) == page


def test_without_the_consent_for_ads_there_are_none(gateway, campaigns):
    client, cursor, page, behind = a_list(gateway, "ads-4")
    campaigns.put("/v1/campaigns/walks", json=a_campaign(behind[0]))
    assert recommended(client, limit=10, cursor=cursor) == page
    consent(client, ads_onsite=True)
    assert len(recommended(client, limit=10, cursor=cursor)["recommendations"]) == 11


def test_cap_and_budget_end_a_campaign(gateway, campaigns):
    one, cursor, _, behind = a_list(gateway, "ads-5", ads_onsite=True)
    campaigns.put("/v1/campaigns/walks", json=a_campaign(*behind[:2], cap_per_person=1))
    assert recommended(one, limit=10, cursor=cursor)["recommendations"][9]["sponsored"]
    end = recommended(one, limit=9)
    assert without_sponsored(end) == end["recommendations"]
    other, cursor, page, behind = a_list(gateway, "ads-6", ads_onsite=True)
    campaigns.put("/v1/campaigns/walks", json=a_campaign(*behind[:2], budget=1))
    assert recommended(other, limit=10, cursor=cursor) == page


def test_campaigns_are_the_marketers_alone(gateway, campaigns):
    campaigns.put("/v1/campaigns/walks", json=a_campaign("clinic"))
    assert [one["id"] for one in campaigns.get("/v1/campaigns").json()["campaigns"]] == ["walks"]
    assert campaigns.put("/v1/campaigns/walks", json=a_campaign("club")).status_code == 200
    person = gateway.client(gateway.key(subject="mina", scopes=frozenset({"person"})))
    assert problem_of(person.get("/v1/campaigns"))[0] == 403
    elsewhere = gateway.client(gateway.key(tenant="elsewhere", subject=None, scopes=frozenset({"catalogue"})))
    assert problem_of(elsewhere.get("/v1/campaigns/walks")) == (404, "no-such-campaign")
    assert problem_of(elsewhere.delete("/v1/campaigns/walks"))[0] == 404
    assert elsewhere.get("/v1/campaigns").json() == {"campaigns": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"interest": None},
        {"segment": "walkers"},
        {"interest": "nonsense"},
        {"interest": None, "segment": "nonsense"},
        {"item_ids": []},
        {"item_ids": ["a", "a"]},
        {"cap_per_person": 0},
        {"budget": 0},
        {"until": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_campaign_that_cannot_be_is_refused(campaigns, wrong):
    assert problem_of(campaigns.put("/v1/campaigns/walks", json=a_campaign("clinic") | wrong))[0] == 422
    assert problem_of(campaigns.get("/v1/campaigns/walks"))[0] == 404
