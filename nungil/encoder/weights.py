"""Encoders whose weights lie in files: their space's name carries the digest, so that two checkpoints never share rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nungil.encoder.port import EncoderSpace
from nungil.encoder.url import EncoderUrl
from nungil.runtime.errors import Misconfigured

_NAME = re.compile(r"[a-z0-9-]+-(?P<px>\d{2,4})-(?P<cells>\d{1,3})-(?P<dim>\d{1,5})-[0-9a-f]{12}")


def named_space(model: str, px: int, cells: int, dim: int, digest: str) -> EncoderSpace:
    """cells: rows, and columns. digest: see `digest_of`."""
    name = re.sub(r"[^a-z0-9]+", "-", model.lower())
    return EncoderSpace(f"{name}-{px}-{cells}-{dim}-{digest}", dim=dim, rows=cells, columns=cells, input_px=px)


def said_space(url: EncoderUrl) -> EncoderSpace:
    """What `space=` says: for services that read vectors and have no weights. Raises Misconfigured."""
    name = url.options["space"]
    found = _NAME.fullmatch(name)
    if found is None:
        raise Misconfigured(f"{url.url}: {name!r} is no space; `python -m nungil.encoder URL` prints a URL's space")
    cells = int(found["cells"])
    return EncoderSpace(name, dim=int(found["dim"]), rows=cells, columns=cells, input_px=int(found["px"]))


def digest_of(recipe: str, files: Iterable[Path]) -> str:
    """Twelve hexadecimal digits. recipe: what is made of the files; it changes when the same files would give other vectors."""
    whole = hashlib.sha256(recipe.encode())
    for path in files:
        try:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise Misconfigured(f"{path} cannot be read: {error.strerror}") from error
    return whole.hexdigest()[:12]


def read_projection(path: Path, raw_dim: int) -> NDArray[np.float32]:
    """`matrix` of an npz file, float32 [raw_dim, dim]; a vector x becomes x @ matrix. Raises Misconfigured."""
    try:
        with np.load(path, allow_pickle=False) as fitted:
            matrix: NDArray[np.float32] = fitted["matrix"].astype(np.float32)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(f"{path} is no projection: it must be an npz file that holds `matrix`") from error
    if matrix.ndim != 2 or matrix.shape[0] != raw_dim or not 1 <= matrix.shape[1] <= raw_dim:
        raise Misconfigured(f"the projection {path} is {matrix.shape}; this encoder needs ({raw_dim}, 1 to {raw_dim})")
    return matrix
