"""What is said in a lens session: a picture is opened, frames are asked for, hits are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nungil.pictures.boxes import Box
from nungil.pictures.features import FoundRegion
from nungil.runtime.errors import NungilError
from services.search.core import CropQuery, ItemRow
from services.search.wire import Chips, Understood


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the frame is. rest: it stays there."""

    number: int
    part: Box | int | None
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Refine:
    """What must hold from now on. query: as the session's, without a part. understood: how its words were read, once they are."""

    number: int
    query: CropQuery
    understood: Understood | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """An ask that could not be read."""

    number: int
    error: NungilError


Ask = Frame | Refine | Wrong


@dataclass(frozen=True, slots=True)
class LensHit:
    """One answer. box: None where it was not read yet."""

    media_id: str
    item_id: str | None
    score: float
    box: Box | None
    same: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """The pool is gathered. regions: the opened picture's, by n. understood: where there were words."""

    number: int
    rows: int
    regions: Mapping[int, FoundRegion]
    understood: Understood | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a frame shows. items: those to tell. box: what was searched with. chips: of a full answer."""

    number: int
    full: bool
    matched: bool
    hits: tuple[LensHit, ...]
    items: tuple[ItemRow, ...]
    box: Box
    clipped: bool
    partial: bool
    took_ms: float
    chips: Chips | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """An ask was wrong."""

    number: int
    error: NungilError


@dataclass(frozen=True, slots=True)
class Closed:
    """The last thing told."""

    error: NungilError


Tell = Ready | Shown | Fault | Closed


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A frame with its vector, float32 [dim], unit length, and its box within the picture."""

    frame: Frame
    vector: NDArray[np.float32]
    box: Box
    clipped: bool
