"""The vectors of the parts of a picture that an activity is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nungil.pictures.boxes import Box
from nungil.pictures.features import Features
from nungil.pictures.pooling import pool_box, summed_area, unit
from services.profile.core import Finding, Found, parts_of


def found_in(features: Features, findings: Sequence[Finding], box: Box | None) -> Found:
    """findings: as a `Reading` of the part under `box` gives them. Pooled from the map, so that a journal needs no object
    to be folded again."""
    table = summed_area(features.map)
    vectors = np.stack([unit(pool_box(table, part)) for part in parts_of(findings, box)])
    return Found(tuple(findings), vectors.astype("<f2").tobytes(), features.encoder_space)
