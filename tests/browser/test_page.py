"""The page in a real browser, with every service real behind it."""

from __future__ import annotations

import base64
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from gateway_builders import AGateway, a_gateway
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

pytestmark = pytest.mark.browser

CHROMIUM = Path(os.environ.get("NUNGIL_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 780}
RED, BLUE, DOG, ALP = (210, 40, 40), (50, 110, 200), (205, 133, 63), (60, 140, 70)
MOST_MS = 20_000
GIVE_BY_DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "image/png" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


def painted(*columns: tuple[int, int, int], width: int = 640, height: int = 480) -> bytes:
    """Upright stripes of equal width, as PNG."""
    image = Image.new("RGB", (width, height))
    for n, colour in enumerate(columns):
        image.paste(colour, (n * width // len(columns), 0, (n + 1) * width // len(columns), height))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}: install it, or name it with NUNGIL_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def gateway(browser) -> Iterator[AGateway]:
    with a_gateway("ingest", "embed", "search", "profile") as gateway:
        with gateway.as_person("keeper") as client:
            for name, colour, market in (("red", RED, "KR"), ("blue", BLUE, "US")):
                put_item(client, name, colour, market)
        yield gateway


def put_item(client: httpx.Client, name: str, colour: tuple[int, int, int], market: str) -> None:
    files = {"file": (f"{name}.png", painted(colour, width=300, height=300))}
    media_id = client.post("/v1/media", files=files, data={"purpose": "catalogue"}).json()["media_id"]
    wait_until(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    money = {"KR": {"currency": "KRW", "price_minor": 12900}, "US": {"currency": "USD", "price_minor": 1290}}[market]
    offer = {"shop": f"{name} shop", "url": f"https://{name}.example/1", "market": market, "in_stock": market == "KR"}
    title = {"en": f"{name} thing", "ko": {"red": "빨간 것", "blue": "파란 것"}[name]}
    item = {"title": title, "media_ids": [media_id], "offers": [offer | money]}
    client.put(f"/v1/items/{name}", json=item).raise_for_status()
    query = {"media_id": media_id, "filters": {"items_only": True}}
    if name == "red":
        return
    wait_until(lambda: client.post("/v1/search", json=query).json()["hits"])  # the other's: search knows both


def wait_until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(300):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come about in 30 s")


@contextmanager
def a_page(
    browser: Browser, gateway: AGateway, person: str, *, learns: bool = False, **context: object
) -> Iterator[Page]:
    """The page, opened with a key of `person` in its address. Nothing may fail in it, nor ask another host."""
    key = gateway.key(subject=person)
    with gateway.client(key) as client:
        client.put("/v1/me/consent", json={"image_interest": learns}).raise_for_status()
    opened = browser.new_context(**{"viewport": DESK, "locale": "en-US"} | context)
    faults: list[str] = []
    page = opened.new_page()
    page.set_default_timeout(MOST_MS)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda r: None if r.url.startswith((gateway.url, "blob:")) else faults.append(r.url))
    page.goto(f"{gateway.url}/?key={key}")
    try:
        yield page
        assert faults == []
    finally:
        opened.close()


def drop(page: Page, data: bytes, name: str = "painting.png") -> None:
    page.evaluate(GIVE_BY_DROP, [name, base64.b64encode(data).decode()])
    expect(page.locator(".card").first).to_be_visible(timeout=MOST_MS)


def first_title(page: Page) -> Locator:
    return page.locator(".card h3").first


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """In fractions of the picture."""
    box = page.locator(".picture").bounding_box()
    (x0, y0), (x1, y1) = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=4)
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()


def frame_of(page: Page) -> dict[str, float]:
    box: dict[str, float] = page.evaluate("document.querySelector('nungil-stage').box")
    return box


def test_the_frame_says_what_is_looked_for(browser, gateway):
    with a_page(browser, gateway, "desk") as page:
        drop(page, painted(RED, BLUE))
        drag(page, (0.02, 0.02), (0.4, 0.9))  # beside the frame that is there: draws a new one, or moves it there
        page.locator("#whole").click()
        drag(page, (0.99, 0.99), (0.45, 0.95))  # the corner
        assert frame_of(page)["width"] == pytest.approx(0.45, abs=0.03)
        expect(first_title(page)).to_have_text("red thing")
        drag(page, (0.2, 0.5), (0.75, 0.5))
        assert frame_of(page)["x"] == pytest.approx(0.55, abs=0.03)
        expect(first_title(page)).to_have_text("blue thing")
        expect(page.locator("#say")).to_have_text("Looks like it, best first:")


def test_the_frame_is_moved_and_resized_by_keys(browser, gateway):
    with a_page(browser, gateway, "keys") as page:
        drop(page, painted(RED, BLUE))
        frame = page.locator(".frame")
        frame.focus()
        page.keyboard.press("Escape")
        assert frame_of(page) == {"x": 0, "y": 0, "width": 1, "height": 1}
        for _ in range(30):
            page.keyboard.press("Shift+ArrowLeft")
        assert frame_of(page)["width"] == pytest.approx(0.4)
        expect(first_title(page)).to_have_text("red thing")
        for _ in range(40):
            page.keyboard.press("ArrowRight")
        assert frame_of(page)["x"] == pytest.approx(0.6)  # it stays within the picture
        expect(first_title(page)).to_have_text("blue thing")


def test_only_the_newest_search_is_shown(browser, gateway):
    """The first answer comes late: it was given up when the second search began."""
    with a_page(browser, gateway, "newest") as page:
        drop(page, painted(RED, BLUE))
        slow = threading.Event()

        def hold_the_first(route):
            if not slow.is_set():
                slow.set()
                return  # never answered
            route.continue_()

        page.route("**/v1/search", hold_the_first)
        page.locator(".frame").focus()
        page.keyboard.press("Escape")
        for _ in range(30):
            page.keyboard.press("Shift+ArrowLeft")
        expect(page.locator("nungil-hits")).not_to_have_attribute("aria-busy", "true")
        expect(first_title(page)).to_have_text("red thing")


def test_offers_are_shown_and_filtered_by_market_and_stock(browser, gateway):
    with a_page(browser, gateway, "market") as page:
        drop(page, painted(BLUE))
        blue = page.locator(".card", has_text="blue thing")
        expect(blue.locator(".price")).to_have_text("$12.90")
        expect(blue).to_contain_text("out of stock")
        link = blue.locator("a")
        assert (link.get_attribute("href"), link.get_attribute("rel")) == (
            "https://blue.example/1",
            "noopener noreferrer nofollow",
        )
        page.locator("#market").select_option("KR")
        expect(blue).to_have_count(0)
        expect(page.locator(".card", has_text="red thing").locator(".price")).to_have_text("₩12,900")
        page.locator("#market").select_option("US")
        expect(blue).to_have_count(1)
        page.locator("#in-stock").check()
        expect(blue).to_have_count(0)


def test_the_page_speaks_korean_to_who_reads_it_and_can_be_switched(browser, gateway):
    with a_page(browser, gateway, "korean", locale="ko-KR") as page:
        expect(page.locator("h1")).to_have_text("무엇에 눈길이 갔나요?")
        drop(page, painted(RED))
        expect(first_title(page)).to_have_text("빨간 것")
        page.locator("#language").click()
        expect(first_title(page)).to_have_text("red thing")
        expect(page.locator("#whole")).to_have_text("Whole picture")
        assert page.locator("html").get_attribute("lang") == "en"
        page.reload()
        expect(page.locator("#whole")).to_have_text("Whole picture")  # the choice and the picture are remembered
        expect(first_title(page)).to_have_text("red thing")


def test_a_picture_shows_interests_with_the_part_that_says_so(browser, gateway):
    with a_page(browser, gateway, "dog", learns=True) as page:
        drop(page, painted(DOG, ALP))
        interests = page.locator(".interest")
        expect(interests.nth(1)).to_be_visible()
        names = " ".join(interests.locator("h3").all_inner_texts())
        assert "dog" in names or "pets" in names
        assert "mountain" in names or "outdoors" in names
        expect(interests.first.locator(".why")).to_contain_text("this part shows")
        crop = interests.first.locator(".crop").first
        crop.scroll_into_view_if_needed()
        page.wait_for_function("(i) => i.complete && i.naturalWidth > 0", arg=crop.locator("img").element_handle())
        shown = crop.bounding_box()
        image = crop.locator("img").bounding_box()
        assert image["width"] > 1.5 * shown["width"]  # half of the picture is cut off


def test_who_has_not_consented_is_asked_and_can_allow(browser, gateway):
    with a_page(browser, gateway, "shy") as page:
        page.locator("nungil-interests button").click()
        expect(page.locator("nungil-interests")).to_contain_text("Nothing yet")


def test_a_save_is_kept(browser, gateway):
    with a_page(browser, gateway, "saver", learns=True) as page:
        drop(page, painted(RED))
        with page.expect_response(re.compile("/v1/activity$")) as response:
            page.locator(".card", has_text="red thing").locator(".save").click()
        assert response.value.status == 202
        assert response.value.request.post_data_json["kind"] == "saved"
        expect(page.locator(".card", has_text="red thing").locator(".save")).to_have_attribute("aria-pressed", "true")


def test_a_picture_only_searched_with_is_not_among_ones_pictures(browser, gateway):
    with a_page(browser, gateway, "transient") as page:
        page.locator("#search-only").check()
        drop(page, painted(RED, BLUE, RED))
        expect(page.locator("#delete")).to_be_hidden()
        page.locator("#another").click()
        page.locator("#search-only").uncheck()
        drop(page, painted(BLUE, RED, BLUE))
        expect(page.locator(".thumb")).to_have_count(1)
        page.on("dialog", lambda dialog: dialog.accept())
        page.locator("#delete").click()
        expect(page.locator(".thumb")).to_have_count(0)
        expect(page.locator("#give")).to_be_visible()


def test_what_is_no_picture_is_told_so(browser, gateway):
    key = gateway.key(subject="wrong")
    page = browser.new_page(locale="en-US")
    page.goto(f"{gateway.url}/?key={key}")
    page.set_input_files("#file", {"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#toast")).to_be_visible()
    expect(page.locator("#give")).to_be_visible()
    page.close()


def test_without_a_key_the_page_says_how_to_come_by_one(browser, gateway):
    page = browser.new_page(locale="en-US")
    page.goto(gateway.url)
    expect(page.locator("#say")).to_contain_text("nungil up")
    page.close()


def test_on_a_phone_the_picture_stays_while_the_results_pass(browser, gateway):
    with a_page(browser, gateway, "phone", viewport=PHONE, has_touch=True, is_mobile=True) as page:
        drop(page, painted(RED, BLUE, height=900))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.locator(".picture").bounding_box()
        page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"])
        expect(first_title(page)).to_have_text("blue thing")
        for target in page.locator("button:visible").all():
            size = target.bounding_box()
            assert min(size["width"], size["height"]) >= 39, target.inner_text()
        page.evaluate("scrollTo(0, 400)")
        expect(page.locator(".picture")).to_be_in_viewport(ratio=0.9)
