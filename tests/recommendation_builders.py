"""A shop of paintings, and what it recommends, through a gateway with every service behind it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
from PIL import Image

Colour = tuple[int, int, int]


def painted(*parts: Colour, seed: int = 0) -> bytes:
    """Things side by side, with specks: no two paintings are the same bytes, nor look quite the same."""
    pixels = np.zeros((160, 240, 3), dtype=np.uint8)
    for n, colour in enumerate(parts):
        pixels[:, n * 240 // len(parts) : (n + 1) * 240 // len(parts)] = colour
    rng = np.random.default_rng(seed)
    row, column = rng.integers(0, 100), rng.integers(0, 160)
    pixels[row : row + 60, column : column + 80] = rng.integers(0, 255, 3)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def eventually(condition: Callable[[], Any]) -> Any:
    """What it gives as soon as that is something."""
    pause = threading.Event()
    for _ in range(400):
        if found := condition():
            return found
        pause.wait(0.05)
    raise AssertionError("it never came true")


def give(client: httpx.Client, data: bytes, **fields: str) -> str:
    """The id, once it can be found."""
    given = client.post("/v1/media", files={"file": ("painting.png", data)}, data=fields)
    assert given.status_code in (200, 202), given.text
    media_id = given.json()["media_id"]
    eventually(lambda: client.get(f"/v1/media/{media_id}").json()["state"] == "searchable")
    return str(media_id)


def put_item(
    client: httpx.Client,
    item_id: str,
    media_id: str,
    kind: str = "product",
    *,
    title: dict[str, str] | None = None,
    **offer: object,
) -> None:
    """For sale in Korea. title: by language; else its id in both."""
    plain = {"shop": "nun", "url": "https://n.example/1", "market": "KR", "currency": "KRW", "price_minor": 20000}
    item = {
        "title": title or {"ko": f"물건 {item_id}", "en": f"thing {item_id}"},
        "media_ids": [media_id],
        "kind": kind,
    }
    response = client.put(f"/v1/items/{item_id}", json=item | {"offers": [plain | {"in_stock": True} | offer]})
    assert response.status_code == 200, response.text


def consent(client: httpx.Client, **given: bool) -> None:
    """By purpose."""
    assert client.put("/v1/me/consent", json=given).status_code == 200


def recommended(client: httpx.Client, **asked: object) -> dict[str, Any]:
    """A page."""
    response = client.get("/v1/me/recommendations", params=asked)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def ids(answer: dict[str, Any]) -> list[str]:
    """Of the items of a page."""
    return [one["item"]["id"] for one in answer["recommendations"]]
