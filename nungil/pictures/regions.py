"""The parts of a picture worth searching for.

Where an encoder space was calibrated: the windows of its map that look like one thing (objectness). Elsewhere, from the map of
its labels, class activation mapping. Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016: a class's map is cut at a share
of its peak, and the connected part around the peak is its box. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import WHOLE, Box, overlap
from nungil.pictures.features import FoundLabel
from nungil.pictures.objectness import Objectness, apart, numbers_of, scores_of, windows_of
from nungil.pictures.pooling import pool_box, summed_area

LabelMap = NDArray[np.float32]

LABELS_KEPT = 32
REGIONS_KEPT = 8  # beside the whole, of class activation boxes
THINGS_KEPT = 12  # beside the whole, of windows
THINGS_SAME = 0.45  # two windows that overlap by more are one
PEAK = 0.3  # a label less probable than this in its best cell has no box
CUT = 0.02  # of the peak: 0.2 in the source, whose maps have not gone through a softmax
SAME = 0.5  # two boxes that overlap by more are one
SMALLEST = 0.03  # of the picture: three cells of a hundred
LARGEST = 0.85  # of the picture: that is the whole again
NOISE = 0.005  # a label less probable than this is not named


def strongest_labels(label_maps: LabelMap, labels: Sequence[str]) -> tuple[tuple[FoundLabel, ...], LabelMap]:
    """The labels that are most probable in some cell, ordered by their probability in the whole picture, and their maps.

    label_maps: float32 [rows, columns, labels], as an encoder gives it. Returns at most LABELS_KEPT labels, best first, and
    float32 [labels kept, rows, columns] in their order.
    """
    peaks, means = label_maps.max(axis=(0, 1)), label_maps.mean(axis=(0, 1))
    kept = np.argsort(-peaks, kind="stable")[:LABELS_KEPT]
    kept = kept[np.argsort(-means[kept], kind="stable")]
    found = tuple(FoundLabel(labels[i], float(means[i])) for i in kept)
    return found, np.ascontiguousarray(np.moveaxis(label_maps[..., kept], -1, 0))


def find_boxes(label_map: LabelMap) -> tuple[Box, ...]:
    """The whole picture, then at most REGIONS_KEPT boxes, the surest first. label_map: float32 [labels, rows, columns]."""
    peaks = label_map.max(axis=(1, 2))
    boxes = [WHOLE]
    for i in np.argsort(-peaks, kind="stable"):
        if peaks[i] < PEAK or len(boxes) > REGIONS_KEPT:
            break
        box = _around_peak(label_map[i])
        if SMALLEST <= box.area <= LARGEST and all(overlap(box, other) <= SAME for other in boxes[1:]):
            boxes.append(box)
    return tuple(boxes)


def find_things(map_: NDArray[np.float32], label_map: LabelMap, fitted: Objectness) -> tuple[Box, ...]:
    """The whole picture, then at most THINGS_KEPT windows that look like one thing, the surest first.

    map_: float32 [rows, columns, dim]. label_map: float32 [labels, rows, columns], as `strongest_labels` gives it.
    """
    windows = windows_of(*map_.shape[:2])
    scores = scores_of(numbers_of(map_, label_map, fitted.cells, fitted.cell_offset), windows, fitted)
    filled, _ = windows.sums(np.asarray(map_.any(axis=-1), dtype=np.float32)[..., None])
    scores[filled[:, 0] == 0] = -np.inf  # a blank ground has no direction to be found by
    kept = apart(scores, windows, cut=fitted.cut, same=THINGS_SAME, at_most=THINGS_KEPT)
    return (WHOLE, *(windows.box(n) for n in kept))


def labels_of(label_map: LabelMap, labels: Sequence[FoundLabel], boxes: Sequence[Box]) -> list[tuple[FoundLabel, ...]]:
    """The labels of each box, best first: the mean of their probabilities over its cells.

    label_map: float32 [labels, rows, columns], in the order of `labels`.
    """
    table = summed_area(np.moveaxis(label_map, 0, -1))
    return [_named(pool_box(table, box), labels) for box in boxes]


def _named(probabilities: NDArray[np.float32], labels: Sequence[FoundLabel]) -> tuple[FoundLabel, ...]:
    order = np.argsort(-probabilities, kind="stable")
    order = order[: np.count_nonzero(probabilities >= NOISE)]
    return tuple(
        FoundLabel(labels[i].id, p) for i, p in zip(order.tolist(), probabilities[order].tolist(), strict=True)
    )


def _around_peak(activation: NDArray[np.float32]) -> Box:
    """The box of the connected cells around the peak of [rows, columns] that reach CUT of it."""
    rows, columns = activation.shape
    row, column = divmod(int(activation.argmax()), columns)
    reached = _connected(activation >= CUT * activation[row, column], row, column)
    down, across = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    top, left = down[0] / rows, across[0] / columns
    return Box(float(left), float(top), float((across[-1] + 1) / columns - left), float((down[-1] + 1) / rows - top))


def _connected(active: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    """The active cells that one comes to from this one, up, down, left and right.

    The cells are the bits of one number, each row with an empty column behind it: stepping is shifting.
    """
    rows, width = active.shape[0], active.shape[1] + 1
    free = np.packbits(np.pad(active, ((0, 0), (0, 1))), bitorder="little")
    may = int.from_bytes(free.tobytes(), "little")
    reached, wider = 0, 1 << (row * width + column)
    while wider != reached:
        reached = wider
        wider = (reached | reached << 1 | reached >> 1 | reached << width | reached >> width) & may
    bits = np.frombuffer(reached.to_bytes(len(free), "little"), np.uint8)
    return np.unpackbits(bits, count=rows * width, bitorder="little").reshape(rows, width)[:, :-1].astype(bool)
