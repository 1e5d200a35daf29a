"""What a person states of themselves finds things that say it, where they ticked that: every service real, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from gateway_builders import AGateway, a_gateway, problem_of
from recommendation_builders import consent, eventually, give, ids, painted, put_item, recommended

TITLES = {
    "cream": {"ko": "건성 피부 보습 크림", "en": "moisturiser"},
    "balm": {"ko": "밤", "en": "Balm for dry skin"},
    "shampoo-dry": {"ko": "드라이 샴푸", "en": "dry shampoo for sensitive skin"},
    "toner": {"ko": "지성 피부 토너", "en": "toner for oily skin"},
    "curl": {"ko": "곱슬머리 에센스", "en": "curl essence"},
    "linen": {"ko": "린넨 셔츠", "en": "linen shirt"},
    "album": {"ko": "20대 여성 잡지", "en": "magazine for women in their 20s"},
}
TICKED = {"purposes": ["recommendations"]}
DRY = TICKED | {"skin_type": "dry"}
COLOURS = [(40, 60, 200), (200, 40, 160), (230, 230, 80), (30, 30, 30), (90, 200, 220), (150, 20, 20), (205, 133, 63)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[AGateway]:
    """A shop with things that say for whom they are, and twenty that say nothing."""
    with a_gateway("ingest", "embed", "search", "profile") as gateway, gateway.as_person("shopkeeper") as shop:
        for n, (item_id, title) in enumerate(TITLES.items()):
            put_item(shop, item_id, give(shop, painted(COLOURS[n], seed=n), purpose="catalogue"), title=title)
        abroad = give(shop, painted(COLOURS[0], COLOURS[3], COLOURS[6], seed=50), purpose="catalogue")
        put_item(shop, "cream-abroad", abroad, title={"ko": "건성피부용 로션", "en": "lotion"}, market="US")
        for n in range(20):
            parts = (COLOURS[n % 7], COLOURS[(n // 7 + n + 1) % 7])
            put_item(shop, f"other-{n}", give(shop, painted(*parts, seed=70 + n), purpose="catalogue"))
        titles = [*(title["ko"] for title in TITLES.values()), "건성피부용 로션"]
        for asked, count in [("thing", 20), *((title, 1) for title in titles)]:
            eventually(lambda asked=asked, count=count: len(ids(recommended(shop, limit=50, about=asked))) >= count)
        yield gateway


def a_person(gateway: AGateway, name: str, about: dict[str, Any], **consents: bool) -> httpx.Client:
    client = gateway.as_person(name)
    consent(client, **consents)
    state(client, about)
    return client


def state(client: httpx.Client, about: dict[str, Any]) -> None:
    assert client.put("/v1/me/about", json=about).status_code == 200


def stated(answer: dict[str, Any]) -> dict[str, str]:
    """Why in English, by the item that is there for what was said."""
    of = [one for one in answer["recommendations"] if one["because"]["kind"] == "stated"]
    assert all(one["because"]["interest"] is None and one["because"]["media_ids"] == [] for one in of)
    return {one["item"]["id"]: one["because"]["why"]["en"] for one in of}


def test_skin_and_hair_find_what_says_them_in_either_language_and_the_reason_is_told_in_both(gateway):
    client = a_person(gateway, "mina", DRY | {"hair": "curly"}, appearance_tips=True)
    answer = recommended(client, limit=50)
    said = "Because you said: dry skin"
    assert stated(answer) == {
        "cream": said,
        "balm": said,
        "cream-abroad": said,
        "curl": "Because you said: curly hair",
    }
    of_cream = next(one for one in answer["recommendations"] if one["item"]["id"] == "cream")
    assert of_cream["because"]["why"]["ko"] == "말씀하신 ‘건성 피부’에 맞춰 골랐습니다"
    assert {one["because"]["kind"] for one in answer["recommendations"]} == {"stated", "fresh"}


def test_skin_and_hair_are_read_with_the_consent_alone_and_a_style_without_it(gateway):
    about = DRY | {"hair": "curly", "style": "린넨 스타일, 편한 옷"}
    client = a_person(gateway, "sora", about)
    assert stated(recommended(client, limit=50)) == {"linen": "Because you said: 린넨 스타일"}


def test_age_and_gender_find_nothing(gateway):
    client = a_person(gateway, "yuna", TICKED | {"age_band": "20s", "gender": "woman"}, appearance_tips=True)
    assert stated(recommended(client, limit=50)) == {}


def test_what_is_ticked_for_something_else_finds_nothing(gateway):
    about = DRY | {"style": "린넨", "purposes": ["segments", "ads"]}
    client = a_person(gateway, "bora", about, appearance_tips=True)
    assert {one["because"]["kind"] for one in recommended(client, limit=50)["recommendations"]} == {"fresh"}


def test_market_kind_and_what_was_seen_or_hidden_hold_for_it_too(gateway):
    client = a_person(gateway, "haru", DRY, appearance_tips=True)
    [balm] = recommended(client, about="balm")["recommendations"]
    hidden = {"kind": "hidden", "item_id": "balm", "media_id": balm["media_id"]}
    assert client.post("/v1/activity", json=hidden).status_code == 202
    eventually(lambda: "balm" not in ids(recommended(client, about="balm")))
    assert stated(recommended(client, limit=50, kind="service")) == {}
    assert set(stated(recommended(client, limit=50, market="KR"))) == {"cream"}
    assert set(stated(recommended(client, limit=50))) == {"cream-abroad"}


def test_words_for_one_answer_stand_in_place_of_what_is_stated(gateway):
    client = a_person(gateway, "dana", DRY, appearance_tips=True)
    answer = recommended(client, about="oily skin", limit=5)
    assert ids(answer)[:1] == ["toner"]
    assert stated(answer) == {}
    assert set(stated(recommended(client, limit=50))) == {"cream", "balm", "cream-abroad"}


UNTICKED = {key: value for key, value in DRY.items() if key != "purposes"}


@pytest.mark.parametrize("change", [UNTICKED, TICKED, DRY | {"skin_type": "oily"}, None])
def test_what_is_not_stated_any_more_is_on_no_page_of_a_kept_list(gateway, change):
    client = a_person(gateway, f"changes-{change}", DRY | {"style": "린넨"}, appearance_tips=True)
    first = recommended(client, limit=1)
    behind = set(stated(recommended(client, limit=50, cursor=first["next_cursor"])))
    assert {"cream", "balm", "linen"} & behind
    if change is None:
        assert client.delete("/v1/me/about").status_code == 204
    else:
        state(client, change)
    again = recommended(client, limit=50, cursor=first["next_cursor"])
    assert stated(again) == {}
    assert len(again["recommendations"]) > 10


def test_what_is_still_stated_stays_on_the_pages_of_a_kept_list(gateway):
    client = a_person(gateway, "stays", DRY | {"style": "린넨"}, appearance_tips=True)
    cursor = recommended(client, limit=1)["next_cursor"]
    before = stated(recommended(client, limit=50, cursor=cursor))
    state(client, DRY | {"style": "벨벳"})
    after = stated(recommended(client, limit=50, cursor=cursor))
    assert after == {id_: why for id_, why in before.items() if id_ != "linen"}


def test_without_the_consent_for_tips_a_kept_list_shows_nothing_for_skin_and_hair(gateway):
    learnt = {"personalise": True, "image_interest": True}  # without which each change of a consent ends the lists
    client = a_person(gateway, "withdraws", DRY | {"style": "린넨"}, appearance_tips=True, **learnt)
    cursor = recommended(client, limit=1)["next_cursor"]
    before = stated(recommended(client, limit=50, cursor=cursor))
    consent(client, appearance_tips=False)
    assert stated(recommended(client, limit=50, cursor=cursor)).keys() == before.keys() & {"linen"}
    consent(client, personalise=False)
    assert problem_of(client.get("/v1/me/recommendations", params={"cursor": cursor}))[1] == "invalid-recommendation"


def test_a_style_that_reads_as_nothing_gives_nothing_and_breaks_nothing(gateway):
    client = a_person(gateway, "odd", TICKED | {"style": "5만원에서 3만원, -linen, 아무도 쓰지 않는 말"})
    answer = recommended(client, limit=50)
    assert stated(answer) == {}
    assert len(answer["recommendations"]) > 20


def test_a_campaign_for_those_who_state_something_is_shown_to_who_ticked_ads_and_gone_with_the_tick(gateway):
    both = {"age_band": "20s", "purposes": ["segments", "ads"]}
    client = a_person(gateway, "addressed", both, ads_onsite=True, personalise=True, image_interest=True)
    cursor = recommended(client, limit=1)["next_cursor"]
    page = recommended(client, limit=10, cursor=cursor)
    behind = ids(recommended(client, limit=50, cursor=page["next_cursor"]))[-1]
    now = datetime.now(UTC)
    period = {"from": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    campaign = {"name": "News", "segment": "news", "item_ids": [behind], "cap_per_person": 5, "budget": 100} | period
    segment = {"name": {"ko": "새 소식", "en": "News"}, "who": {"stated": {"age_band": "20s"}}}
    with gateway.client(gateway.key(subject=None, scopes=frozenset({"catalogue"}))) as marketer:
        marketer.put("/v1/segments/news", json=segment).raise_for_status()
        marketer.post("/v1/segments/news/publish").raise_for_status()
        marketer.put("/v1/campaigns/news", json=campaign).raise_for_status()
    state(client, both | {"purposes": ["segments"]})
    assert [one["id"] for one in client.get("/v1/me/segments").json()] == ["news"]
    assert recommended(client, limit=10, cursor=cursor) == page
    state(client, both)
    [shown] = [one for one in recommended(client, limit=10, cursor=cursor)["recommendations"] if one["sponsored"]]
    assert (shown["item"]["id"], shown["campaign_id"]) == (behind, "news")
    state(client, both | {"purposes": ["segments"]})
    assert recommended(client, limit=10, cursor=cursor) == page
    assert [one["id"] for one in client.get("/v1/me/segments").json()] == ["news"]
