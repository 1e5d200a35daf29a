"""What it costs that strangers' pictures are decoded in a process of their own, against decoding them in the service's.

The same pictures, in turn, one at a time: `clean`, what ingest does with an upload (decode, encode the original and the
rendition), and `upright`, what embed does with a rendition of 1600 pixels (decode; its pixels travel back). Medians of one
call. The start of a decoder process is paid once; it is given apart.

    python -m bench.decoder [--write] [--rounds N]
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from bench.report import command, machine, write_section
from nungil.pictures.cleaning import Wanted, clean
from nungil.pictures.decode import decode_upright
from nungil.pictures.decoders import open_decoders

MEGAPIXELS = (2, 6, 12)
DEAREST = 1.15  # what is claimed: no upload takes this many times as long

Row = tuple[str, float, float]


def main() -> int:
    """Prints the table; 1 where the claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    with open_decoders(1) as decoders:
        began_s = time.perf_counter()
        decoders.upright(a_photograph(0.1))
        start_ms = (time.perf_counter() - began_s) * 1000
        rows: list[Row] = []
        for megapixels in MEGAPIXELS:
            data = a_photograph(megapixels)
            here, there = compare(lambda: clean(data, Wanted()), lambda: decoders.clean(data, Wanted()), options.rounds)  # noqa: B023
            rows.append((f"ingest cleans a JPEG of {megapixels} megapixels", here, there))
        rendition = clean(a_photograph(2), Wanted()).rendition
        here, there = compare(lambda: decode_upright(rendition), lambda: decoders.upright(rendition), options.rounds)
        rows.append(("embed decodes a rendition", here, there))
    dearest = max(there / here for _, here, there in rows[: len(MEGAPIXELS)])
    text = "\n".join(
        [
            "## Decoding in a process of its own",
            "",
            "| one picture | in the service's process | in a decoder process | ratio |",
            "|---|---|---|---|",
            *(f"| {what} | {here:.1f} ms | {there:.1f} ms | {there / here:.2f} |" for what, here, there in rows),
            "",
            f"Medians of {options.rounds}. The first picture of a new decoder process waited {start_ms:,.0f} ms for its start.",
        ]
    )
    print(f"{text}\n\n{machine()}; {command()}")
    if options.write:
        write_section("decoder", text)
    return int(dearest > DEAREST)


def compare(peer: Callable[[], object], ours: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median milliseconds of each, called in turn, so that both meet the same machine."""
    took: tuple[list[float], list[float]] = ([], [])
    for n in range(2 * rounds):
        began_s = time.perf_counter()
        (peer, ours)[n % 2]()
        took[n % 2].append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took[0]), statistics.median(took[1])


def a_photograph(megapixels: float) -> bytes:
    """A JPEG, 3 : 2, of a real photograph enlarged, with the noise that a camera adds."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    with Image.open(Path(skimage.__file__).parent / "data" / "coffee.png") as image:
        pixels = np.asarray(image.convert("RGB").resize((round(1.5 * height), height), Image.Resampling.LANCZOS))
    noise = np.random.default_rng(0).integers(-3, 4, pixels.shape, dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
