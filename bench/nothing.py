"""How often "this is the same" is wrong: what the catalogue does not hold, against what it does, at every cut.

Figures from the halves that nothing was fitted on (bench/halves.py); the judge is the shipped one. Searches for what the catalogue
holds, the same with all of their kind left out (near), and searches in foreign catalogues (far). A search is accepted where its
first hit is judged the same. Beside the judge, the same with the cosine alone.

    python -m bench.nothing [--write]
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from bench.calibrate import searches
from bench.labelled import encoded
from bench.report import write_section
from nungil.encoder.calibration import calibration_of
from nungil.encoder.open import EFFICIENTNET_LITE0, open_encoder
from services.search.judging import among_logits, judge_from

ACCEPTED = (0.95, 0.9, 0.85, 0.8, 0.7, 0.5)  # of the searches for what the catalogue holds
FAR_AT_MOST = 0.01  # groceries asked of clothing, at 85 % accepted


def main() -> int:
    """Prints the tables; 1 where groceries are found among clothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    calibration = calibration_of(EFFICIENTNET_LITE0.name)
    judge = judge_from(calibration["judging"], None)
    assert judge.among is not None
    with open_encoder("efficientnet-lite0://", device="cpu") as encoder:
        inside, outside, far = searches(encoded(encoder), calibration["regions"], "held out")

    def judged(searched: NDArray[np.float32]) -> NDArray[np.float32]:
        assert judge.among is not None
        return among_logits(searched, judge.among)

    foreign = {name: [key for key in far if key.endswith(f"in {name}")] for name in inside}
    lines = [
        "## Nothing matches",
        "",
        "At the shipped cut, which accepts 85 % of the fitted half's searches for what the catalogue holds:",
        "",
        "| searches | of them | accepted |",
        "|---|---|---|",
    ]
    for what, group in ((" held", inside), (", its kind left out", outside), ("", far)):
        lines += [f"| {name}{what} | {len(x)} | {_share(judged(x) >= judge.among.cut)} |" for name, x in group.items()]
    lines += [
        "",
        "The curve: falsely accepted at each share of right searches accepted, by the judge (by the cosine alone).",
    ]
    lines += [
        "",
        f"| right accepted | {' | '.join(f'{share:.0%}' for share in ACCEPTED)} |",
        "|---" * (len(ACCEPTED) + 1) + "|",
    ]
    for name, right in inside.items():
        groups = {f"{name}, kind left out": outside[name]} | {key: far[key] for key in foreign[name]}
        for key, wrong in groups.items():
            cells = [
                f"{_false(judged(right), judged(wrong), s)} ({_false(right[:, 0], wrong[:, 0], s)})" for s in ACCEPTED
            ]
            lines.append(f"| {key} | {' | '.join(cells)} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        write_section("nothing", text)
    cut = np.quantile(judged(inside["clothing"]), 1 - 0.85)
    return int(float(np.mean(judged(far["grocery in clothing"]) >= cut)) > FAR_AT_MOST)


def _share(accepted: NDArray[np.bool_]) -> str:
    return f"{accepted.mean():.1%}"


def _false(right: NDArray[np.float32], wrong: NDArray[np.float32], accepted: float) -> str:
    return f"{np.mean(wrong >= np.quantile(right, 1 - accepted)):.1%}"


if __name__ == "__main__":
    raise SystemExit(main())
