"""What is made of a picture before and after the forward pass. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nungil.encoder.calibration import calibration_of
from nungil.encoder.port import Encoder, Pixels
from nungil.pictures.colours import dominant_colours
from nungil.pictures.features import Features, FoundColour, FoundRegion
from nungil.pictures.objectness import Objectness, objectness_from
from nungil.pictures.pooling import pool_box, summed_area, unit
from nungil.pictures.regions import find_boxes, find_things, labels_of, strongest_labels
from nungil.taxonomy.taxonomy import ColourEntry
from nungil.vector_index.port import IndexRow, row_id


@dataclass(frozen=True, slots=True)
class Picture:
    """Whose picture it is. version: of the media.changed that asks; 0 where none does."""

    tenant: str
    media_id: str
    owner: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture, ready for the device. pixels: uint8 [input_px, input_px, 3]. Sizes are the upright picture's."""

    pixels: Pixels
    width_px: int
    height_px: int
    colours: tuple[FoundColour, ...]


def prepare(upright: Pixels, size: tuple[int, int], encoder: Encoder, terms: Mapping[str, ColourEntry]) -> Prepared:
    """upright: the whole picture, uint8 [height, width, 3], maybe at a part of its size. size: its own width and height."""
    pixels = encoder.prepare(upright)
    return Prepared(pixels, *size, dominant_colours(pixels, terms))


def finish(
    picture: Picture,
    prepared: Prepared,
    map_: NDArray[np.float32],
    label_map: NDArray[np.float32],
    *,
    space: str,
    labels: Sequence[str],
) -> Features:
    """Regions and their vectors. map_: float32 [rows, columns, dim]; label_map: float32 [rows, columns, len(labels)]."""
    named, kept = strongest_labels(label_map, labels)
    calibrated = regions_calibration(space)
    boxes = find_boxes(kept) if calibrated is None else find_things(map_, kept, calibrated)
    table = summed_area(map_)
    regions = tuple(
        FoundRegion(n, box, unit(pool_box(table, box)), of_box)
        for n, (box, of_box) in enumerate(zip(boxes, labels_of(kept, named, boxes), strict=True))
    )
    return Features(
        tenant=picture.tenant,
        media_id=picture.media_id,
        owner=picture.owner,
        encoder_space=space,
        version=picture.version,
        width_px=prepared.width_px,
        height_px=prepared.height_px,
        map=map_,
        regions=regions,
        labels=named,
        label_map=kept,
        colours=prepared.colours,
    )


@cache
def regions_calibration(space: str) -> Objectness | None:
    """How things are found in maps of this space; None where nobody has calibrated it."""
    section = calibration_of(space).get("regions")
    return None if section is None else objectness_from(section)


def rows_of(features: Features) -> list[IndexRow]:
    """One row a region."""
    return [
        IndexRow(row_id(features.media_id, region.n), region.vector, features.tenant, features.owner, features.media_id)
        for region in features.regions
    ]
