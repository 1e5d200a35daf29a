"""Boards through the API: kept, ordered, shared by a link that needs no key and shows no more than was saved."""

from __future__ import annotations

import io
import json
import threading

import httpx
import pytest
from click.testing import CliRunner
from gateway_builders import a_gateway, problem_of
from picture_builders import a_picture
from PIL import Image

from nungil.cli.main import main
from nungil.event_log.open import open_event_log
from nungil.event_log.topics import USER_ACTIVITY

RED, GREEN = (200, 40, 40), (40, 170, 60)
LEFT = {"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        yield gateway


def eventually(condition):
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return True
        pause.wait(0.05)
    return False


def searchable(client: httpx.Client, data: bytes, **fields: str) -> str:
    media_id = client.post("/v1/media", files={"file": ("x.jpg", data)}, data=fields).json()["media_id"]
    assert eventually(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    return media_id


def put_item(client: httpx.Client, item_id: str, media_id: str) -> None:
    offer = {"shop": "g", "url": "https://g.example/1", "market": "KR", "currency": "KRW", "price_minor": 100}
    item = {"title": {"ko": "그림", "en": "painting"}, "media_ids": [media_id], "offers": [offer | {"in_stock": True}]}
    assert client.put(f"/v1/items/{item_id}", json=item).status_code == 200


def a_board(client: httpx.Client, name: str = "부엌") -> str:
    made = client.post("/v1/me/boards", json={"name": name})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def save(client: httpx.Client, board: str, media_id: str, **of) -> dict:
    response = client.post(f"/v1/me/boards/{board}/pins", json={"media_id": media_id} | of)
    assert response.status_code in (200, 201), response.text
    return response.json()


def pins(client: httpx.Client, board: str) -> list[dict]:
    return client.get(f"/v1/me/boards/{board}").raise_for_status().json()["pins"]


def test_a_board_is_made_filled_ordered_and_deleted(gateway):
    shop, mina = gateway.as_person("shop", tenant="one"), gateway.as_person("mina", tenant="one")
    painting = searchable(shop, a_picture(colour=RED), purpose="catalogue")
    put_item(shop, "p-1", painting)
    mine = searchable(mina, a_picture(colour=GREEN))
    kitchen, garden = a_board(mina), a_board(mina, "garden")
    first = save(mina, kitchen, painting, item_id="p-1", note="벽에")
    assert (first["item"]["id"], first["note"], first["box"], first["clipped"]) == ("p-1", "벽에", None, False)
    part = save(mina, kitchen, mine, box=LEFT | {"x": -0.2})
    assert (part["clipped"], round(part["box"]["width"], 4)) == (True, 0.3)
    again = mina.post(f"/v1/me/boards/{kitchen}/pins", json={"media_id": painting, "item_id": "p-1"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert [pin["media_id"] for pin in pins(mina, kitchen)] == [mine, painting]
    moved = mina.patch(f"/v1/me/boards/{kitchen}/pins/{part['id']}", json={"position": 1}).json()
    assert (moved["board_id"], [pin["id"] for pin in pins(mina, kitchen)]) == (kitchen, [first["id"], part["id"]])
    moved = mina.patch(f"/v1/me/boards/{kitchen}/pins/{part['id']}", json={"board_id": garden, "note": "x"}).json()
    assert (moved["board_id"], moved["note"]) == (garden, "x")
    renamed = mina.patch(f"/v1/me/boards/{garden}", json={"name": "정원", "position": 0}).json()
    assert (renamed["name"], renamed["size"], renamed["cover"]["media_id"]) == ("정원", 1, mine)
    listed = mina.get("/v1/me/boards").json()
    assert ([board["id"] for board in listed["boards"]], listed["kept"]) == ([garden, kitchen], [])
    page = mina.get(f"/v1/me/boards/{garden}", params={"limit": 1}).json()
    assert (len(page["pins"]), page["next_cursor"], page["own"], page["shared"]) == (1, None, True, False)
    assert mina.delete(f"/v1/me/boards/{kitchen}/pins/{first['id']}").status_code == 204
    assert pins(mina, kitchen) == []
    assert mina.delete(f"/v1/me/boards/{garden}").status_code == 204
    assert problem_of(mina.get(f"/v1/me/boards/{garden}")) == (404, "no-such-board")


def test_a_pin_shows_the_part_that_was_saved(gateway):
    with gateway.as_person("ana") as ana:
        mine = searchable(ana, a_picture(colour=RED, seed=1))
        board = a_board(ana)
        whole, part = save(ana, board, mine), save(ana, board, mine, box=LEFT)
        of_whole, of_part = (
            Image.open(io.BytesIO(ana.get(pin["image"]).raise_for_status().content)) for pin in (whole, part)
        )
        assert of_part.width == pytest.approx(of_whole.width / 2, abs=1)
        assert of_part.height == of_whole.height
        assert problem_of(gateway.as_person("ben").get(whole["image"]))[0] == 404


def test_a_link_needs_no_key_shows_what_the_board_holds_and_ends(gateway):
    shop, mina = gateway.as_person("shop", tenant="two"), gateway.as_person("mina", tenant="two")
    painting = searchable(shop, a_picture(colour=RED), purpose="catalogue")
    put_item(shop, "p-1", painting)
    mine = searchable(mina, a_picture(colour=GREEN, seed=2))
    board = a_board(mina, "to share")
    save(mina, board, painting, item_id="p-1", note="not to be told")
    part = save(mina, board, mine, box=LEFT, note="not to be told")
    link = mina.post(f"/v1/me/boards/{board}/share", headers={"Idempotency-Key": "k-1"}).json()
    assert link["url"] == f"/#shared/{link['token']}"
    anyone = httpx.Client(base_url=gateway.url)
    address = f"/v1/boards/shared/{link['token']}"
    opened = anyone.get(address)
    assert opened.headers["x-robots-tag"] == "noindex, nofollow"
    shown = opened.json()
    assert (shown["name"], shown["size"]) == ("to share", 2)
    assert [(pin["media_id"], pin["item"] and pin["item"]["id"]) for pin in shown["pins"]] == [
        (None, None),
        (painting, "p-1"),
    ]
    assert "not to be told" not in opened.text
    assert mine not in opened.text
    image = anyone.get(shown["pins"][0]["image"])
    assert (image.status_code, image.headers["content-type"]) == (200, "image/jpeg")
    as_shown = Image.open(io.BytesIO(image.content))
    assert as_shown.size == Image.open(io.BytesIO(mina.get(part["image"]).content)).size
    assert anyone.get(f"/v1/media/{mine}/image").status_code == 401
    assert anyone.get(f"/v1/me/boards/{board}").status_code == 401

    again = mina.post(f"/v1/me/boards/{board}/share", headers={"Idempotency-Key": "k-1"}).json()
    assert again["token"] != link["token"]
    assert problem_of(anyone.get(address)) == (404, "no-such-link")
    assert mina.delete(f"/v1/me/boards/{board}/share").status_code == 204
    for path in ("", f"/pins/{part['id']}/image"):
        assert problem_of(anyone.get(f"/v1/boards/shared/{again['token']}{path}")) == (404, "no-such-link")


def test_a_link_that_is_followed_too_often_waits(gateway):
    anyone = httpx.Client(base_url=gateway.url)
    address = "/v1/boards/shared/" + "x" * 43
    for _ in range(3_000):
        answer = anyone.get(address)
        if answer.status_code == 429:
            break
    assert problem_of(answer) == (429, "too-many-requests")
    assert anyone.get("/v1/boards/shared/" + "y" * 43).status_code == 404


def test_a_shared_board_is_kept_with_its_pictures_until_its_owner_ends_it(gateway):
    mina, juno = (gateway.as_person(name, tenant="three") for name in ("mina", "juno"))
    mine = searchable(mina, a_picture(colour=GREEN, seed=3))
    board = a_board(mina)
    save(mina, board, mine, note="hers")
    token = mina.post(f"/v1/me/boards/{board}/share").json()["token"]
    kept = juno.post("/v1/me/boards/shared", json={"token": token})
    assert (kept.status_code, kept.json()["own"], kept.json()["id"]) == (200, False, board)
    [listed] = juno.get("/v1/me/boards").json()["kept"]
    assert juno.get(listed["cover"]["image"]).status_code == 200
    [pin] = pins(juno, board)
    assert (pin["media_id"], pin["note"]) == (None, "")
    assert juno.get(f"/v1/media/{mine}").status_code == 404
    refused = juno.post(f"/v1/me/boards/{board}/pins", json={"media_id": mine})
    assert problem_of(refused) == (404, "no-such-board") or problem_of(refused) == (404, "no-such-picture")
    assert juno.delete(f"/v1/me/boards/shared/{board}").status_code == 204
    juno.post("/v1/me/boards/shared", json={"token": token}).raise_for_status()
    mina.delete(f"/v1/me/boards/{board}/share").raise_for_status()
    assert juno.get("/v1/me/boards").json()["kept"] == []
    assert problem_of(juno.get(pin["image"])) == (404, "no-such-board")
    stranger = gateway.as_person("juno", tenant="elsewhere")
    token = mina.post(f"/v1/me/boards/{board}/share").json()["token"]
    assert problem_of(stranger.post("/v1/me/boards/shared", json={"token": token})) == (404, "no-such-link")


def test_deleted_pictures_and_items_vanish_from_boards(gateway):
    shop, mina = gateway.as_person("shop", tenant="four"), gateway.as_person("mina", tenant="four")
    one, two = (searchable(shop, a_picture(colour=RED, seed=n), purpose="catalogue") for n in (4, 5))
    put_item(shop, "p-1", one)
    board = a_board(mina)
    mine = searchable(mina, a_picture(colour=GREEN, seed=6))
    for media_id, of in ((one, {"item_id": "p-1"}), (two, {}), (mine, {})):
        save(mina, board, media_id, **of)
    assert mina.delete(f"/v1/media/{mine}").status_code == 204
    assert eventually(lambda: [pin["media_id"] for pin in pins(mina, board)] == [two, one])
    assert shop.delete("/v1/items/p-1").status_code == 204
    assert eventually(lambda: [pin["media_id"] for pin in pins(mina, board)] == [two])


def test_saving_is_told_once_without_a_name_or_a_note(gateway):
    with gateway.as_person("noa") as noa:
        mine = searchable(noa, a_picture(colour=RED, seed=7))
        board = a_board(noa, "unmistakable name")
        pin = save(noa, board, mine, note="unmistakable note")
        save(noa, board, mine)
        assert noa.delete(f"/v1/me/boards/{board}/pins/{pin['id']}").status_code == 204
    with open_event_log(gateway.log_url) as log:

        def told() -> list[bytes]:
            with log.tail([USER_ACTIVITY], since="start") as tail:
                records = tail.poll(max_records=10_000, timeout_s=0)
            return [record.value or b"" for record in records if mine.encode() in (record.value or b"")]

        assert eventually(lambda: len(told()) >= 2)
        assert not any(b"unmistakable" in value for value in told())
    for file in gateway.folder.glob("*.log"):
        assert "unmistakable" not in file.read_text()


def test_what_cannot_be_is_told_with_what_to_do(gateway):
    with gateway.as_person("eve") as eve:
        for body in ({"name": ""}, {}, {"name": "x", "colour": "red"}):
            assert problem_of(eve.post("/v1/me/boards", json=body)) == (422, "invalid-request")
        for name in ("   ", "x" * 81):
            assert problem_of(eve.post("/v1/me/boards", json={"name": name})) == (422, "invalid-board")
        board = a_board(eve)
        assert problem_of(eve.patch(f"/v1/me/boards/{board}", json={}))[0] == 422
        assert problem_of(eve.patch(f"/v1/me/boards/{board}", json={"position": -1}))[0] == 422
        assert problem_of(eve.get(f"/v1/me/boards/{board}", params={"cursor": "none"})) == (422, "invalid-board")
        mine = searchable(eve, a_picture(colour=RED, seed=8))
        refused = eve.post(f"/v1/me/boards/{board}/pins", json={"media_id": mine, "item_id": "unknown"})
        assert problem_of(refused) == (404, "no-such-item")
        refused = eve.post(f"/v1/me/boards/{board}/pins", json={"media_id": mine, "box": LEFT | {"width": 0}})
        assert problem_of(refused) == (422, "invalid-box")
        only_searched = eve.post(
            "/v1/media", files={"file": ("x.jpg", a_picture(colour=RED, seed=9))}, data={"purpose": "search"}
        ).json()["media_id"]
        refused = eve.post(f"/v1/me/boards/{board}/pins", json={"media_id": only_searched})
        assert problem_of(refused) == (409, "picture-not-kept")
        pin = save(eve, board, mine)
        assert problem_of(eve.patch(f"/v1/me/boards/{board}/pins/{pin['id']}", json={}))[0] == 422
        nobody = gateway.client(gateway.key(subject=None))
        assert problem_of(nobody.get("/v1/me/boards")) == (422, "person-needed")


def test_what_people_keep_together_goes_together_and_names_nobody(gateway):
    shop = gateway.as_person("shop", tenant="six")
    for n, item in enumerate(("chair", "lamp", "rug")):
        put_item(shop, item, searchable(shop, a_picture(colour=GREEN, seed=20 + n), purpose="catalogue"))
    media = {item: shop.get(f"/v1/items/{item}").json()["media_ids"][0] for item in ("chair", "lamp", "rug")}
    people = [gateway.as_person(name, tenant="six") for name in ("a", "b", "c", "d")]
    for n, person in enumerate(people):
        person.put("/v1/me/consent", json={"personalise": True}).raise_for_status()
        board = a_board(person, f"board of {n}")
        for item in ("chair", "lamp", *(["rug"] if n == 0 else [])):
            save(person, board, media[item], item_id=item)
    answer = shop.get("/v1/items/chair/goes-with")
    assert [item["id"] for item in answer.json()["items"]] == ["lamp"]
    assert set(answer.json()) == {"items"}
    people[1].put("/v1/me/consent", json={"personalise": False}).raise_for_status()
    assert [item["id"] for item in shop.get("/v1/items/chair/goes-with").json()["items"]] == ["lamp"]
    assert people[0].get("/v1/items/chair/goes-with").json() == {"items": []}  # two others, and oneself
    assert shop.get("/v1/items/chair/goes-with", params={"limit": 51}).status_code == 422


def test_more_like_a_board_is_found_under_filters_without_what_is_on_it(gateway):
    shop, mina = gateway.as_person("shop", tenant="seven"), gateway.as_person("mina", tenant="seven")
    reds = [searchable(shop, a_picture(colour=RED, seed=30 + n), purpose="catalogue") for n in range(3)]
    greens = [searchable(shop, a_picture(colour=GREEN, seed=40 + n), purpose="catalogue") for n in range(2)]
    for n, media_id in enumerate((*reds, *greens)):
        put_item(shop, f"i-{n}", media_id)
    board = a_board(mina)
    nothing = mina.post(f"/v1/me/boards/{board}/more", json={})
    assert problem_of(nothing) == (409, "board-shows-nothing")
    save(mina, board, reds[0], item_id="i-0")
    more = f"/v1/me/boards/{board}/more"
    assert eventually(lambda: len(mina.post(more, json={}).json()["hits"]) == 4)  # search has read of every item
    found = mina.post(more, json={"limit": 2}).json()
    assert {hit["item"]["id"] for hit in found["hits"]} == {"i-1", "i-2"}
    assert all(hit["score"] > 0.5 and hit["box"] for hit in found["hits"])
    save(mina, board, searchable(mina, a_picture(colour=GREEN, seed=50)))
    both = [hit["item"]["id"] for hit in mina.post(f"/v1/me/boards/{board}/more", json={"limit": 2}).json()["hits"]]
    assert len(set(both) & {"i-1", "i-2"}) == len(set(both) & {"i-3", "i-4"}) == 1
    every = mina.post(f"/v1/me/boards/{board}/more", json={"limit": 100}).json()["hits"]
    assert sorted(hit["item"]["id"] for hit in every) == ["i-1", "i-2", "i-3", "i-4"]
    abroad = mina.post(f"/v1/me/boards/{board}/more", json={"filters": {"market": "US"}})
    assert abroad.json()["hits"] == []
    refused = mina.post(f"/v1/me/boards/{board}/more", json={"filters": {"market": "Korea"}})
    assert refused.status_code == 422

    juno = gateway.as_person("juno", tenant="seven")
    assert problem_of(juno.post(f"/v1/me/boards/{board}/more", json={})) == (404, "no-such-board")
    token = mina.post(f"/v1/me/boards/{board}/share").json()["token"]
    juno.post("/v1/me/boards/shared", json={"token": token}).raise_for_status()
    assert len(juno.post(f"/v1/me/boards/{board}/more", json={}).json()["hits"]) == 4


def test_the_command_lists_boards_and_shows_every_pin(gateway):
    ria = gateway.as_person("ria")
    board = a_board(ria, "거실")
    mine = searchable(ria, a_picture(colour=RED, seed=60))
    save(ria, board, mine, note="for the corner")
    save(ria, board, mine, box=LEFT)

    def run(*arguments: str) -> str:
        ran = CliRunner().invoke(
            main, ["boards", *arguments, "--url", gateway.url, "--key", gateway.key(subject="ria")]
        )
        assert ran.exit_code == 0, ran.output
        return ran.output

    listed = run("list")
    assert "거실" in listed
    assert board in listed
    assert [pin["media_id"] for pin in json.loads(run("show", board, "--json"))["pins"]] == [mine, mine]
    shown = run("show", board)
    assert "for the corner" in shown
    assert "0.00,0.00,0.50,1.00" in shown
    wrong = CliRunner().invoke(
        main, ["boards", "show", "none", "--url", gateway.url, "--key", gateway.key(subject="ria")]
    )
    assert wrong.exit_code == 1
