"""Takes the pictures of the page that the READMEs show, from drawn products alone: `python docs/images/take.py`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from bench.running import running_system  # noqa: E402
from nungil.demo.catalogue import write_catalogue  # noqa: E402
from nungil.demo.products import KINDS, picture_of  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
LAMP = {"x": 0.54, "y": 0.03, "width": 0.42, "height": 0.46}
SHOWN = (("cup", "red"), ("lamp", "yellow"), ("vase", "green"), ("cushion", "blue"))


def a_scene(path: Path) -> None:
    """Four products in one picture, two by two."""
    kinds = {kind.id: kind for kind in KINDS}
    tiles = [picture_of(kinds[kind], colour).resize((480, 400)) for kind, colour in SHOWN]
    scene = Image.new("RGB", (960, 800))
    for n, tile in enumerate(tiles):
        scene.paste(tile, (n % 2 * 480, n // 2 * 400))
    scene.save(path, quality=92)


def main() -> None:
    """Writes page.png and interests.png, and both as .ko.png."""
    with tempfile.TemporaryDirectory() as folder, running_system() as system, sync_playwright() as playwright:
        feed, _ = write_catalogue(Path(folder), lambda *_: None)
        subprocess.run(
            [sys.executable, "-m", "nungil.cli.main", "import", "--items", str(feed), "--data", str(system.data)],
            check=True,
        )
        scene = Path(folder) / "scene.jpg"
        a_scene(scene)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for ending, locale in (("", "en-US"), (".ko", "ko-KR")):
            page = browser.new_context(locale=locale, viewport={"width": 1200, "height": 760}).new_page()
            page.goto(f"{system.url}/?key={system.key}")
            page.set_input_files("input[type=file]", str(scene))
            page.locator(".card").first.wait_for()
            page.evaluate("(box) => document.querySelector('nungil-stage').choose(box)", LAMP)
            page.locator("#hits:not([aria-busy])").wait_for()
            page.locator("#hits .look").first.hover()
            page.wait_for_timeout(2_000)  # pictures are drawn
            page.screenshot(path=str(HERE / f"page{ending}.png"))
            page.goto(f"{system.url}/#interests")
            page.locator("#learnt .interest").first.wait_for()
            page.wait_for_timeout(2_000)
            page.screenshot(path=str(HERE / f"interests{ending}.png"))
        browser.close()


if __name__ == "__main__":
    main()
