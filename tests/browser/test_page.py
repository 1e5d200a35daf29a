"""The page in a real browser, with every service real behind it: finding."""

from __future__ import annotations

import threading

import pytest
from page_builders import ALP, BLUE, DOG, PHONE, RED, WHITE, a_page, drop, painted, put_item, wait_until
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


def first_title(page: Page) -> Locator:
    return page.locator(".card h3").first


def titles(page: Page) -> Locator:
    return page.locator(".card h3")


def chip(page: Page, kind: str, name: str) -> Locator:
    """One that is not pressed: a button that narrows, and one that excludes."""
    return page.locator(f'.pair[data-kind="{kind}"][data-id="{name}"]')


def pressed(page: Page) -> Locator:
    return page.locator(".chip.on")


def grab(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags, and does not let go. In fractions of the picture."""
    box = page.locator(".picture").bounding_box()
    (x0, y0), (x1, y1) = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=12)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """In fractions of the picture."""
    grab(page, start, end)
    page.mouse.up()


def choose_box(page: Page, x: float, width: float) -> None:
    """As if the frame had been let go there."""
    page.evaluate(
        "([x, width]) => document.querySelector('nungil-stage').choose({ x, y: 0, width, height: 1 })", [x, width]
    )


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
        expect(page.locator("#hits")).not_to_have_attribute("aria-busy", "true")
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
        expect(page.locator("#give h1")).to_have_text("무엇에 눈길이 갔나요?")
        drop(page, painted(RED))
        expect(first_title(page)).to_have_text("빨간 것")
        page.locator("#language").click()
        expect(first_title(page)).to_have_text("red thing")
        expect(page.locator("#whole")).to_have_text("Whole picture")
        assert page.locator("html").get_attribute("lang") == "en"
        page.reload()
        expect(page.locator("#whole")).to_have_text("Whole picture")  # the choice and the picture are remembered
        expect(first_title(page)).to_have_text("red thing")


def test_hits_follow_the_frame_before_it_is_let_go(browser, gateway):
    with a_page(browser, gateway, "finger") as page:
        sent: list[str] = []
        searches: list[str] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
        drop(page, painted(RED, BLUE))
        choose_box(page, 0, 0.4)
        expect(first_title(page)).to_have_text("red thing")
        page.locator("#hits:not([aria-busy])").wait_for()
        wait_until(lambda: page.evaluate("performance.now()") and any('"open"' in frame for frame in sent))
        page.locator(".card", has_text="blue thing").evaluate("(card) => (card.kept = true)")
        page.on("request", lambda request: searches.append(request.url) if "/v1/search" in request.url else None)
        grab(page, (0.2, 0.5), (0.8, 0.5))
        expect(first_title(page)).to_have_text("blue thing")
        assert any('"frame"' in frame for frame in sent)
        assert searches == []  # all of it came over the lens
        kept = page.locator(".card", has_text="blue thing").evaluate("(card) => card.kept")
        assert kept  # the same element: nothing was drawn anew
        with page.expect_response("**/v1/search") as answer:
            page.mouse.up()
        assert answer.value.request.post_data_json["record"] is True
        expect(first_title(page)).to_have_text("blue thing")


def test_where_websockets_do_not_work_the_page_says_so_and_searches_when_the_frame_rests(browser, gateway):
    broken = "window.WebSocket = class { constructor() { throw new Error('no'); } }"
    with a_page(browser, gateway, "proxy", script=broken) as page:
        drop(page, painted(RED, BLUE))
        expect(page.locator("#not-live")).to_contain_text("when the frame rests")
        choose_box(page, 0, 0.4)
        grab(page, (0.2, 0.5), (0.8, 0.5))
        expect(first_title(page)).to_have_text("blue thing")  # it rests, though it is held
        page.mouse.up()


def test_chips_narrow_exclude_and_are_taken_off(browser, gateway):
    with a_page(browser, gateway, "chips") as page:
        drop(page, painted(RED, BLUE))
        expect(titles(page)).to_have_count(4)
        toys = chip(page, "category", "toys")
        expect(toys.locator(".count")).to_have_text("2")
        toys.locator(".chip").first.click()
        expect(titles(page)).to_have_count(2)
        expect(titles(page).filter(has_text="garden thing")).to_have_count(0)
        expect(pressed(page)).to_have_text("toys×")
        pressed(page).click()
        expect(titles(page)).to_have_count(4)
        toys.get_by_label("Not this: toys").click()
        expect(pressed(page)).to_have_class("chip on not")
        expect(titles(page)).to_have_count(2)
        expect(titles(page).filter(has_text="red thing")).to_have_count(0)
        grab(page, (0.5, 0.5), (0.6, 0.5))  # it holds while the frame moves
        expect(titles(page)).to_have_count(2)
        page.mouse.up()


def test_words_in_korean_become_chips_that_can_be_taken_off(browser, gateway):
    with a_page(browser, gateway, "words", locale="ko-KR") as page:
        drop(page, painted(RED, BLUE))
        page.locator("#text").fill("빨간색 3만원 이하")
        page.keyboard.press("Enter")
        expect(pressed(page)).to_have_text(["빨간색×", "≤ ₩30,000×"])
        expect(titles(page)).to_have_text(["빨간 것"])
        pressed(page).first.click()  # the price that was said stays
        expect(pressed(page)).to_have_text(["≤ ₩30,000×"])
        expect(titles(page)).to_have_count(3)
        expect(page.locator("#text")).to_have_value("")


def test_words_find_without_a_picture(browser, gateway):
    with a_page(browser, gateway, "speaker") as page:
        page.locator("#text").fill("red thing")
        page.get_by_role("button", name="Find").click()
        expect(titles(page)).to_have_text(["red thing"])
        expect(page.locator("#say")).to_have_text("What these words find:")


def test_results_are_sorted_by_price_and_kept_within_a_range(browser, gateway):
    with a_page(browser, gateway, "thrifty") as page:
        drop(page, painted(DOG, ALP))
        page.locator("#market").select_option("KR")
        garden = page.locator(".card", has_text="garden thing")
        expect(garden.locator(".price").first).to_have_text("₩12,900")  # the cheapest of three
        garden.locator("summary").click()
        expect(garden.locator(".price")).to_have_text(["₩12,900", "₩98,000", "₩99,000"])
        expect(garden.locator("time").first).to_contain_text("checked")
        page.locator("#sort").select_option("price")
        expect(titles(page)).to_have_count(3)
        page.locator("#range summary").click()
        page.locator("#least").fill("50000")
        page.locator("#range-form button").click()
        expect(pressed(page)).to_have_text("≥ ₩50,000×")
        expect(titles(page)).to_have_text(["garden thing"])


def test_the_part_of_a_hit_that_matched_is_shown(browser, gateway):
    with a_page(browser, gateway, "part") as page:
        drop(page, painted(ALP, RED))
        choose_box(page, 0, 0.4)
        garden = page.locator(".card", has_text="garden thing")
        expect(first_title(page)).to_have_text("garden thing")
        garden.locator(".look").hover()
        expect(garden.locator(".part")).to_have_css("opacity", "1")
        look, part = garden.locator(".look").bounding_box(), garden.locator(".part").bounding_box()
        assert part["x"] > look["x"] + 0.3 * look["width"]  # the right half is green


def test_everything_in_a_picture_is_looked_for_at_once(browser, gateway):
    with a_page(browser, gateway, "scene") as page:
        drop(page, painted(DOG, ALP))
        page.locator("#scene").click()
        parts = page.locator(".scene-part")
        expect(parts.first.locator(".card").first).to_be_visible()
        assert parts.count() == page.locator(".dot").count()
        parts.first.locator(".of-part").click()
        expect(parts).to_have_count(0)
        expect(first_title(page)).to_have_text("garden thing")


def test_what_cannot_be_bought_is_waited_for_and_told(browser, gateway):
    with a_page(browser, gateway, "waiting") as page, gateway.as_person("keeper") as shop:
        page.locator("#market").select_option("KR")
        drop(page, painted(WHITE))
        expect(page.locator("#say")).to_contain_text("Nothing like this here")
        expect(page.locator(".card:not(.similar)")).to_have_count(0)
        page.get_by_role("button", name="Tell me when this can be bought in South Korea").click()
        expect(page.locator(".wait")).to_contain_text("nothing yet")
        put_item(shop, "white", WHITE, category="toys")
        expect(page.locator("#toast")).to_have_text("Something you wait for can be bought now.")
        expect(page.locator(".wait")).to_contain_text("1 found")
        page.get_by_role("button", name="Stop waiting").click()
        expect(page.locator("#watches-shown")).to_be_hidden()
        shop.delete("/v1/items/white").raise_for_status()


def test_a_picture_shows_interests_with_the_part_that_says_so(browser, gateway):
    with a_page(browser, gateway, "dog", learns=True) as page:
        drop(page, painted(DOG, ALP))
        page.get_by_role("link", name="My interests").click()
        interests = page.locator("#learnt .interest")
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
        page.get_by_role("link", name="My interests").click()
        page.locator("nungil-interests button").click()
        expect(page.locator("nungil-interests")).to_contain_text("Nothing yet")


def test_a_hit_is_saved_to_a_board_and_taken_off_again(browser, gateway):
    with a_page(browser, gateway, "saver") as page:
        drop(page, painted(RED))
        heart = page.locator(".card", has_text="red thing").locator(".save")
        heart.click()
        page.locator("#saving-name").fill("Red things")
        page.keyboard.press("Enter")
        expect(heart).to_have_attribute("aria-pressed", "true")
        heart.click()
        expect(heart).to_have_attribute("aria-pressed", "false")
        page.get_by_role("link", name="Boards").click()
        expect(page.locator(".board-card")).to_have_text("Red things0 saved")


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


@pytest.mark.parametrize(("locale", "told"), [("en-US", "JPEG, PNG, WebP"), ("ko-KR", "받지 않는 형식입니다")])
def test_what_is_no_picture_is_told_so(browser, gateway, locale, told):
    key = gateway.key(subject="wrong")
    page = browser.new_page(locale=locale)
    page.goto(f"{gateway.url}/?key={key}")
    page.set_input_files("#file", {"name": "words.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#toast")).to_contain_text(told)
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
