"""Pictures, items and feeds over HTTP, with a real ingest behind."""

from __future__ import annotations

import io
import json
import threading

import httpx
import pytest
from gateway_builders import BOTH, a_gateway, problem_of
from picture_builders import a_picture
from PIL import Image

UNKNOWN = "0198f0aa-7b1c-7cc3-9a55-3d1f0a9be001"


@pytest.fixture(scope="module")
def gateway():
    with a_gateway("profile", "ingest") as gateway:
        yield gateway


def give(client: httpx.Client, data: bytes, *, name: str = "sofa.jpg", headers=None, **fields: str) -> httpx.Response:
    return client.post("/v1/media", files={"file": (name, data)}, data=fields, headers=headers)


def given(client: httpx.Client, data: bytes, **fields: str) -> str:
    response = give(client, data, **fields)
    assert response.status_code == 202, response.text
    return response.json()["media_id"]


def an_item(media_id: str, **changes) -> dict:
    offer = {
        "shop": "gaguhaus",
        "url": "https://g.example/1",
        "market": "KR",
        "currency": "KRW",
        "price_minor": 129000,
        "in_stock": True,
    }
    return {
        "title": {"ko": "의자", "en": "chair"},
        "media_ids": [media_id],
        "category": "chair",
        "offers": [offer],
    } | changes


def test_a_picture_is_taken_and_told_of(gateway):
    with gateway.as_person("a") as client:
        response = give(client, a_picture(120, 80), source="screenshot", source_url="https://shop.example/1")
        assert response.status_code == 202
        media = response.json()
        assert (media["state"], media["purpose"], media["source"], media["duplicate"]) == (
            "accepted",
            "personal",
            "screenshot",
            False,
        )
        assert (media["file_name"], media["width_px"], media["height_px"]) == ("sofa.jpg", 120, 80)
        told = client.get(f"/v1/media/{media['media_id']}").json()
    assert told["regions"] == []
    assert {name: media[name] for name in told} == told
    assert told["created_at"].endswith("Z")


def test_the_same_bytes_again_give_the_same_id(gateway):
    with gateway.as_person("b") as client:
        first = give(client, a_picture(seed=1)).json()
        again = give(client, a_picture(seed=1), name="copy.jpg").json()
    assert (again["media_id"], again["duplicate"]) == (first["media_id"], True)


def test_a_retry_with_another_boundary_is_the_same_request(gateway):
    """Every client makes a new multipart boundary each time."""
    headers = {"Idempotency-Key": "upload-1"}
    with gateway.as_person("b2") as client:
        first = give(client, a_picture(seed=2), headers=headers)
        again = give(client, a_picture(seed=2), headers=headers)
        other = give(client, a_picture(seed=3), headers=headers)
    assert first.status_code == again.status_code == 202
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert problem_of(other) == (422, "idempotency-key-reused")


def test_one_picture_sent_many_times_at_once_is_one_picture(gateway):
    data, key = a_picture(seed=4), gateway.key(subject="c")
    answers: list[httpx.Response] = []

    def send() -> None:
        with gateway.client(key) as client:
            answers.append(give(client, data))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.json()["media_id"] for answer in answers}) == 1
    assert [answer.json()["duplicate"] for answer in answers].count(False) == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "empty.jpg"),
        (b"not a picture", "words.jpg"),
        (a_picture()[:400], "cut.jpg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.png"),
        (b"%PDF-1.7\n", "paper.jpg"),
        (b"<!doctype html><script>alert(1)</script>", "page.jpg"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(gateway, data, name):
    with gateway.as_person("d") as client:
        response = give(client, data, name=name)
        assert problem_of(response)[0] == 422
        assert len(response.json()["detail"]) > 10
        assert client.get("/v1/media").json() == {"media": [], "next_cursor": None}


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\photos\\passwd", "passwd"])
def test_a_file_name_keeps_no_path(gateway, name):
    with gateway.as_person("e") as client:
        assert give(client, a_picture(seed=len(name)), name=name).json()["file_name"] == "passwd"


def test_a_picture_is_shown_as_jpeg_as_wide_as_asked(gateway):
    with gateway.as_person("f") as client:
        media_id = given(client, a_picture(300, 200))
        whole = client.get(f"/v1/media/{media_id}/image")
        small = client.get(f"/v1/media/{media_id}/image", params={"width": 160})
        refused = client.get(f"/v1/media/{media_id}/image", params={"width": -1})
    assert whole.headers["content-type"] == "image/jpeg"
    assert whole.headers["cache-control"].startswith("private")
    assert Image.open(io.BytesIO(whole.content)).size == (300, 200)
    assert Image.open(io.BytesIO(small.content)).size == (160, 107)
    assert problem_of(refused) == (422, "invalid-request")


def test_lists_go_on_where_they_stopped(gateway):
    with gateway.as_person("g") as client:
        ids = [given(client, a_picture(seed=seed)) for seed in range(5)]
        seen, cursor = [], ""
        while cursor is not None:
            page = client.get("/v1/media", params={"limit": 2, "cursor": cursor}).json()
            seen += [media["media_id"] for media in page["media"]]
            cursor = page["next_cursor"]
        bad = client.get("/v1/media", params={"cursor": "nonsense"})
    assert seen == ids[::-1]
    assert problem_of(bad)[0] == 422


def test_unknown_anothers_and_another_tenants_pictures_are_the_same_404(gateway):
    mina, jun = gateway.as_person("mina"), gateway.as_person("jun")
    elsewhere = gateway.as_person("mina", tenant="elsewhere")
    media_id = given(mina, a_picture(seed=9))
    for client in (jun, elsewhere):
        for method, path, body in (
            ("GET", "", {}),
            ("GET", "/image", {}),
            ("DELETE", "", {}),
        ):
            theirs = client.request(method, f"/v1/media/{media_id}{path}", **body)
            unknown = client.request(method, f"/v1/media/{UNKNOWN}{path}", **body)
            assert problem_of(theirs) == problem_of(unknown) == (404, "no-such-picture")
            assert theirs.json()["detail"].replace(media_id, UNKNOWN) == unknown.json()["detail"]
        noted = client.post("/v1/activity", json={"kind": "saved", "media_id": media_id})
        assert problem_of(noted) == (404, "no-such-picture")
        assert client.get("/v1/media").json()["media"] == []
    assert mina.get(f"/v1/media/{media_id}").status_code == 200


def test_a_deleted_picture_is_gone_and_deleting_it_again_is_not_found(gateway):
    with gateway.as_person("h") as client:
        media_id = given(client, a_picture(seed=10))
        assert client.delete(f"/v1/media/{media_id}").status_code == 204
        for response in (client.get(f"/v1/media/{media_id}"), client.delete(f"/v1/media/{media_id}")):
            assert problem_of(response) == (404, "no-such-picture")


def test_the_catalogue_is_everyones_to_see_and_only_its_keepers_to_change(gateway):
    keeper = gateway.client(gateway.key(tenant="mall", subject=None, scopes=frozenset({"catalogue"})))
    media_id = given(keeper, a_picture(seed=11), purpose="catalogue")
    visitor = gateway.client(gateway.key(tenant="mall", subject="eun", scopes=frozenset({"person"})))
    assert visitor.get(f"/v1/media/{media_id}").json()["purpose"] == "catalogue"
    assert [m["media_id"] for m in visitor.get("/v1/media?purpose=catalogue").json()["media"]] == [media_id]
    assert visitor.get("/v1/media").json()["media"] == []
    assert problem_of(visitor.delete(f"/v1/media/{media_id}")) == (403, "scope-needed")
    assert keeper.delete(f"/v1/media/{media_id}").status_code == 204


def test_nobody_in_particular_has_no_pictures_of_their_own(gateway):
    nobody = gateway.client(gateway.key(tenant="mall", subject=None))
    assert problem_of(give(nobody, a_picture(seed=12))) == (422, "person-needed")
    assert problem_of(nobody.get("/v1/media")) == (422, "person-needed")


def test_the_date_taken_is_kept_with_consent(gateway):
    data = a_picture(seed=13, taken_on="2024-05-01")
    with gateway.as_person("i") as client:
        client.put("/v1/me/consent", json={"taken_on": True})
        kept = give(client, data, keep_taken_on="true").json()
    with gateway.as_person("j") as client:
        unkept = give(client, data).json()
    assert (kept["taken_on"], unkept["taken_on"]) == ("2024-05-01", None)


def test_an_item_is_put_told_and_deleted(gateway):
    with gateway.as_person("k") as client:
        media_id = given(client, a_picture(seed=14), purpose="catalogue")
        put = client.put("/v1/items/chair-1", json=an_item(media_id))
        assert put.status_code == 200, put.text
        [offer] = put.json()["offers"]
        assert (offer["price_minor"], offer["currency"], offer["market"]) == (129000, "KRW", "KR")
        assert offer["offer_id"]
        assert client.get("/v1/items/chair-1").json()["title"] == {"ko": "의자", "en": "chair"}
        assert client.delete("/v1/items/chair-1").status_code == 204
        assert problem_of(client.get("/v1/items/chair-1")) == (404, "no-such-item")


@pytest.mark.parametrize("offer", [{"currency": "XXQ"}, {"market": "Korea"}, {"price_minor": -1}, {"price_minor": 1.5}])
def test_an_offer_that_cannot_be_is_refused(gateway, offer):
    with gateway.as_person("l") as client:
        item = an_item(given(client, a_picture(seed=15), purpose="catalogue"))
        item["offers"][0] |= offer
        assert problem_of(client.put("/v1/items/chair-2", json=item))[0] == 422


FEED = """id,image,title_en,title_ko,brand,category,shop,url,market,currency,price,in_stock
chair-3,{media_id},chair,의자,oak,chair,gaguhaus,https://g.example/3,KR,KRW,129000,true
chair-4,,chair,의자,oak,chair,gaguhaus,https://g.example/4,KR,KRW,129000,true
chair-5,{media_id},chair,의자,oak,chair,gaguhaus,https://g.example/5,KR,KRW,-5,true
"""


@pytest.mark.parametrize("as_form", [False, True])
def test_a_feed_is_applied_and_its_bad_rows_are_told_by_line(gateway, as_form):
    with gateway.as_person("m", tenant=f"feed-{as_form}") as client:
        feed = FEED.format(media_id=given(client, a_picture(seed=16), purpose="catalogue")).encode()
        if as_form:
            started = client.post("/v1/imports", files={"file": ("feed.csv", feed, "text/csv")})
        else:
            started = client.post("/v1/imports", content=feed, headers={"Content-Type": "text/csv; charset=utf-8"})
        assert started.status_code == 202, started.text
        import_id = started.json()["import_id"]
        pause = threading.Event()
        while not (told := client.get(f"/v1/imports/{import_id}").json())["done"]:
            pause.wait(0.05)
        assert (told["rows"], told["accepted"], told["items"]) == (3, 1, 1)
        assert [row["line"] for row in told["rejected"]] == [3, 4]
        assert client.get("/v1/items/chair-3").status_code == 200
    other = gateway.as_person("m", tenant="elsewhere")
    assert problem_of(other.get(f"/v1/imports/{import_id}")) == (404, "no-such-import")


JSON_LINE = {
    "id": "lamp-1",
    "title_en": "lamp",
    "shop": "gaguhaus",
    "url": "https://g.example/l",
    "market": "KR",
    "currency": "KRW",
    "price": 9900,
    "in_stock": True,
    "aliases": ["조명", "light"],
    "condition": "used",
    "expires_at": "2999-01-31T18:00+09:00",
}
ADDRESS = "https://cdn.example/lamp.jpg"
GOOGLE_TABLE = f"id\ttitle\tlink\timage_link\tavailability\tprice\nlamp-1\tlamp\thttps://g.example/l\t{ADDRESS}\tin_stock\t9900 KRW\n"
GOOGLE_XML = f"""<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>shop</title><item><g:id>lamp-1</g:id>
<title>lamp</title><link>https://g.example/l</link><g:image_link>{ADDRESS}</g:image_link><g:price>9900 KRW</g:price>
<g:availability>in_stock</g:availability></item></channel></rss>"""
NAVER_TABLE = f"id\ttitle\tprice_pc\tlink\timage_link\nlamp-1\t조명\t9900\thttps://g.example/l\t{ADDRESS}\n"


def imported(client: httpx.Client, feed: str, media_type: str, **terms: str) -> dict:
    """The import when it is done."""
    headers = {"Content-Type": media_type}
    started = client.post("/v1/imports", content=feed.encode(), headers=headers, params=terms)
    assert started.status_code == 202, started.text
    pause = threading.Event()
    while not (told := client.get(f"/v1/imports/{started.json()['import_id']}").json())["done"]:
        pause.wait(0.05)
    return told


@pytest.mark.parametrize(
    ("feed", "media_type", "terms"),
    [
        (json.dumps(JSON_LINE | {"image": ADDRESS}), "application/x-ndjson", {}),
        (json.dumps(JSON_LINE | {"image": ADDRESS}), "text/plain", {"format": "jsonl"}),
        (GOOGLE_TABLE, "text/tab-separated-values", {"format": "google", "shop": "gaguhaus", "market": "KR"}),
        (GOOGLE_XML, "application/xml", {"shop": "gaguhaus", "market": "KR"}),
        (NAVER_TABLE, "text/tab-separated-values", {"format": "naver", "shop": "gaguhaus"}),
    ],
)
def test_a_feed_of_each_format_is_applied_with_the_pictures_that_came_from_its_addresses(
    gateway, feed, media_type, terms
):
    with gateway.as_person("m", tenant=f"formats-{abs(hash((feed, media_type)))}") as client:
        unknown = imported(client, feed, media_type, **terms)
        assert (unknown["rows"], unknown["accepted"]) == (1, 0)
        assert ADDRESS in unknown["rejected"][0]["reason"]
        media_id = given(client, a_picture(seed=31), purpose="catalogue", source_url=ADDRESS)
        told = imported(client, feed, media_type, **terms)
        assert (told["rows"], told["accepted"], told["items"], told["rejected"]) == (1, 1, 1, [])
        item = client.get("/v1/items/lamp-1").json()
        assert item["media_ids"] == [media_id]
        [offer] = item["offers"]
        assert (offer["shop"], offer["market"], offer["price_minor"], offer["in_stock"]) == (
            "gaguhaus",
            "KR",
            9900,
            True,
        )


def test_aliases_condition_and_expiry_are_told(gateway):
    with gateway.as_person("m", tenant="told") as client:
        media_id = given(client, a_picture(seed=32), purpose="catalogue")
        imported(client, json.dumps(JSON_LINE | {"image": media_id}), "application/jsonl")
        item = client.get("/v1/items/lamp-1").json()
        assert item["aliases"] == ["조명", "light"]
        assert item["created_at"]
        [offer] = item["offers"]
        assert (offer["condition"], offer["expires_at"]) == ("used", "2999-01-31T09:00:00Z")
        assert offer["checked_at"]
        given_again = {key: value for key, value in item.items() if key not in ("id", "created_at")}
        given_again["offers"] = [{key: value for key, value in offer.items() if key != "checked_at"}]
        assert client.put("/v1/items/lamp-1", json=given_again).json() == item


def test_a_full_feed_retires_what_it_leaves_out(gateway):
    with gateway.as_person("m", tenant="full") as client:
        media_id = given(client, a_picture(seed=33), purpose="catalogue")
        lines = [json.dumps(JSON_LINE | {"image": media_id, "id": f"lamp-{n}"}) for n in range(30)]
        imported(client, "\n".join(lines), "application/jsonl")
        small = client.post(
            "/v1/imports",
            content=lines[0].encode(),
            params={"mode": "full", "shop": "gaguhaus"},
            headers={"Content-Type": "application/jsonl"},
        )
        assert problem_of(small) == (422, "suspicious-feed")
        assert "would retire 29 of the 30" in small.json()["detail"]
        told = imported(client, "\n".join(lines[:20]), "application/jsonl", mode="full", shop="gaguhaus")
        assert (told["accepted"], told["retired"]) == (20, 10)
        assert client.get("/v1/items/lamp-19").status_code == 200
        assert problem_of(client.get("/v1/items/lamp-20")) == (404, "no-such-item")


@pytest.mark.parametrize(
    ("feed", "media_type", "terms"),
    [
        (FEED.format(media_id=UNKNOWN), "text/csv", {}),
        (json.dumps(JSON_LINE | {"image": UNKNOWN}), "application/jsonl", {}),
        (GOOGLE_XML, "application/xml", {"shop": "gaguhaus", "market": "KR"}),
        (NAVER_TABLE, "text/plain", {"format": "naver", "shop": "gaguhaus"}),
    ],
)
def test_an_import_of_each_format_is_followed_until_it_is_done(gateway, feed, media_type, terms):
    with gateway.as_person("m", tenant=f"followed-{media_type.partition('/')[2]}") as client:
        started = client.post(
            "/v1/imports", content=feed.encode(), headers={"Content-Type": media_type}, params=terms
        ).json()
        with client.stream("GET", f"/v1/imports/{started['import_id']}/events") as stream:
            told = [
                json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")
            ]
        assert [one["done"] for one in told] == [False] * (len(told) - 1) + [True]
        after = client.get(f"/v1/imports/{started['import_id']}").json()
        assert told[-1] == {name: value for name, value in after.items() if name != "rejected"}
        assert after["rows"] == after["accepted"] + len(after["rejected"])
    assert problem_of(client_of_another(gateway).get(f"/v1/imports/{started['import_id']}/events"))[0] == 404


def client_of_another(gateway) -> httpx.Client:
    return gateway.as_person("m", tenant="another")


@pytest.mark.parametrize(
    ("feed", "media_type", "terms", "status", "says"),
    [
        (GOOGLE_TABLE, "text/tab-separated-values", {}, 415, "format=csv, jsonl, google or naver"),
        (GOOGLE_TABLE, "application/pdf", {}, 415, "application/jsonl"),
        (GOOGLE_TABLE, "text/plain", {"format": "google"}, 422, "shop="),
        (GOOGLE_TABLE, "text/plain", {"format": "google", "shop": "a"}, 422, "market="),
        (NAVER_TABLE, "text/plain", {"format": "naver"}, 422, "shop="),
        (NAVER_TABLE, "text/plain", {"format": "naver", "shop": "a", "market": "Korea"}, 422, "ISO 3166"),
        (FEED, "text/csv", {"mode": "full"}, 422, "shop="),
        (FEED, "text/csv", {"mode": "replace"}, 422, "'partial' or 'full'"),
        (FEED, "text/csv", {"format": "xlsx"}, 422, "'csv', 'jsonl', 'google' or 'naver'"),
        (
            "<!DOCTYPE a [<!ENTITY b 'c'>]><rss>&b;</rss>",
            "application/xml",
            {"shop": "a", "market": "KR"},
            422,
            "DOCTYPE",
        ),
    ],
)
def test_a_feed_that_cannot_be_taken_says_what_to_do(gateway, feed, media_type, terms, status, says):
    with gateway.as_person("m", tenant="refused") as client:
        headers = {"Content-Type": media_type}
        refused = client.post("/v1/imports", content=feed.encode(), headers=headers, params=terms)
        assert refused.status_code == status
        assert says in refused.json()["detail"]


def test_a_form_without_a_feed_is_refused(gateway):
    key = gateway.key(scopes=BOTH)
    response = gateway.client(key).post("/v1/imports", files={"feed": ("feed.csv", b"x", "text/csv")})
    assert problem_of(response)[0] == 422
