"""The page in a browser: pictures that are given to it, and what a shop sells there."""

from __future__ import annotations

import base64
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from gateway_builders import AGateway
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Page, expect

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
PURPLE, WHITE = (120, 60, 160), (250, 250, 250)  # like white there is nothing
KOREAN = {"red": "빨간 것", "blue": "파란 것"}
MOST_MS = 20_000
GIVE_BY_DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type: "image/png" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


def painted(*columns: tuple[int, int, int], width: int = 640, height: int = 480, taken_on: str = "") -> bytes:
    """Upright stripes of equal width, as PNG. taken_on: YYYY-MM-DD, the day that its metadata tell."""
    image = Image.new("RGB", (width, height))
    for n, colour in enumerate(columns):
        image.paste(colour, (n * width // len(columns), 0, (n + 1) * width // len(columns), height))
    out = io.BytesIO()
    exif = Image.Exif()
    if taken_on:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{taken_on.replace('-', ':')} 10:00:00"
    image.save(out, "PNG", exif=exif.tobytes())
    return out.getvalue()


def put_item(
    client: httpx.Client,
    name: str,
    *colours: tuple[int, int, int],
    category: str,
    market: str = "KR",
    more_offers: int = 0,
) -> str:
    """Gives the item and its picture, whose id it returns."""
    files = {"file": (f"{name}.png", painted(*colours, width=300, height=300))}
    media_id: str = client.post("/v1/media", files=files, data={"purpose": "catalogue"}).json()["media_id"]
    wait_until(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    money = {"KR": {"currency": "KRW", "price_minor": 12900}, "US": {"currency": "USD", "price_minor": 1290}}[market]
    offer = {"shop": f"{name} shop", "url": f"https://{name}.example/1", "market": market, "in_stock": market == "KR"}
    dearer = [
        {"shop": f"shop {n}", "url": f"https://{n}.example/", "market": market}
        | money
        | {"price_minor": 99000 - 1000 * n}
        for n in range(more_offers)
    ]
    title = {"en": f"{name} thing", "ko": KOREAN.get(name, "")}
    item = {"title": title, "media_ids": [media_id], "category": category, "offers": [*dearer, offer | money]}
    client.put(f"/v1/items/{name}", json=item).raise_for_status()
    return media_id


def wait_until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(300):
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come about in 30 s")


@contextmanager
def a_page(
    browser: Browser, gateway: AGateway, person: str, *, learns: bool = False, script: str = "", **context: object
) -> Iterator[Page]:
    """The page, opened with a key of `person` in its address. Nothing may fail in it, nor ask another host. script: run before it."""
    key = gateway.key(subject=person)
    with gateway.client(key) as client:
        client.put("/v1/me/consent", json={"image_interest": learns}).raise_for_status()
    opened = browser.new_context(**{"viewport": DESK, "locale": "en-US"} | context)
    faults: list[str] = []
    page = opened.new_page()
    page.set_default_timeout(MOST_MS)
    page.add_init_script(script)
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
