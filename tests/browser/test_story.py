"""A person's whole story with the page, from the first picture to the receipt."""

from __future__ import annotations

import json
import zipfile

import pytest
from page_builders import ALP, DOG, MOST_MS, PHONE, RED, a_page, drop, painted
from playwright.sync_api import Locator, Page, expect

from nungil import receipts

pytestmark = pytest.mark.browser


def go_to(page: Page, view: str) -> None:
    page.get_by_role("link", name=view, exact=True).click()


def interest(page: Page, name: str) -> Locator:
    return page.locator("#learnt .interest").filter(has=page.locator(f'h3:text-matches("{name}", "i")'))


def corrected(page: Page, name: str) -> Locator:
    """The interest, opened to be corrected."""
    shown = interest(page, name).first
    shown.locator("summary").click()
    return shown


def test_pictures_become_interests_that_are_read_corrected_and_erased(browser, gateway):
    with a_page(browser, gateway, "teller", learns=True) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        drop(page, painted(DOG, DOG, ALP), "walk.png")
        drop(page, painted(ALP), "peak.png")
        names_and_mutes_an_interest(page)
        removes_a_picture_and_sees_it_go(page)
        link = saves_a_hit_and_shares_the_board(page)
        who_has_the_link_sees_the_board(browser, link)
        takes_everything_away(page)
        receipt = erases_everything(page)
        assert receipt["missing"] == []
        assert receipts.verify(receipt) == receipt["public_key"]
        nothing_is_left(page)
        the_link_leads_nowhere(browser, link)


def names_and_mutes_an_interest(page: Page) -> None:
    go_to(page, "My interests")
    dog = corrected(page, "dogs")
    expect(dog.locator(".crop").first).to_be_visible()
    expect(dog.locator(".why")).to_contain_text("this part shows")
    dog.get_by_label("Rename").fill("Choco")
    dog.get_by_role("button", name="Rename").click()
    choco = interest(page, "Choco")
    expect(choco.locator("small")).to_contain_text("dogs")
    choco.get_by_role("button", name="Mute: Choco").click()
    expect(page.get_by_role("heading", name="Muted: not used for anything")).to_be_visible()
    expect(page.locator(".interest.muted")).to_contain_text("Choco")
    choco.get_by_role("button", name="Unmute: Choco").click()
    expect(page.locator(".interest.muted")).to_have_count(0)


def removes_a_picture_and_sees_it_go(page: Page) -> None:
    interest(page, "Choco").locator(".crop").first.click()  # the picture that says so
    expect(page.locator("#delete")).to_be_visible()
    page.locator("#delete").click()
    expect(page.locator(".thumb")).to_have_count(1)
    go_to(page, "My interests")
    expect(interest(page, "Choco").locator(".crop")).to_have_count(0, timeout=MOST_MS)
    expect(interest(page, "mountains").first.locator(".crop").first).to_be_visible()


def saves_a_hit_and_shares_the_board(page: Page) -> str:
    go_to(page, "Find")
    page.locator(".thumb").first.click()
    hit = page.locator(".card", has_text="garden thing")
    hit.locator(".save").click()
    page.locator("#saving-name").fill("Garden")
    page.get_by_role("button", name="Make and save").click()
    page.locator("#save-part").click()
    page.get_by_role("button", name="Garden", exact=True).click()
    go_to(page, "Boards")
    page.locator(".board-card").click()
    expect(page.locator("#pins .card")).to_have_count(2)
    page.get_by_role("button", name="More like this board").click()
    expect(page.locator("#board-hits .card").first).to_be_visible()
    expect(page.locator("#board-hits .card", has_text="garden thing")).to_have_count(0)  # it is on the board
    page.locator("#board-acts summary").click()
    page.get_by_role("button", name="Share by link").click()
    return page.get_by_label("Link to this board").input_value()


def who_has_the_link_sees_the_board(browser, link: str) -> None:
    """Without a key, and told nothing of whose it is."""
    opened = browser.new_context(locale="en-US")
    asked: list[str] = []
    page = opened.new_page()
    page.on("request", lambda request: asked.append(request.url) if "/v1/" in request.url else None)
    page.goto(link)
    expect(page.locator("#shared-title")).to_have_text("Garden")
    expect(page.locator("#shared-pins .card")).to_have_count(2)
    expect(page.locator("#shared-pins")).to_contain_text("garden thing")
    for image in page.locator("#shared-pins img").all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("(image) => image.naturalWidth") > 0
    assert all("/v1/boards/shared/" in url for url in asked)
    opened.close()


def the_link_leads_nowhere(browser, link: str) -> None:
    page = browser.new_page(locale="en-US")
    page.goto(link)
    expect(page.locator("#shared-title")).to_have_text("This link leads nowhere any more.")
    page.close()


def takes_everything_away(page: Page) -> None:
    go_to(page, "My interests")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download everything").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("peak.png") for name in archive.namelist())
        assert not any(name.endswith("walk.png") for name in archive.namelist())


def erases_everything(page: Page) -> dict[str, object]:
    everything = page.locator("#erase-all")
    expect(everything).to_be_disabled()
    page.locator("#erase-word").fill("erase")
    everything.click()
    expect(page.locator("#receipt-state")).to_have_text(
        "Every store has answered: everything is erased.", timeout=MOST_MS
    )
    expect(page.locator("#receipt tbody")).to_contain_text("ingest · objects")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the receipt").click()
    document: dict[str, object] = json.loads(download.value.path().read_text("utf-8"))
    return document


def nothing_is_left(page: Page) -> None:
    go_to(page, "My interests")
    expect(page.locator("#learnt")).to_contain_text("only if you allow it")
    expect(page.locator("#learnt .interest")).to_have_count(0)
    go_to(page, "Boards")
    expect(page.locator("#boards-none")).to_be_visible()
    go_to(page, "Find")
    expect(page.locator(".thumb")).to_have_count(0)
    expect(page.locator("#give")).to_be_visible()


def test_an_interest_is_looked_for_and_followed_and_learning_is_paused(browser, gateway):
    with a_page(browser, gateway, "follower", learns=True, locale="ko-KR") as page:
        go_to(page, "내 관심사")
        page.get_by_label("팔로우할 관심사 찾기").fill("캠핑")
        page.get_by_role("button", name="캠핑 팔로우", exact=True).click()
        expect(interest(page, "캠핑")).to_contain_text("직접 팔로우하셨습니다.")
        pause = page.get_by_role("switch", name="배우기 잠시 멈춤")
        pause.check()
        page.reload()
        expect(pause).to_be_checked()
        expect(interest(page, "캠핑")).to_be_visible()  # what is there stays


def test_the_story_of_dated_pictures_is_told_once_it_is_allowed(browser, gateway):
    with a_page(browser, gateway, "dated", learns=True) as page:
        go_to(page, "My interests")
        expect(page.locator("#story")).to_contain_text("Dates of my pictures")
        page.locator("#story").get_by_role("button", name="Allow").click()
        expect(page.locator("#story")).to_have_text("No picture with a date yet.")
        drop(page, painted(DOG, ALP, taken_on="2025-07-19"))
        go_to(page, "My interests")
        expect(page.locator("#story h3")).to_have_text("2025", timeout=MOST_MS)
        expect(page.locator("#story .season")).to_contain_text("Summer")
        expect(page.locator("#story .season p")).to_contain_text("dogs")
        expect(page.locator("#story .crop").first).to_be_visible()


def test_a_person_sees_the_groups_they_are_in_and_why_and_says_who_they_are(browser, gateway):
    definition = {
        "name": {"en": "Dog people", "ko": "반려견"},
        "who": {"interest": "dogs", "weight": 0.1, "leave_below": 0.05},
    }
    stated = {"name": {"en": "Linen summer", "ko": "린넨 여름"}, "who": {"stated": {"gender": "woman"}}}
    with gateway.client(gateway.key(subject=None)) as shop:
        for segment_id, who in (("dog-people", definition), ("linen", stated)):
            shop.put(f"/v1/segments/{segment_id}", json=who).raise_for_status()
            shop.post(f"/v1/segments/{segment_id}/publish").raise_for_status()
    with a_page(browser, gateway, "member", learns=True) as page:
        go_to(page, "My interests")
        expect(page.locator("#segments")).to_contain_text("You are in no group.")
        page.get_by_role("switch", name="Recommendations for me").check()
        drop(page, painted(DOG, ALP))
        go_to(page, "My interests")
        group = page.locator('[data-segment="dog-people"]')
        expect(group).to_contain_text("Dog people", timeout=MOST_MS)
        expect(group.locator(".crop")).to_have_count(1)
        page.locator("#about [name=hair]").select_option("curly")
        page.get_by_label("recommendations", exact=True).check()
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.locator("#toast")).to_have_text("Kept.")
        page.reload()
        expect(page.locator("#about [name=hair]")).to_have_value("curly")
        linen = page.locator('[data-segment="linen"]')
        page.locator("#about [name=gender]").select_option("woman")
        page.get_by_label("groups", exact=True).check()
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(linen).to_contain_text("You are in it as you say yourself that your gender is woman.")
        expect(linen).to_contain_text("take back your gender (or stop its use for groups)")
        page.get_by_label("groups", exact=True).uncheck()
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(linen).to_have_count(0)
        page.get_by_role("button", name="Remove all of this").click()
        expect(page.locator("#about [name=hair]")).to_have_value("")


def test_what_is_recommended_has_a_reason_and_what_is_hidden_goes(browser, gateway):
    with a_page(browser, gateway, "wanting", learns=True) as page:
        drop(page, painted(RED))
        go_to(page, "For you")
        expect(page.locator("#recommended .card")).to_have_count(0)  # it is asked for first
        page.locator("#for-you-allow").click()
        red = page.locator("#recommended .card", has_text="red thing")
        expect(red.locator(".because .why")).not_to_be_empty()
        with page.expect_response("**/v1/activity") as told:
            red.get_by_role("button", name="Hide: red thing").click()
        assert told.value.request.post_data_json["kind"] == "hidden"
        expect(red).to_have_count(0)
        expect(page.locator("#recommended .card")).not_to_have_count(0)


def test_boards_are_ordered_renamed_and_a_pin_is_moved_on_a_phone(browser, gateway):
    with a_page(browser, gateway, "arranger", viewport=PHONE, has_touch=True, is_mobile=True) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        drop(page, painted(RED))
        for board in ("One", "Two"):
            page.locator("#save-part").click()
            page.locator("#saving-name").fill(board)
            page.get_by_role("button", name="Make and save").click()
            expect(page.locator("#saving")).to_be_hidden()
        go_to(page, "Boards")
        expect(page.locator(".board-card strong")).to_have_text(["One", "Two"])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator(".board-card").nth(1).click()
        page.locator("#board-acts summary").click()
        page.get_by_label("Name of the board").fill("Second")
        page.get_by_role("button", name="Rename").click()
        expect(page.locator("#board-title")).to_have_text("Second")
        page.locator("#board-acts summary").click()
        page.get_by_role("button", name="Move forward").click()
        page.locator("#pins .card").get_by_label("Move to…").select_option(label="One")
        expect(page.locator("#board-none")).to_be_visible()
        for target in page.locator("button:visible").all():
            size = target.bounding_box()
            assert min(size["width"], size["height"]) >= 39, target.inner_text()
        page.locator("#board-acts summary").click()
        page.get_by_role("button", name="Delete the board").click()
        expect(page.locator(".board-card strong")).to_have_text(["One"])
