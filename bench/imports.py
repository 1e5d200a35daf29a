"""`nungil import` of 400 photographs: pictures a second, as a share of the encoder's own rate on the same cores.

The peer is the encoder alone, in this process, on the same prepared pictures, in batches of the service's size. Beside it, as the
limit of any system of these parts: all the work on a picture in this process (cleaned, decoded, encoded, its regions found), with
no service, log, database or index.

    python -m bench.imports [--write]
"""

from __future__ import annotations

# First of all: before numpy is loaded, importing a service says how many threads OpenBLAS takes, here as there.
from services.embed.core import Picture, Prepared, finish, prepare  # isort: skip

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from bench.report import write_section
from bench.running import PHOTOS, running_system
from nungil.encoder.open import open_encoder
from nungil.encoder.port import Encoded
from nungil.encoder.stretch import enough_px
from nungil.pictures.cleaning import Wanted, clean
from nungil.pictures.decode import decode_at_least, decode_upright
from nungil.pictures.features import encode_features
from nungil.taxonomy.taxonomy import load_taxonomy

FLOOR = 0.6
BATCH = 16
NOBODYS = Picture("bench", "m-1", "nobody")


def encoder_rate(files: list[Path]) -> float:
    """Pictures a second of `forward` alone."""
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        prepared = [encoder.prepare(decode_upright(file.read_bytes())) for file in files]
        encoder.forward(np.stack(prepared[:BATCH]))
        began = time.perf_counter()
        for start in range(0, len(prepared), BATCH):
            encoder.forward(np.stack(prepared[start : start + BATCH]))
        return len(prepared) / (time.perf_counter() - began)


def work_rate(files: list[Path]) -> float:
    """Pictures a second from bytes to features, with a thread a core around the encoder."""
    terms = load_taxonomy().colours

    def before(file: Path) -> Prepared:
        rendition = clean(file.read_bytes(), Wanted(file.name)).rendition
        return prepare(*decode_at_least(rendition, enough_px(encoder.space.input_px)), encoder, terms)

    def after(prepared: Prepared, encoded: Encoded, n: int) -> bytes:
        maps, space = (encoded.maps[n], encoded.label_maps[n]), encoder.space.name
        return encode_features(finish(NOBODYS, prepared, *maps, space=space, labels=encoder.labels))

    with open_encoder("efficientnet-lite0://", device="cpu") as encoder, ThreadPoolExecutor(os.cpu_count()) as threads:
        encoder.forward(np.stack([before(file).pixels for file in files[:BATCH]]))
        began = time.perf_counter()
        ready, finished = [threads.submit(before, file) for file in files], []
        for start in range(0, len(files), BATCH):
            batch = [each.result() for each in ready[start : start + BATCH]]
            encoded = encoder.forward(np.stack([prepared.pixels for prepared in batch]))
            finished += [threads.submit(after, prepared, encoded, n) for n, prepared in enumerate(batch)]
        wait(finished)
        rate = len(files) / (time.perf_counter() - began)
        if not all(each.result() for each in finished):
            raise RuntimeError("a picture gave no features")
        return rate


def import_rate(folder: Path) -> float:
    """Pictures a second from the command's start to all of them searchable."""
    with running_system() as system:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "nungil.cli.main", "import", str(folder), "--data", str(system.data), "--json"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        answer = json.loads(done.stdout)
        if answer["searchable"] != 400:
            raise RuntimeError(f"400 photographs given, {answer['searchable']} searchable: {answer['rejected'][:3]}")
        return 400 / seconds


def main() -> int:
    """Prints the rates and their ratio; 1 where it is under the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    folder = PHOTOS / "clothing"
    files = sorted(folder.glob("*/*.*"))
    alone = encoder_rate(files[:128])
    work = work_rate(files[:256])
    whole = import_rate(folder)
    alone_after = encoder_rate(files[128:256])  # the machine is shared: its speed before and after
    share = whole / ((alone + alone_after) / 2)
    table = (
        "| what | pictures a second |\n|---|---|\n"
        f"| the encoder alone, before and after | {alone:.1f}, {alone_after:.1f} |\n"
        f"| `nungil import` of 400 photographs | {whole:.1f} |\n"
        f"| all the work on a picture in one process, with no services | {work:.1f} |\n"
        f"| share of the encoder alone | {share:.2f} (at least {FLOOR}) |\n"
        f"| share of all the work | {whole / work:.2f} |"
    )
    print(table)
    if options.write:
        write_section("imports", table)
    return int(share < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main())
