"""`nungil import` of 400 photographs: pictures a second, as a share of the encoder's own rate on the same cores.

The peer is the encoder alone, in this process, on the same prepared pictures, in batches of the service's size.

    python -m bench.imports [--write]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.report import write_section
from bench.running import PHOTOS, running_system
from nungil.encoder.open import open_encoder
from nungil.pictures.decode import decode_upright

FLOOR = 0.6
BATCH = 16


def encoder_rate(files: list[Path]) -> float:
    """Pictures a second of `forward` alone."""
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        prepared = [encoder.prepare(decode_upright(file.read_bytes())) for file in files]
        encoder.forward(np.stack(prepared[:BATCH]))
        began = time.perf_counter()
        for start in range(0, len(prepared), BATCH):
            encoder.forward(np.stack(prepared[start : start + BATCH]))
        return len(prepared) / (time.perf_counter() - began)


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
    whole = import_rate(folder)
    alone_after = encoder_rate(files[128:256])  # the machine is shared: its speed before and after
    share = whole / ((alone + alone_after) / 2)
    table = (
        "| what | pictures a second |\n|---|---|\n"
        f"| the encoder alone, before and after | {alone:.1f}, {alone_after:.1f} |\n"
        f"| `nungil import` of 400 photographs | {whole:.1f} |\n"
        f"| share | {share:.2f} (at least {FLOOR}) |"
    )
    print(table)
    if options.write:
        write_section("imports", table)
    return int(share < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main())
