"""One browser, and one system with a small shop, for each file of tests: a browser leaves its event loop to whoever comes next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gateway_builders import AGateway, a_gateway
from page_builders import ALP, ARGUMENTS, BLUE, CHROMIUM, DOG, PURPLE, RED, put_item, wait_until
from playwright.sync_api import Browser, sync_playwright


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
            put_item(client, "red", RED, category="toys")
            put_item(client, "blue", BLUE, category="toys", market="US")
            put_item(client, "garden", DOG, ALP, category="garden", more_offers=2)
            media_id = put_item(client, "purple", PURPLE, category="garden")
            query = {"media_id": media_id, "filters": {"items_only": True}}
            wait_until(lambda: len(client.post("/v1/search", json=query).json()["hits"]) == 3)  # search knows all
        yield gateway
